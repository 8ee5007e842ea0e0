"""What is fed to a network is what its authors feed."""

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.models.catalog import CATALOG
from nearfar.models.preprocess import MAX_SIDE_PX, prepare, target_size
from nearfar.models.spec import InputSpec

TORCH_MIDAS = InputSpec(
    256, 256, 32, "upper_bound", "cubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
)
OFFICIAL = {
    "midas_v21_small_256.pt": TORCH_MIDAS,
    **{spec.name: spec.input for spec in CATALOG if spec.urls},
}


def published_size(width: int, height: int, spec: InputSpec) -> tuple[int, int]:
    """Read MiDaS's transforms.py independently: Resize.get_size with keep_aspect_ratio."""
    if spec.resize == "stretch":
        return spec.width_px, spec.height_px
    scale_width, scale_height = spec.width_px / width, spec.height_px / height
    if spec.resize == "lower_bound":
        scale = max(scale_width, scale_height)
    else:
        scale = min(scale_width, scale_height)
    sides = []
    for length, bound in ((width, spec.width_px), (height, spec.height_px)):
        side = int(np.round(scale * length / spec.multiple_of) * spec.multiple_of)
        if spec.resize == "upper_bound" and side > bound:
            side = int(np.floor(scale * length / spec.multiple_of) * spec.multiple_of)
        if spec.resize == "lower_bound" and side < bound:
            side = int(np.ceil(scale * length / spec.multiple_of) * spec.multiple_of)
        sides.append(side)
    return sides[0], sides[1]


def published_transform(
    image: NDArray[np.uint8], size: tuple[int, int], spec: InputSpec
) -> NDArray[np.float64]:
    """Read the published transforms independently: / 255, cubic resize, normalise, CHW."""
    resized = cv2.resize(image / 255.0, size, interpolation=cv2.INTER_CUBIC)
    sample = (np.asarray(resized, np.float64) - np.array(spec.mean)) / np.array(spec.std)
    return np.transpose(sample, (2, 0, 1))[None]


@pytest.mark.parametrize("name", OFFICIAL)
@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (333, 500), (90, 70)])
def test_prepare_matches_the_published_transform(name: str, width: int, height: int) -> None:
    spec = OFFICIAL[name]
    image = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    size = published_size(width, height, spec)
    batch = prepare(image, spec)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    np.testing.assert_allclose(
        batch, published_transform(image, size, spec), atol=3e-4
    )  # cv2 rounds otherwise in float64


@pytest.mark.parametrize(
    ("width", "height", "name", "expected"),
    [
        (640, 480, "midas_v21_small_256.pt", (256, 192)),
        (1920, 1080, "midas_v21_small_256.pt", (256, 128)),  # 4.5 multiples round to even
        (640, 480, "midas-small", (256, 256)),
        (1242, 375, "midas-small", (256, 256)),
        (640, 480, "depth-anything-v2-small", (686, 518)),
    ],
)
def test_hand_worked_sizes(width: int, height: int, name: str, expected: tuple[int, int]) -> None:
    assert target_size(width, height, OFFICIAL[name]) == expected


@given(
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
    name=st.sampled_from(sorted(OFFICIAL)),
)
def test_size_is_the_published_one_wherever_that_is_usable(
    width: int, height: int, name: str
) -> None:
    spec = OFFICIAL[name]
    expected = published_size(width, height, spec)
    if min(expected) > 0 and max(expected) <= MAX_SIDE_PX:
        assert target_size(width, height, spec) == expected


@given(
    width=st.integers(1, 100_000),
    height=st.integers(1, 100_000),
    input_size=st.none() | st.integers(1, 5000),
    resize=st.sampled_from(["lower_bound", "upper_bound"]),
)
def test_sizes_are_multiples_within_the_range(
    width: int, height: int, input_size: int | None, resize: str
) -> None:
    kind: Any = resize
    spec = InputSpec(256, 224, 32, kind, range_px=(64, 800))
    fed = target_size(width, height, spec, input_size_px=input_size)
    assert all(side % 32 == 0 and side >= 32 for side in fed)
    if input_size is None:
        assert max(fed) <= MAX_SIDE_PX
    else:
        assert abs(max(fed) - min(max(input_size, 64), 800)) <= 16
    if min(fed) > 32:
        assert math.isclose(fed[0] / fed[1], width / height, rel_tol=0.6)


def test_the_longest_side_is_the_one_that_was_chosen_within_the_models_range() -> None:
    lite = next(spec.input for spec in CATALOG if spec.name == "nearfar-lite")
    assert target_size(640, 480, lite) == (256, 192)
    assert target_size(640, 480, lite, input_size_px=640) == (640, 480)
    assert target_size(480, 640, lite, input_size_px=380) == (288, 384)
    assert target_size(640, 480, lite, input_size_px=4000) == (1024, 768)
    assert target_size(640, 480, OFFICIAL["midas-small"], input_size_px=640) == (256, 256)


def test_area_averages() -> None:
    spec = InputSpec(32, 32, 32, "stretch", "area", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2] = 200  # every block of four averages to 100
    batch = prepare(image, spec)
    np.testing.assert_allclose(batch, (100 / 255 - 0.5) / 0.5, atol=1e-6)


def test_channels_stay_in_rgb_order() -> None:
    spec = InputSpec(32, 32, 32, "stretch", "area")
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 255
    assert prepare(image, spec)[0, :, 0, 0].tolist() == [1.0, 0.0, 0.0]
