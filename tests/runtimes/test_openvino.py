import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nearfar.errors import MissingExtraError
from nearfar.runtimes.openvino import OpenvinoSession
from tests.fakes import tiny_depth, tiny_onnx

pytest.importorskip("openvino")
BATCH = np.random.default_rng(1).standard_normal((1, 3, 16, 12), dtype=np.float32)


def right(session: OpenvinoSession) -> None:
    np.testing.assert_allclose(session.run(BATCH), tiny_depth(BATCH), atol=2e-6)


def test_compiled_networks_are_kept_and_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "openvino"
    right(OpenvinoSession(tiny_onnx(), cache_dir=folder))
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert kept
    right(OpenvinoSession(tiny_onnx(), cache_dir=folder))
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == kept


def test_two_models_do_not_take_each_others_place(tmp_path: Path) -> None:
    other = tiny_onnx().replace(b"Sigmoid", b"Softmax")
    assert len(other) == len(tiny_onnx())
    for _ in range(2):
        right(OpenvinoSession(tiny_onnx(), cache_dir=tmp_path))
        softmax = OpenvinoSession(other, cache_dir=tmp_path).run(BATCH)
        np.testing.assert_allclose(softmax.sum(axis=-1), 1, atol=1e-5)


def test_callers_that_run_at_the_same_time_get_their_own_answers() -> None:
    session = OpenvinoSession(tiny_onnx(), threads=1, callers=3)
    with ThreadPoolExecutor(3) as pool:
        for depth in pool.map(session.run, [BATCH] * 12):
            np.testing.assert_allclose(depth, tiny_depth(BATCH), atol=2e-6)


@pytest.mark.parametrize("keep", [0, 100])
def test_a_cut_off_compiled_network_is_made_again(tmp_path: Path, keep: int) -> None:
    OpenvinoSession(tiny_onnx(), cache_dir=tmp_path)
    for path in tmp_path.iterdir():
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:keep])
    right(OpenvinoSession(tiny_onnx(), cache_dir=tmp_path))


def test_a_cache_that_cannot_be_is_told_and_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        right(OpenvinoSession(tiny_onnx(), cache_dir=tmp_path / "file"))
    assert "can't be stored in" in caplog.text


def test_without_the_extra_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfar\[openvino\]'"):
        OpenvinoSession(tiny_onnx())
