import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nearfar.errors import InferenceError, ModelFileError
from nearfar.models.family import bind
from nearfar.models.spec import PLAIN_GRAPH
from nearfar.runtimes.base import Feeds, ModelIO, Outputs, TensorInfo
from nearfar.runtimes.onnx import OnnxSession
from tests.fakes import tiny_depth, tiny_onnx

IMAGE = TensorInfo("image", (None, 3, None, None), "float32")
DEPTH = TensorInfo("depth", (None, None, None), "float32")


def graph(inputs: dict[str, list[int]], outputs: dict[str, list[int]], kind: int = 1) -> bytes:
    """Make a graph that only has the right outside: each output is the sum of an input."""
    from onnx import helper

    first = next(iter(inputs))
    nodes = [helper.make_node("Identity", [first], [name]) for name in outputs]
    takes = [helper.make_tensor_value_info(name, kind, sides) for name, sides in inputs.items()]
    gives = [helper.make_tensor_value_info(name, kind, sides) for name, sides in outputs.items()]
    made = helper.make_graph(nodes, "outside", takes, gives)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


FOUR = [1, 3, 4, 4]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (graph({"a": FOUR, "b": FOUR}, {"c": FOUR}), "this one has 2 and 1"),
        (graph({"a": FOUR}, {"b": FOUR, "c": FOUR}), "this one has 1 and 2"),
        (graph({"a": FOUR}, {"b": FOUR}), r"gives .* this one \(1, 3, 4, 4\) float32"),
        (graph({"a": [1, 1, 4, 4]}, {"b": [1, 1, 4, 4]}), "takes .* this one"),
        (graph({"a": [3, 4, 4]}, {"b": [3, 4, 4]}), "takes .* this one"),
        (graph({"a": FOUR}, {"b": FOUR}, kind=10), "float16"),
    ],
    ids=["two inputs", "two outputs", "no map", "grey", "no batch", "half precision"],
)
def test_what_is_no_depth_network_is_refused(model: bytes, sentence: str) -> None:
    with pytest.raises(ModelFileError, match=sentence):
        OnnxSession(model)


def test_weights_among_the_inputs_are_no_inputs() -> None:
    """Files of ONNX's early years list their weights as inputs too; the official MiDaS does."""
    import onnx

    model = onnx.load_from_string(tiny_onnx())
    model.graph.input.append(
        onnx.helper.make_tensor_value_info("axes", onnx.TensorProto.INT64, [1])
    )
    batch = np.ones((1, 3, 4, 4), np.float32)
    depth = OnnxSession(model.SerializeToString()).run(batch)
    np.testing.assert_allclose(depth, tiny_depth(batch), atol=1e-6)


def test_the_output_is_a_view_where_one_picture_is_fed() -> None:
    depth = OnnxSession(tiny_onnx(channel_axis=True)).run(np.zeros((1, 3, 4, 4), np.float32))
    assert depth.base is not None


def answer(shape: tuple[int, ...], _: Feeds) -> Outputs:
    return {"depth": np.zeros(shape, np.float32)}


def first_channel(feeds: Feeds) -> Outputs:
    return {"depth": feeds["image"][:, 0]}


def test_an_unknown_shape_is_checked_when_it_runs() -> None:
    unknown = [TensorInfo("image", None, "float32")], [TensorInfo("depth", None, "float32")]
    model_io = ModelIO(bind(PLAIN_GRAPH, *unknown))
    batch = np.zeros((2, 3, 4, 4), np.float32)
    assert model_io.run(batch, first_channel).shape == (2, 4, 4)
    for shape in [(2, 3, 4, 4), (1, 4, 4), (4, 4)]:
        with pytest.raises(InferenceError, match="one map per picture"):
            model_io.run(batch, partial(answer, shape))


def test_one_side_may_be_fixed() -> None:
    image = TensorInfo("image", (None, 3, 4, None), "float32")
    model_io = ModelIO(bind(PLAIN_GRAPH, [image], [DEPTH]))
    assert model_io.run(np.zeros((1, 3, 4, 9), np.float32), first_channel).shape == (1, 4, 9)
    with pytest.raises(InferenceError, match="takes 9 x 4 pixels, not 9 x 5"):
        model_io.run(np.zeros((1, 3, 5, 9), np.float32), first_channel)


def test_a_failed_run_is_one_line_and_silent(capfd: pytest.CaptureFixture[str]) -> None:
    from nearfar.models.registry import ModelRegistry

    session = OnnxSession(ModelRegistry().read("nearfar-lite"))
    with pytest.raises(InferenceError, match="30 x 31 pixels") as caught:
        session.run(np.zeros((1, 3, 31, 30), np.float32))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_nothing_is_sent_home(runtime: str, tmp_path: Path) -> None:
    """Both libraries leave an identifier in the home before they report; here neither does."""
    if runtime == "openvino":
        pytest.importorskip("openvino")
    name = {"onnx": "OnnxSession", "openvino": "OpenvinoSession"}[runtime]
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "socket.socket = socket.create_connection = refuse\n"
        f"from nearfar.runtimes.{runtime} import {name} as Session\n"
        "import numpy as np\n"
        "Session(open(sys.argv[1], 'rb').read()).run(np.zeros((1, 3, 8, 8), np.float32))\n"
        "print(sorted(name for name in sys.modules if name.startswith('openvino_telemetry')))\n"
    )
    model = tmp_path / "tiny.onnx"
    model.write_bytes(tiny_onnx())
    home = tmp_path / "home"
    home.mkdir()
    private = {"CI", "TF_BUILD", "JENKINS_URL", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    kept = {key: value for key, value in os.environ.items() if key not in private}
    answer = subprocess.run(
        [sys.executable, "-c", code, str(model)],
        env=kept | {"HOME": str(home), "LOCALAPPDATA": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "[]\n", "")
    assert list(home.rglob("*")) == []
