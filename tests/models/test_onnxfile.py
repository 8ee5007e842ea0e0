from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfar.errors import (
    ModelFileError,
    NearfarError,
)
from nearfar.models.store import Store
from tests.models.helpers import add, onnx_bytes


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not an ONNX model"),
        (b"<html>not found</html>", "not an ONNX model"),
        (b"PK\x03\x04 a checkpoint", "not an ONNX model"),
        (b"\x08\x08", "not an ONNX model"),
        (b"\x3a" + b"\xff" * 12, "cut off"),
        (onnx_bytes(b"weights" * 99)[:-100], "cut off"),
        (onnx_bytes(b"weights")[:-1], "cut off"),
        (onnx_bytes(b"weights") + b"\x00tail", "not an ONNX model"),
    ],
)
def test_add_refuses_what_is_no_onnx(store: Store, file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match=why):
        add(store, "mine", file)
    assert not store.home.exists()


@given(content=st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "x.onnx").write_bytes(onnx_bytes(b"graph")[: len(content) % 9] + content)
    try:
        add(Store(folder / "home", catalog=()), "mine", folder / "x.onnx")
    except NearfarError as error:
        assert isinstance(error, ModelFileError)  # noqa: PT017 - most bytes are refused, few not


def test_a_real_graph_is_taken(store: Store, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, ["n"])],
        [onnx.helper.make_tensor_value_info("y", 1, ["n"])],
        [onnx.numpy_helper.from_array(np.zeros(9999, np.float32), "w")],
    )
    path = tmp_path / "graph.onnx"
    onnx.save(onnx.helper.make_model(graph, producer_name="tests", doc_string="d"), path)
    add(store, "mine", path)
    assert store.read("mine") == path.read_bytes()
