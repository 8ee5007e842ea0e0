import numpy as np
import pytest

from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry import Camera, find_normals, paint_normals
from tests.geometry import scenes
from tests.geometry.scenes import CAMERA


def test_wall_faces_the_camera() -> None:
    normals = find_normals(scenes.wall(3), CAMERA)

    np.testing.assert_allclose(normals, np.broadcast_to([0, 0, -1], normals.shape), atol=1e-5)
    assert (paint_normals(normals) == (128, 128, 255)).all()


def test_floor_faces_up_and_has_no_normal_beyond_the_horizon() -> None:
    normals = find_normals(scenes.floor(), CAMERA)

    np.testing.assert_allclose(normals[121:], np.broadcast_to([0, -1, 0], (119, 320, 3)), atol=1e-3)
    assert (normals[:120] == 0).all()
    picture = paint_normals(normals)
    np.testing.assert_allclose(picture[200, 100], (128, 255, 128), atol=1)
    assert (picture[0, 0] == (128, 128, 128)).all()


@pytest.mark.parametrize("normal", [(0.6, 0, 0.8), (0.3, -0.2, 0.93), (-0.8, 0.1, 0.59)])
def test_slanted_planes_are_exact(normal: tuple[float, float, float]) -> None:
    unit = np.array(normal) / np.linalg.norm(normal)
    depth = scenes.plane(normal, 2.0)
    normals = find_normals(depth, CAMERA)

    there = np.isfinite(depth.metres) & (depth.metres < 20)
    np.testing.assert_allclose(normals[there], np.broadcast_to(-unit, (there.sum(), 3)), atol=2e-3)


def test_both_sides_of_an_edge_keep_their_own_normal() -> None:
    metres = scenes.wall(6).metres.copy()
    metres[120:] = np.minimum(scenes.floor(1.5).metres, 6)[120:]
    metres[60:180, 100:200] = 1.0

    normals = find_normals(MetricDepth(metres), CAMERA)

    assert (normals[60:180, 100:200, 2] < -0.999).all()
    assert (normals[70:110, 99, 2] < -0.999).all()
    assert (normals[201:, 50:250, 1] < -0.99).all()


def test_rough_depth_gives_smooth_normals() -> None:
    metres = scenes.wall(3).metres
    rough = metres * np.random.default_rng(0).normal(1, 0.002, metres.shape).astype(np.float32)

    def off_deg(**options: float) -> float:
        normals = find_normals(MetricDepth(rough), CAMERA, **options)
        return float(np.degrees(np.arccos(-normals[..., 2].clip(-1, 0))).mean())

    assert off_deg(smooth_px=0) > 15
    assert off_deg() < off_deg(smooth_px=0) / 4


def test_sphere() -> None:
    x, y = scenes.rays()
    # |t (x, y, 1) - (0, 0, 4)| = 1
    squared = x**2 + y**2 + 1
    root = 16 - 15 * squared
    hit = root > 0.3
    z = np.where(hit, (4 - np.sqrt(np.maximum(root, 0))) / squared, np.inf)

    normals = find_normals(MetricDepth(z.astype(np.float32)), CAMERA, max_slope_deg=90)

    centre = np.array([0, 0, 4.0])
    expected = np.stack((x * z, y * z, z), axis=2)[hit] - centre
    angle = np.degrees(np.arccos(np.einsum("nc,nc->n", normals[hit], expected).clip(-1, 1)))
    assert np.median(angle) < 0.2
    assert np.percentile(angle, 95) < 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 3)])
def test_tiny_maps(shape: tuple[int, int]) -> None:
    camera = Camera.from_fov(60, shape[::-1])
    normals = find_normals(MetricDepth(np.full(shape, 3, np.float32)), camera)

    assert normals.shape == (*shape, 3)
    np.testing.assert_allclose(normals[..., 2], -1, atol=1e-6)


def test_camera_of_another_size_is_refused() -> None:
    with pytest.raises(GeometryError, match="scaled"):
        find_normals(scenes.wall(1), CAMERA.scaled((2, 2)))
