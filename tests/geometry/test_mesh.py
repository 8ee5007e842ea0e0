import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError, UsageError
from nearfar.geometry import Camera, Mesh, MeshOptions, make_mesh
from tests.geometry import scenes
from tests.geometry.scenes import CAMERA


def depths(mesh: Mesh) -> np.ndarray:
    """Distance of each face's three corners, (F, 3)."""
    found: np.ndarray = mesh.vertices[mesh.faces][..., 2]
    return found


def facing(mesh: Mesh) -> np.ndarray:
    """Whether each face's corners go counterclockwise as the camera sees them."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]].astype(float) for corner in range(3))
    seen: np.ndarray = np.einsum("fc,fc->f", np.cross(b - a, c - a), a) < 0
    return seen


def test_wall_is_one_sheet() -> None:
    mesh = make_mesh(scenes.wall(3), CAMERA)

    assert len(mesh.vertices) == 320 * 240
    assert len(mesh.faces) == 2 * 319 * 239
    assert np.ptp(mesh.vertices[:, 2]) == 0
    assert facing(mesh).all()


@pytest.mark.parametrize("step", [1, 3, 7])
def test_floor_is_plane_and_whole(step: int) -> None:
    mesh = make_mesh(scenes.floor(1.5), CAMERA, MeshOptions(step_px=step))

    np.testing.assert_allclose(mesh.vertices[:, 1], 1.5, rtol=1e-5)
    assert facing(mesh).all()
    rows = len({*range(0, 240, step), 239} & {*range(120, 240)})
    columns = len({*range(0, 320, step), 319})
    assert len(mesh.faces) == 2 * (rows - 1) * (columns - 1)


@pytest.mark.parametrize("ramp_px", [0, 3, 8])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_no_face_crosses_a_depth_step(ramp_px: int, step: int) -> None:
    depth = scenes.box_before_wall(2, 4, ramp_px)

    mesh = make_mesh(depth, CAMERA, MeshOptions(step_px=step))

    assert np.ptp(depths(mesh), axis=1).max() < 0.15
    assert (depths(mesh) == 2).all(axis=1).any()
    assert (depths(mesh) == 4).all(axis=1).any()


def test_ninety_degrees_cut_nothing() -> None:
    mesh = make_mesh(scenes.box_before_wall(), CAMERA, MeshOptions(max_slope_deg=90))

    assert len(mesh.faces) == 2 * 319 * 239


def test_uv_point_at_their_pixels() -> None:
    mesh = make_mesh(scenes.box_before_wall(), CAMERA, MeshOptions(step_px=4))

    pixels = CAMERA.project(mesh.vertices)
    np.testing.assert_allclose(mesh.uv * CAMERA.size_px - 0.5, pixels, atol=1e-3)


def test_missing_surface_is_a_hole() -> None:
    metres = scenes.wall(3).metres.copy()
    metres[100, 100] = np.inf

    mesh = make_mesh(MetricDepth(metres), CAMERA)

    assert len(mesh.vertices) == 320 * 240 - 1
    # of the four cells around it, each keeps the triangle without that corner
    assert len(mesh.faces) == 2 * 319 * 239 - 4
    assert np.isfinite(mesh.vertices).all()


def test_most_vertices() -> None:
    mesh = make_mesh(scenes.wall(3), CAMERA, MeshOptions(max_vertices=5000))

    assert 3000 < len(mesh.vertices) <= 5000
    assert mesh.uv.min() < 0.01
    assert mesh.uv.max() > 0.99  # the last row and column belong to it


def test_normals_on_demand() -> None:
    assert make_mesh(scenes.floor(), CAMERA).normals is None
    normals = make_mesh(scenes.floor(), CAMERA, MeshOptions(normals=True, step_px=5)).normals
    assert normals is not None
    np.testing.assert_allclose(normals, np.tile([0, -1, 0], (len(normals), 1)), atol=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 2**31), st.integers(1, 6))
def test_any_map_gives_a_sound_mesh(width: int, height: int, seed: int, step: int) -> None:
    random = np.random.default_rng(seed)
    metres = np.exp(random.normal(0, 1, (height, width))).astype(np.float32)
    metres[random.random(metres.shape) < 0.1] = np.inf
    metres[:2, :2] = metres[0, -1] = metres[-1, 0] = metres[-1, -1] = 1.0
    camera = Camera.from_fov(70, (width, height))
    uncut = MeshOptions(step_px=step, max_slope_deg=90, min_patch_px=1)
    try:
        mesh = make_mesh(MetricDepth(metres), camera, uncut)
    except GeometryError:
        assume(False)  # holes left no cell whole

    assert np.isfinite(mesh.vertices).all()
    assert len(np.unique(mesh.faces)) == len(mesh.vertices)
    assert facing(mesh).all()
    assert (np.diff(np.sort(mesh.faces, axis=1), axis=1) > 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_too_small_for_a_face(shape: tuple[int, int]) -> None:
    camera = Camera.from_fov(60, shape[::-1])
    with pytest.raises(GeometryError, match="two pixels by two"):
        make_mesh(MetricDepth(np.ones(shape, np.float32)), camera)


def test_the_least_mesh() -> None:
    camera = Camera.from_fov(60, (2, 2))

    mesh = make_mesh(MetricDepth(np.ones((2, 2), np.float32)), camera)

    assert mesh.faces.shape == (2, 3)
    np.testing.assert_allclose(np.unique(mesh.uv), [0.25, 0.75])


def test_options_have_ranges() -> None:
    with pytest.raises(UsageError, match="max_slope_deg must be at most 90"):
        MeshOptions(max_slope_deg=91)
    with pytest.raises(UsageError, match="texture"):
        MeshOptions(texture="gif")  # type: ignore[arg-type]  # the wrong name on purpose


def test_mesh_checks_its_arrays() -> None:
    vertices, uv = np.zeros((3, 3), np.float32), np.zeros((3, 2), np.float32)
    faces = np.array([[0, 1, 2]], np.int32)
    with pytest.raises(GeometryError, match="does not exist"):
        Mesh(vertices, faces + 1, uv)
    with pytest.raises(GeometryError, match="uv"):
        Mesh(vertices, faces, uv - 1)
    with pytest.raises(GeometryError, match="int32"):
        Mesh(vertices, faces[:, :2], uv)
    with pytest.raises(GeometryError, match="finite"):
        Mesh(vertices + np.float32(np.inf), faces, uv)
