import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.errors import GeometryError
from nearfar.geometry import Camera


def test_field_of_view_by_hand() -> None:
    camera = Camera.from_fov(90, (640, 480))

    assert camera.fx_px == pytest.approx(320)
    assert camera.fy_px == camera.fx_px
    assert (camera.cx_px, camera.cy_px) == (319.5, 239.5)
    assert camera.hfov_deg == pytest.approx(90)
    assert "90 deg" in camera.note


def test_full_frame_lens_has_the_angle_of_the_textbook() -> None:
    assert Camera.from_focal_35mm(50, (3600, 2400)).hfov_deg == pytest.approx(39.6, abs=0.05)
    upright = Camera.from_focal_35mm(50, (2400, 3600))
    assert upright.hfov_deg == pytest.approx(2 * math.degrees(math.atan(12 / 50)))


@pytest.mark.parametrize(
    ("known", "note"),
    [
        ({"fov_deg": 40.0, "focal_35mm_mm": 28.0}, "field of view 40 deg"),
        ({"focal_35mm_mm": 28.0}, "focal length 28 mm (35 mm equivalent)"),
        ({}, "field of view 60 deg (assumed)"),
    ],
)
def test_the_best_that_is_known_is_taken_and_named(known: dict[str, float], note: str) -> None:
    assert Camera.of_photo((640, 480), **known).note == note


def test_matrix_is_that_of_opencv() -> None:
    matrix = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
    camera = Camera.from_matrix(matrix, (640, 480))
    points = np.array([[0.3, -0.2, 2.0], [0, 0, 1]], np.float32)

    expected = points @ matrix.T
    np.testing.assert_allclose(camera.project(points), expected[:, :2] / expected[:, 2:], rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(1, 170))
def test_unproject_is_the_inverse_of_project(width_px: int, height_px: int, fov: float) -> None:
    camera = Camera.from_fov(fov, (width_px, height_px))
    x, y = np.array([0, width_px - 1]), np.array([height_px - 1, 0])

    points = camera.unproject(x, y, np.array([0.5, 70], np.float32))

    np.testing.assert_allclose(camera.project(points), np.stack((x, y), 1), atol=1e-2)
    np.testing.assert_allclose(points[:, 2], [0.5, 70], rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 9))
def test_scaled_keeps_the_view(width_px: int, height_px: int, times: int) -> None:
    camera = Camera.from_fov(60, (width_px, height_px))
    larger = camera.scaled((width_px * times, height_px * times))

    assert larger.hfov_deg == pytest.approx(camera.hfov_deg)
    assert larger.cx_px == pytest.approx((width_px * times - 1) / 2)
    assert larger.scaled(camera.size_px).fx_px == pytest.approx(camera.fx_px)


@pytest.mark.parametrize("focal", [0.0, -1.0, math.nan, math.inf])
def test_focal_length_must_be_one(focal: float) -> None:
    with pytest.raises(GeometryError, match="focal length"):
        Camera(focal, 100, 0, 0, 10, 10)


def test_nonsense_is_refused() -> None:
    with pytest.raises(GeometryError, match="field of view"):
        Camera.from_fov(180, (10, 10))
    with pytest.raises(GeometryError, match="focal length"):
        Camera.from_focal_35mm(0, (10, 10))
    with pytest.raises(GeometryError, match="principal point"):
        Camera(1, 1, math.nan, 0, 10, 10)
    with pytest.raises(GeometryError, match="0 x 10"):
        Camera(1, 1, 0, 0, 0, 10)
    with pytest.raises(GeometryError, match="intrinsics must have shape"):
        Camera.from_matrix(np.eye(4), (10, 10))
    with pytest.raises(GeometryError, match="skew"):
        Camera.from_matrix(np.array([[500.0, 3, 320], [0, 500, 240], [0, 0, 1]]), (640, 480))
