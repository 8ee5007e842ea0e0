"""A service whose model gives metres."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nearfar.depth import MetricDepth, read_depth
from nearfar.io.images import encode_image
from nearfar.models.recognize import Declaration
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.runtimes.onnx import OnnxSession
from nearfar.service.app import make_app
from nearfar.service.engine import InferenceEngine
from nearfar.service.settings import ServiceOptions
from tests.models.networks import depth_anything_metric, metric3d
from tests.service.served import Served, serving

NOTE = "X-Nearfar-Assumption"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with `metric`, its own choice, and `canonical`."""
    folder = Path(tmp_path_factory.mktemp("models"))
    store = ModelRegistry(folder / "home")
    for name, family, content in (
        ("metric", "metres", depth_anything_metric()),
        ("canonical", "canonical-metres", metric3d()),
    ):
        file = folder / f"{name}.onnx"
        file.write_bytes(content)
        graph = OnnxSession(content, threads=1, graph=Declaration(family)).graph.spec
        fed = InputSpec(56, 42, 14, "upper_bound", "area")
        store.add(name, file, input=fed, output=OutputSpec("far", "linear"), graph=graph)
    options = ServiceOptions(port=0, model="metric", runtime="onnxruntime", workers=1)
    engine = InferenceEngine(options, store=store)
    with serving(make_app(options, engine=engine, page=False)) as found:
        yield found


@pytest.fixture(scope="module")
def slope() -> bytes:
    """White at the top, black at the bottom: far above, near below."""
    rows = np.linspace(255, 0, 84).round().astype(np.uint8)
    pixels = np.broadcast_to(rows[:, None, None], (84, 112, 3))
    return encode_image(np.ascontiguousarray(pixels), ".png")


def test_depth_comes_in_metres(service: Served, slope: bytes) -> None:
    found = read_depth(service.depth(slope).content)
    assert isinstance(found, MetricDepth)
    assert found.at(50, 80) < 2
    assert found.at(50, 3) > 18
    colored = service.depth(slope, format="png")
    assert colored.headers["content-type"] == "image/png"


def test_points_are_read_in_metres(service: Served, slope: bytes) -> None:
    points = json.dumps([{"x_px": 50, "y_px": 80}, {"x_px": 50, "y_px": 3}])
    said = service.client.post("/v1/probe", content=slope, params={"points": points}).json()
    assert said["assumption"] == "metres of the network"
    near, far = said["points"]
    assert near["metres"] < 2 < far["metres"]
    assert near["nearness"] > far["nearness"]


def test_a_cloud_rests_on_the_network_unless_distances_are_given(
    service: Served, slope: bytes
) -> None:
    cloud = service.client.post("/v1/cloud", content=slope)
    assert cloud.headers[NOTE].startswith("metres of the network; field of view 60 deg (assumed)")
    given = service.client.post("/v1/cloud", content=slope, params={"near_m": 1, "far_m": 2})
    assert given.headers[NOTE].startswith("nearest pixel at 1 m, farthest at 2 m")


def test_the_field_of_view_reaches_the_network(service: Served, slope: bytes) -> None:
    query: dict[str, str | int] = {"model": "canonical", "fov_deg": 90}
    note = service.client.post("/v1/mesh", content=slope, params=query).headers[NOTE]
    assert note.startswith("metres of the network; field of view 90 deg")


def test_effects_are_made(service: Served, slope: bytes) -> None:
    made = service.client.post("/v1/effects/fog", content=slope)
    assert made.status_code == 200
