"""Whole networks in torch against ONNX Runtime, and what is refused."""

import subprocess
import sys
import threading
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from nearfar.errors import InferenceError, ModelFileError, NearfarError, UsageError
from nearfar.runtimes.torch import TorchSession
from nearfar.training.export import export_onnx
from tests.runtimes.torch_ops.graphs import MAPS, Node, assert_same, model, values, whole
from tests.training.networks import random_midas_small, random_pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nearfar.runtimes.base import Session

RELU: Node = ("Relu", ["x"], {})
CONV: Node = (
    "Conv",
    ["x", values(4, 3, 3, 3), values(4)],
    {"pads": [1, 0, 2, 1], "strides": [2, 1]},
)


@pytest.mark.parametrize(("count", "height", "width"), [(1, 224, 288), (3, 64, 96)])
def test_the_bundled_network_matches_onnxruntime(count: int, height: int, width: int) -> None:
    bundled = resources.files("nearfar.models") / "bundled" / "nearfar-lite.onnx"
    assert_same(bundled.read_bytes(), random_pictures(count, height, width).numpy())


def test_midas_small_matches_onnxruntime(tmp_path: Path) -> None:
    export_onnx(random_midas_small(), tmp_path / "midas.onnx")
    content = (tmp_path / "midas.onnx").read_bytes()
    assert_same(content, random_pictures(2, 96, 64).numpy())


REFUSED: dict[str, tuple[Node, str]] = {
    "operator": (("Det", ["x"], {}), "operator Det"),
    "domain": (
        ("FusedMatMul", ["x", "x"], {"domain": "com.microsoft"}),
        "com.microsoft.FusedMatMul",
    ),
    "attribute": (("Relu", ["x"], {"slope": 2}), "the attribute slope"),
    "value": (("Pad", ["x", whole(*[0] * 8)], {"mode": "wrap"}), "mode=wrap"),
    "crop": (
        ("Resize", ["x"], {"coordinate_transformation_mode": "tf_crop_and_resize"}),
        "tf_crop_and_resize",
    ),
    "antialias": (("Resize", ["x"], {"antialias": 1}), "antialias"),
    "ceil": (("MaxPool", ["x"], {"kernel_shape": [2, 2], "ceil_mode": 1}), "ceil_mode"),
    "output": (("MaxPool", ["x"], {"kernel_shape": [2, 2], "outs": 2}), "a second output"),
    "auto_pad": (
        ("ConvTranspose", ["x", values(3, 1, 2, 2)], {"auto_pad": "SAME_UPPER"}),
        "auto_pad",
    ),
    "type": (("Cast", ["x"], {"to": TensorProto.STRING}), "STRING"),
    "training": (
        ("BatchNormalization", ["x", *[values(3)] * 4], {"training_mode": 1}),
        "training_mode",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_covered_is_named_with_the_remedy(name: str) -> None:
    node, told = REFUSED[name]
    with pytest.raises(InferenceError, match="--runtime onnxruntime") as caught:
        TorchSession(model([node, *MAPS]))
    assert told in str(caught.value)
    assert node[0] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x00" * 100])
def test_what_is_no_network_is_refused(content: bytes) -> None:
    with pytest.raises(ModelFileError, match="not an ONNX network"):
        TorchSession(content)


def test_damaged_networks_raise_nothing_else() -> None:
    good = model([CONV, *MAPS])
    told: list[str] = []
    for place in range(0, len(good), 3):
        damaged = good[:place] + bytes([good[place] ^ 0x2A]) + good[place + 1 :]
        try:
            TorchSession(damaged).run(values(1, 3, 6, 8))
        except NearfarError as error:
            told.append(str(error))
    assert told
    assert not [text for text in told if "\n" in text]


def test_a_graph_whose_values_are_not_there_is_refused() -> None:
    with pytest.raises(ModelFileError, match="Relu"):
        TorchSession(model([("Relu", ["nobody"], {})]))


def test_a_size_that_breaks_inside_is_told_in_one_line() -> None:
    session = TorchSession(model([("Add", ["x", values(8)], {}), *MAPS]))
    with pytest.raises(InferenceError, match="torch failed in Add") as caught:
        session.run(values(1, 3, 4, 7))
    assert "\n" not in str(caught.value)


def test_local_functions_are_run() -> None:
    body = helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    network = onnx.load_model_from_string(model([("Twice", ["x"], {"domain": "own"}), *MAPS]))
    network.functions.append(body)
    network.opset_import.append(helper.make_opsetid("own", 1))
    assert_same(network.SerializeToString(), values(1, 3, 4, 4))


def test_the_batch_is_not_changed() -> None:
    batch = values(1, 3, 6, 8)
    batch.setflags(write=False)
    before = batch.copy()
    TorchSession(model([("Identity", ["x"], {}), *MAPS])).run(batch)
    assert np.array_equal(batch, before)


def test_threads_at_once_get_the_same() -> None:
    session: Session = TorchSession(model([CONV, *MAPS]))
    assert session.runtime == "torch"
    batches = [values(1, 3, 8 + i, 8) for i in range(4)]
    expected = [session.run(batch) for batch in batches]
    answers: dict[int, NDArray[np.float32]] = {}

    def work(i: int) -> None:
        for _ in range(5):
            answers[i] = session.run(batches[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(answers[i], expected[i]) for i in range(4))


def test_threads_are_set_for_all_of_torch() -> None:
    before = torch.get_num_threads()
    try:
        TorchSession(model([RELU, *MAPS]), threads=1)
        assert torch.get_num_threads() == 1
        with pytest.raises(UsageError):
            TorchSession(model([RELU, *MAPS]), threads=0)
    finally:
        torch.set_num_threads(before)


def test_the_class_is_there_without_torch() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from nearfar.errors import MissingExtraError\n"
        "from nearfar.runtimes.torch import TorchSession\n"
        "try:\n"
        "    TorchSession(b'')\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "torch is not installed: pip install 'nearfar[torch]'\n"
