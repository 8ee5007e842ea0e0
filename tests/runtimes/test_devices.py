"""Devices, on a machine that has the CPU only: the library's side of them is faked."""

import inspect
import logging
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnxruntime
import pytest

import nearfar
from nearfar.errors import DeviceError, UsageError
from nearfar.io.paths import cache_folder
from nearfar.runtimes import autotune, benchmark, table
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from nearfar.runtimes.table import DEVICES, RUNTIMES, DeviceName, RuntimeName
from tests.fakes import tiny_depth, tiny_onnx
from tests.stores import bundled_store

ONNX = RUNTIMES["onnxruntime"]
CUDA, DIRECTML = ONNX.device("cuda"), ONNX.device("directml")
BATCH = np.ones((1, 3, 8, 6), np.float32)


class FakeProviders:
    """An onnxruntime built with more providers; a session on one of them runs on the CPU.

    Args:
        patch: of the test.
        started: providers of a session, after it was made; by default those that it was given.
        error: raised when a session is made on another provider than the CPU's.
    """

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        *,
        started: list[str] | None = None,
        error: Exception | None = None,
    ) -> None:
        self.made: list[dict[str, Any]] = []
        self.patterns: list[bool] = []
        self.severities: list[int] = []
        self._started, self._error = started, error
        self._true = onnxruntime.InferenceSession
        offered = ["CUDAExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider"]
        patch.setattr(onnxruntime, "get_available_providers", lambda: offered)
        patch.setattr(onnxruntime, "InferenceSession", self._make)
        patch.setattr(onnxruntime, "set_default_logger_severity", self.severities.append)

    def _make(self, source: Any, options: Any, **given: Any) -> Any:
        if given["providers"] == ["CPUExecutionProvider"]:
            return self._true(source, options, **given)
        self.made.append(given)
        self.patterns.append(options.enable_mem_pattern)
        if self._error is not None:
            raise self._error
        session = self._true(source, options, providers=["CPUExecutionProvider"])
        names = [each[0] if isinstance(each, tuple) else each for each in given["providers"]]
        session.get_providers = lambda: self._started or names
        return session


def test_every_row_has_its_class_and_the_cpu_first() -> None:
    classes = [row.session_class() for row in RUNTIMES.values()]
    assert classes == [OnnxSession, OpenvinoSession]
    assert all(row.devices[0].name == "cpu" for row in RUNTIMES.values())
    assert all(device.remedy for row in RUNTIMES.values() for device in row.devices)
    assert len({name for row in RUNTIMES.values() for name in (row.name,)}) == len(classes)


def test_the_choices_are_made_from_the_table() -> None:
    assert get_args(DeviceName) == ("auto", *DEVICES)
    assert get_args(RuntimeName) == ("auto", *RUNTIMES)
    assert DEVICES == ("cpu", "cuda", "coreml", "directml", "migraphx", "intel-gpu")


@pytest.mark.parametrize("command", ["bench", "cloud", "effect", "estimate", "live", "probe"])
def test_whoever_takes_a_runtime_takes_a_device(command: str) -> None:
    module = __import__(f"nearfar.cli.{command}", fromlist=[command])
    text = inspect.getsource(module)
    assert "device: args.Device" in text


def test_a_provider_gets_its_options_and_no_silent_fallback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faked = FakeProviders(monkeypatch)
    session = OnnxSession(tiny_onnx(), device=CUDA)
    assert session.runtime == "onnxruntime on cuda"
    assert faked.made == [
        {
            "providers": [
                (
                    "CUDAExecutionProvider",
                    {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
                ),
                "CPUExecutionProvider",
            ],
            "enable_fallback": 0,
        }
    ]
    assert faked.severities == [4, 2], "silent while the provider starts, and then as before"
    np.testing.assert_allclose(session.run(BATCH), tiny_depth(BATCH), atol=2e-6)


def test_the_library_takes_the_arguments_that_a_device_needs() -> None:
    """Without a GPU: the true library accepts the form of these options for its CPU provider."""
    session = onnxruntime.InferenceSession(
        tiny_onnx(), providers=[("CPUExecutionProvider", {})], enable_fallback=0
    )
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert "CPUExecutionProvider" in OnnxSession.providers()


def test_a_provider_that_the_library_lacks_is_refused_with_its_remedy() -> None:
    with warnings.catch_warnings(), pytest.raises(DeviceError) as caught:
        warnings.simplefilter("error")
        OnnxSession(tiny_onnx(), device=DIRECTML)
    assert str(caught.value) == (
        "this onnxruntime has no DmlExecutionProvider: install onnxruntime-directml in place of"
        " onnxruntime, on Windows, or choose the device cpu"
    )


@pytest.mark.parametrize(
    ("faked", "because"),
    [
        ({"started": ["CPUExecutionProvider"]}, ""),
        (
            {"error": RuntimeError("libcublas.so.12:\n no such file")},
            " (libcublas.so.12: no such file)",
        ),
        ({"error": MemoryError("out of memory")}, " (out of memory)"),
    ],
    ids=["passed over", "raises", "no memory"],
)
def test_a_provider_that_does_not_start_is_one_line_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    faked: dict[str, Any],
    because: str,
) -> None:
    FakeProviders(monkeypatch, **faked)
    with pytest.raises(DeviceError) as caught:
        OnnxSession(tiny_onnx(), device=CUDA)
    assert str(caught.value) == (
        f"cuda failed to start in onnxruntime{because}: install an NVIDIA driver, and"
        " onnxruntime-gpu[cuda,cudnn] in place of onnxruntime, or choose the device cpu"
    )
    assert capfd.readouterr() == ("", "")


def test_directml_takes_one_run_at_a_time_and_keeps_no_patterns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faked = FakeProviders(monkeypatch)
    session = OnnxSession(tiny_onnx(), device=DIRECTML)
    OnnxSession(tiny_onnx(), device=CUDA)
    assert faked.patterns == [False, True]
    true_run, inside, most = session._session.run, 0, 0
    lock, both = threading.Lock(), threading.Barrier(2)

    def run(*given: Any) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return true_run(*given)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(session._session, "run", run)

    def work() -> None:
        both.wait()
        for _ in range(20):
            session.run(BATCH)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_an_intel_gpu_that_is_missing_is_refused_with_its_remedy() -> None:
    pytest.importorskip("openvino")
    if "GPU" in OpenvinoSession.providers():
        pytest.skip("this machine has an Intel GPU")
    with pytest.raises(DeviceError, match=r"intel-gpu failed to start in openvino .*OpenCL driver"):
        OpenvinoSession(tiny_onnx(), device=RUNTIMES["openvino"].device("intel-gpu"))


@pytest.fixture
def one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[DeviceName], Any]:
    """Load one network of one runtime whose library offers CUDA, measured to be faster there."""
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime",))
    cuda_ms, other_ms = (benchmark.Timing(ms, ms, 3) for ms in (5.0, 10.0))
    monkeypatch.setattr(
        benchmark,
        "interleaved",
        lambda sessions, *_, **__: {
            name: cuda_ms if name.endswith("cuda") else other_ms for name in sessions
        },
    )
    store = bundled_store(tmp_path)
    return lambda device: nearfar.load("lite", store=store, purpose="stream", device=device)


def test_auto_takes_the_gpu_and_the_cpu_when_it_fails_later(
    one_model: Callable[[DeviceName], Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        FakeProviders(patch)
        assert one_model("auto").session.runtime == "onnxruntime on cuda"
        assert one_model("cpu").session.runtime == "onnxruntime"
        assert one_model("cuda").session.runtime == "onnxruntime on cuda"
    FakeProviders(monkeypatch, error=RuntimeError("no CUDA-capable device"))
    with caplog.at_level(logging.WARNING):
        assert one_model("auto").session.runtime == "onnxruntime"
    (line,) = caplog.messages
    assert line.startswith(
        "the CPU is used instead: cuda failed to start in onnxruntime (no CUDA-capable device):"
    )
    with pytest.raises(DeviceError, match="no CUDA-capable device"):
        one_model("cuda")


def test_auto_is_the_cpu_in_one_line_where_the_gpu_never_starts(
    one_model: Callable[[DeviceName], Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    FakeProviders(monkeypatch, started=["CPUExecutionProvider"])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert one_model("auto").session.runtime == "onnxruntime"
    assert len([line for line in caplog.messages if "cuda" in line]) == 1


def test_a_device_or_runtime_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="device must be auto or one of cpu, cuda,"):
        nearfar.load(device="abacus")
    with pytest.raises(UsageError, match="runtime must be auto or one of onnxruntime, openvino"):
        nearfar.load(runtime="abacus")
    with pytest.raises(UsageError, match="expected_photos must be at least 1, not 0"):
        nearfar.load(expected_photos=0)


def test_the_time_of_a_cold_start_is_that_of_a_new_process(tmp_path: Path) -> None:
    model = tmp_path / "tiny.onnx"
    model.write_bytes(tiny_onnx())
    ms = benchmark.cold_start_ms(model, "onnxruntime", "cpu", (1, 3, 8, 6), 1)
    assert 1 < ms < 60_000, "the import of a library alone takes more than a millisecond"
    with pytest.raises(nearfar.NearfarError, match=r"a cold start can't be timed .*not an ONNX"):
        model.write_bytes(b"not a network")
        benchmark.cold_start_ms(model, "onnxruntime", "cpu", (1, 3, 8, 6), 1)
    assert cache_folder() is not None
    assert autotune.usual_photos("photo") == 1
    assert Candidate("lite", "onnxruntime").place == "onnxruntime"
