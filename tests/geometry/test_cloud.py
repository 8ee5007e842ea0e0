import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry import Camera, CloudOptions, PointCloud, make_cloud
from tests.geometry import scenes
from tests.geometry.scenes import CAMERA

PHOTO = scenes.photo()


def test_wall_straight_on_is_flat() -> None:
    cloud = make_cloud(scenes.wall(3), PHOTO, CAMERA)

    assert len(cloud) == 320 * 240
    assert np.ptp(cloud.xyz[:, 2]) == 0
    # 320 pixels at 300 px focal length, 3 m away: neighbours 1 cm apart
    assert np.ptp(cloud.xyz[:, 0]) == pytest.approx(3.19)
    assert np.ptp(cloud.xyz[:, 1]) == pytest.approx(2.39)


def test_floor_is_plane_to_the_horizon() -> None:
    """The complaint of every peer's users: a floor that bulges. And its far end must stay."""
    depth = scenes.floor(1.5)

    cloud = make_cloud(depth, PHOTO, CAMERA)

    np.testing.assert_allclose(cloud.xyz[:, 1], 1.5, rtol=1e-5)
    assert len(cloud) == np.isfinite(depth.metres).sum()
    assert cloud.xyz[:, 2].max() == pytest.approx(1.5 * 300 / 0.5)


@pytest.mark.parametrize("normal", [(0.9, 0, 0.1), (-0.6, 0.6, 0.2), (0.0, -0.95, 0.05)])
def test_planes_are_never_cut_however_grazing(normal: tuple[float, float, float]) -> None:
    depth = scenes.plane(normal, 1.0)

    cloud = make_cloud(depth, PHOTO, CAMERA)

    assert len(cloud) == np.isfinite(depth.metres).sum()
    size = np.linalg.norm(cloud.xyz, axis=1)
    assert (abs(cloud.xyz @ np.array(normal) - 1) < 1e-5 * size).all()


@pytest.mark.parametrize("ramp_px", [2, 4, 8])
def test_no_point_flies_between_two_surfaces(ramp_px: int) -> None:
    depth = scenes.box_before_wall(2, 4, ramp_px)
    cloud = make_cloud(depth, PHOTO, CAMERA)
    kept = make_cloud(depth, PHOTO, CAMERA, CloudOptions(max_slope_deg=90))

    between = (cloud.xyz[:, 2] > 2.01) & (cloud.xyz[:, 2] < 3.99)
    assert not between.any()
    assert ((kept.xyz[:, 2] > 2.01) & (kept.xyz[:, 2] < 3.99)).any()
    assert (depth.metres == 2).sum() == (cloud.xyz[:, 2] == 2).sum()


def test_sharp_edges_lose_nothing() -> None:
    assert len(make_cloud(scenes.box_before_wall(2, 4), PHOTO, CAMERA)) == 320 * 240


def test_floor_beside_a_box_stays() -> None:
    metres = scenes.floor(1.5).metres.copy()
    box = np.zeros(metres.shape, bool)
    box[100:160, 140:180] = True
    metres[box] = metres[160, 160]
    cloud = make_cloud(MetricDepth(metres), PHOTO, CAMERA)

    assert len(cloud) == np.isfinite(metres).sum()


def test_debris_is_left_out() -> None:
    metres = scenes.wall(4).metres.copy()
    metres[50:55, 50:55] = 1
    metres[150:180, 150:180] = 1
    cloud = make_cloud(MetricDepth(metres), PHOTO, CAMERA)

    assert (cloud.xyz[:, 2] == 1).sum() == 30 * 30
    everything = make_cloud(MetricDepth(metres), PHOTO, CAMERA, CloudOptions(min_patch_px=1))
    assert len(everything) == 320 * 240


def test_no_surface_no_point() -> None:
    metres = scenes.wall(4).metres.copy()
    metres[:120] = np.inf

    cloud = make_cloud(MetricDepth(metres), PHOTO, CAMERA)

    assert len(cloud) == 320 * 120
    assert set(map(tuple, cloud.rgb.tolist())) == {(0, 0, 255), (255, 255, 255)}


def test_colors_are_where_they_were() -> None:
    cloud = make_cloud(scenes.wall(4), PHOTO, CAMERA)
    left, upper = cloud.xyz[:, 0] < 0, cloud.xyz[:, 1] < 0

    assert (cloud.rgb[left & upper] == (255, 0, 0)).all()
    assert (cloud.rgb[~left & upper] == (0, 255, 0)).all()
    assert (cloud.rgb[left & ~upper] == (0, 0, 255)).all()


def test_steps_and_limits() -> None:
    def count(**options: int) -> int:
        return len(make_cloud(scenes.wall(4), PHOTO, CAMERA, CloudOptions.of(**options)))

    assert count(step_px=2) == 160 * 120
    assert count(max_points=160 * 120) == 160 * 120
    assert count(max_points=160 * 120 - 1) == 107 * 80
    assert count(max_points=1) == 1


def test_normals_go_with_their_points() -> None:
    cloud = make_cloud(scenes.floor(), PHOTO, CAMERA, CloudOptions(normals=True, step_px=3))

    assert cloud.normals is not None
    np.testing.assert_allclose(cloud.normals, np.tile([0, -1, 0], (len(cloud), 1)), atol=1e-3)


def test_middlebury_calibration_gives_its_millimetres() -> None:
    """A stand-in: Middlebury's pictures are not here, the form of its calibration is."""
    calib = scenes.Motorcycle()
    camera = Camera(
        calib.f_px, calib.f_px, calib.cx_px, calib.cy_px, calib.width_px, calib.height_px
    )
    # a slanted board, rendered as disparity: disparity is affine in the picture
    x, y = scenes.rays(camera)
    normal, distance_m = np.array([0.3, 0.2, 0.93]), 2.5
    inverse = (normal[0] * x + normal[1] * y + normal[2]) / distance_m
    disparity = calib.baseline_mm / 1000 * calib.f_px * inverse - calib.doffs_px
    disparity[:20] = np.inf
    depth = MetricDepth(calib.metres(disparity))

    cloud = make_cloud(depth, scenes.photo(camera), camera)

    assert len(cloud) == (calib.height_px - 20) * calib.width_px
    np.testing.assert_allclose(cloud.xyz @ normal, distance_m, rtol=1e-5)


def test_note_says_what_the_metres_rest_on() -> None:
    depth = MetricDepth(scenes.wall(2).metres, "m", "nearest pixel at 1 m")
    camera = Camera.of_photo(depth.size_px)

    note = make_cloud(depth, PHOTO, camera).note

    assert note == "nearest pixel at 1 m; field of view 60 deg (assumed)"
    assert "unstated" in make_cloud(scenes.wall(2), PHOTO, CAMERA).note


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31), st.integers(1, 5))
def test_any_map_gives_finite_points(width: int, height: int, seed: int, step: int) -> None:
    random = np.random.default_rng(seed)
    metres = np.exp(random.normal(0, 8, (height, width))).astype(np.float32)
    metres[random.random(metres.shape) < 0.2] = np.inf
    metres[0, 0] = 1.0
    camera = Camera.from_fov(70, (width, height))
    options = CloudOptions(step_px=step, normals=True, min_patch_px=1, max_slope_deg=90)

    cloud = make_cloud(MetricDepth(metres), scenes.photo(camera), camera, options)

    assert np.isfinite(cloud.xyz).all()
    assert cloud.normals is not None
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1, atol=1e-4)
    assert len(cloud) == np.isfinite(metres[::step, ::step]).sum()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_tiny_constant_maps(shape: tuple[int, int]) -> None:
    camera = Camera.from_fov(60, shape[::-1])
    depth = MetricDepth(np.full(shape, 5, np.float32))

    assert len(make_cloud(depth, np.zeros((*shape, 3), np.uint8), camera)) == shape[0] * shape[1]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(GeometryError, match=r"camera\.scaled"):
        make_cloud(scenes.wall(1), PHOTO, CAMERA.scaled((10, 10)))
    with pytest.raises(GeometryError, match="photo"):
        make_cloud(scenes.wall(1), PHOTO[:5], CAMERA)
    with pytest.raises(GeometryError, match="no surface"):
        make_cloud(MetricDepth(np.full((240, 320), np.inf)), PHOTO, CAMERA)


def test_cloud_checks_its_arrays() -> None:
    xyz, rgb = np.zeros((2, 3), np.float32), np.zeros((2, 3), np.uint8)
    with pytest.raises(GeometryError, match="float32"):
        PointCloud(xyz.astype(np.float64), rgb)
    with pytest.raises(GeometryError, match="colors"):
        PointCloud(xyz, rgb[:1])
    with pytest.raises(GeometryError, match="normals"):
        PointCloud(xyz, rgb, xyz[:1])
    with pytest.raises(GeometryError, match="finite"):
        PointCloud(xyz + np.float32(np.nan), rgb)
