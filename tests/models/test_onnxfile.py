from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfar.errors import ModelFileError, NearfarError
from nearfar.models import onnx_file
from nearfar.models.onnx_file import refuse_external
from nearfar.models.registry import ModelRegistry
from tests.fakes import tiny_onnx
from tests.models.helpers import add, onnx_bytes


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not an ONNX model"),
        (b"<html>not found</html>", "not an ONNX model"),
        (b"PK\x03\x04 a checkpoint", "not an ONNX model"),
        (b"\x08\x08", "not an ONNX model"),
        (b"\x3a" + b"\xff" * 12, "is truncated"),
        (onnx_bytes(b"weights" * 99)[:-100], "is truncated"),
        (onnx_bytes(b"weights")[:-1], "is truncated"),
        (onnx_bytes(b"weights") + b"\x00tail", "not an ONNX model"),
    ],
)
def test_add_refuses_what_is_no_onnx(
    store: ModelRegistry, file: Path, content: bytes, why: str
) -> None:
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
        add(ModelRegistry(folder / "home", catalog=()), "mine", folder / "x.onnx")
    except NearfarError as error:
        assert isinstance(error, ModelFileError)  # noqa: PT017 - most bytes are refused, few not


def test_a_real_graph_is_taken(store: ModelRegistry, tmp_path: Path) -> None:
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


def elsewhere(name: str = "w") -> Any:
    """Make a tensor whose values are said to lie in another file."""
    onnx = pytest.importorskip("onnx")
    tensor = onnx.TensorProto(name=name, data_type=1, dims=[1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    return tensor


def in_weights(model: Any) -> None:
    model.graph.initializer.append(elsewhere())


def in_sparse_weights(model: Any) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(elsewhere())


def in_sparse_places(model: Any) -> None:
    model.graph.sparse_initializer.add().indices.CopyFrom(elsewhere())


def in_an_operator(model: Any) -> None:
    model.graph.node.add(op_type="Constant").attribute.add(name="value", type=4).t.CopyFrom(
        elsewhere()
    )


def in_a_list_of_an_operator(model: Any) -> None:
    model.graph.node.add(op_type="X").attribute.add(name="v").tensors.append(elsewhere())


def in_a_branch(model: Any) -> None:
    branch = model.graph.node.add(op_type="If").attribute.add(name="then_branch").g
    branch.node.add(op_type="If").attribute.add(name="then_branch").g.initializer.append(
        elsewhere()
    )


def in_a_list_of_branches(model: Any) -> None:
    model.graph.node.add(op_type="X").attribute.add(name="v").graphs.add().initializer.append(
        elsewhere()
    )


def in_a_function(model: Any) -> None:
    model.functions.add(name="f").node.add(op_type="Constant").attribute.add().t.CopyFrom(
        elsewhere()
    )


def in_training(model: Any) -> None:
    model.training_info.add().initialization.initializer.append(elsewhere())


def only_by_its_place(model: Any) -> None:
    tensor = elsewhere()
    tensor.ClearField("external_data")
    model.graph.initializer.append(tensor)


def only_by_its_keys(model: Any) -> None:
    tensor = elsewhere()
    tensor.ClearField("data_location")
    model.graph.initializer.append(tensor)


@pytest.mark.parametrize(
    "put",
    [
        in_weights,
        in_sparse_weights,
        in_sparse_places,
        in_an_operator,
        in_a_list_of_an_operator,
        in_a_branch,
        in_a_list_of_branches,
        in_a_function,
        in_training,
        only_by_its_place,
        only_by_its_keys,
    ],
    ids=lambda put: put.__name__,
)
def test_tensor_in_another_file_is_found_wherever_it_is(
    store: ModelRegistry, file: Path, put: Callable[[Any], None]
) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_model_from_string(tiny_onnx())
    put(model)
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="weights in another file: save it as one"):
        add(store, "mine", file)
    assert not store.home.exists()
    with pytest.raises(ModelFileError, match="weights in another file"):
        refuse_external(file.read_bytes())


def test_groups_which_a_parser_would_pass_over_are_refused(
    store: ModelRegistry, file: Path
) -> None:
    pytest.importorskip("onnx")
    group = b"\x4b\x4c"  # field 9 begins and ends
    inner = group + elsewhere().SerializeToString()
    graph = b"\x2a" + bytes([len(inner)]) + inner
    file.write_bytes(tiny_onnx() + b"\x3a" + bytes([len(graph)]) + graph)
    with pytest.raises(ModelFileError, match="groups"):
        add(store, "mine", file)


def test_every_way_to_a_tensor_is_known() -> None:
    onnx = pytest.importorskip("onnx")
    kinds, leads = {}, {"TensorProto"}
    begun = [onnx.ModelProto.DESCRIPTOR]
    while begun:
        kind = begun.pop()
        if kind.name not in kinds:
            kinds[kind.name] = kind
            begun += [each.message_type for each in kind.fields if each.message_type]
    while more := {
        kind.name
        for kind in kinds.values()
        if kind.name not in leads
        and any(each.message_type and each.message_type.name in leads for each in kind.fields)
    }:
        leads |= more
    expected = {
        name.removesuffix("Proto"): {
            each.number: each.message_type.name.removesuffix("Proto")
            for each in kinds[name].fields
            if each.message_type and each.message_type.name in leads
        }
        for name in leads - {"TensorProto"}
    }
    known = {kind: dict(parts) for kind, parts in onnx_file._PARTS.items()}
    assert known == expected


@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_damage_within_a_network_never_ends_in_anything_else_than_an_error_of_ours(
    place: int, byte: int
) -> None:
    content = bytearray(tiny_onnx())
    content[place % len(content)] = byte
    try:
        refuse_external(bytes(content))
    except ModelFileError as error:
        assert "ONNX" in str(error) or "another file" in str(error)  # noqa: PT017 - most are passed
