from typing import Any

import numpy as np
import pytest

from tests.runtimes.torch_ops.graphs import MAPS, Node, assert_same, model, values, whole

COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("target", ["double", "fraction", "sizes", "smaller", "one"])
def test_resize_matches_onnxruntime(mode: str, coordinates: str, target: str) -> None:
    to: list[Any] = {
        "double": ["x", "", np.array([1, 1, 2, 2], np.float32)],
        "fraction": ["x", "", np.array([1, 1, 1.3, 1.7], np.float32)],
        "sizes": ["x", "", "", whole(1, 3, 11, 9)],
        "smaller": ["x", "", "", whole(1, 3, 4, 5)],
        "one": ["x", "", "", whole(1, 3, 1, 5)],
    }[target]
    attributes = {"mode": mode, "coordinate_transformation_mode": coordinates}
    nodes: list[Node] = [
        ("Resize", to, attributes),
        ("ReduceMean", ["y0", whole(1)], {"keepdims": 0}),
    ]
    assert_same(model(nodes, opset=19), values(1, 3, 6, 8))


@pytest.mark.parametrize(
    "attributes",
    [
        *(
            {"mode": "nearest", "nearest_mode": mode}
            for mode in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
        ),
        {"mode": "cubic", "cubic_coeff_a": -0.5},
        {"mode": "cubic", "exclude_outside": 1},
    ],
)
def test_resize_options_match_onnxruntime(attributes: dict[str, Any]) -> None:
    nodes: list[Node] = [
        ("Resize", ["x", "", np.array([1, 1, 2.5, 0.5], np.float32)], attributes),
        *MAPS,
    ]
    assert_same(model(nodes), values(2, 3, 6, 8))
