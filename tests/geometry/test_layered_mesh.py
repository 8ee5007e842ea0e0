import numpy as np
import pytest

from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry import Camera, MeshOptions, make_layered_mesh, make_mesh, make_mesh_for
from nearfar.io.images import Image
from tests.geometry import scenes
from tests.geometry.scenes import CAMERA
from tests.zbuffer import render

SMALL = CAMERA.scaled((80, 60))


def box_photo() -> tuple[MetricDepth, Image]:
    """A red square at 2 m before a wall at 4 m, blue with green that grows to the right."""
    metres = np.full((60, 80), 4, np.float32)
    metres[18:43, 28:53] = 2
    photo = np.full((60, 80, 3), (0, 0, 200), np.uint8)
    photo[..., 1] = 2 * np.arange(80)
    photo[18:43, 28:53] = (200, 0, 0)
    return MetricDepth(metres), photo


@pytest.mark.parametrize("step", [1, 4])
def test_from_its_own_camera_it_is_the_photo(step: int) -> None:
    depth, photo = box_photo()

    mesh, texture = make_layered_mesh(depth, photo, SMALL, MeshOptions(step_px=step))
    seen, metres = render(mesh, texture, SMALL)

    assert np.array_equal(seen, photo)
    outside = np.ones(photo.shape[:2], bool)
    outside[16:45, 26:55] = False
    np.testing.assert_allclose(metres[20:41, 30:51], 2, rtol=1e-4)
    np.testing.assert_allclose(metres[outside], 4, rtol=1e-4)


def test_from_the_side_the_wall_goes_on_behind_the_square() -> None:
    depth, photo = box_photo()
    mesh, texture = make_layered_mesh(depth, photo, SMALL, MeshOptions(step_px=2))
    focal_px, right_m = SMALL.fx_px, 0.3  # the square moves by 11 pixels, the wall by 6

    seen, metres = render(mesh, texture, SMALL, right_m=right_m)

    moved_px = round(focal_px * right_m / 2), round(focal_px * right_m / 4)
    inside = np.s_[2:58, : 80 - moved_px[1] - 1]
    assert np.isfinite(metres[inside]).all()
    gap = metres[20:41, 53 + 2 - moved_px[0] : 53 - moved_px[1]]
    np.testing.assert_allclose(gap, 4, rtol=0.02)
    colors = seen[20:41, 53 + 2 - moved_px[0] : 53 - moved_px[1]]
    assert colors[..., 0].max() < 20  # nothing of the square's red
    assert colors[..., 2].min() > 180


def test_faces_lie_on_one_side_of_the_edge() -> None:
    mesh, _ = make_layered_mesh(scenes.box_before_wall(2, 4, 3), scenes.photo(), CAMERA)

    corners = mesh.vertices[mesh.faces][..., 2]
    assert np.ptp(corners, axis=1).max() < 0.1


def test_only_files_to_look_at_are_layered_unless_it_is_said() -> None:
    depth, photo = box_photo()
    plain = make_mesh(depth, SMALL)

    for suffix in (".ply", ".obj"):
        mesh, texture = make_mesh_for(suffix, depth, photo, SMALL)
        assert np.array_equal(mesh.vertices, plain.vertices)
        assert texture is photo
    mesh, texture = make_mesh_for(".glb", depth, photo, SMALL, MeshOptions(layers=False))
    assert np.array_equal(mesh.faces, plain.faces)
    for suffix, options in ((".GLB", MeshOptions()), (".ply", MeshOptions(layers=True))):
        mesh, texture = make_mesh_for(suffix, depth, photo, SMALL, options)
        assert len(texture) > len(photo)
        assert np.array_equal(texture[:60], photo)


def test_ninety_degrees_cut_nothing() -> None:
    depth, photo = box_photo()

    mesh, texture = make_layered_mesh(depth, photo, SMALL, MeshOptions(max_slope_deg=90))

    assert len(mesh.faces) == 2 * 60 * 80
    assert texture is photo


def test_what_has_no_surface_stands_far_behind() -> None:
    metres = np.full((60, 80), 2, np.float32)
    metres[:30] = np.inf
    photo = np.full((60, 80, 3), 90, np.uint8)

    mesh, texture = make_layered_mesh(MetricDepth(metres), photo, SMALL)
    _, seen = render(mesh, texture, SMALL)

    assert np.isfinite(seen).all()
    np.testing.assert_allclose(seen[:26], 200, rtol=1e-3)
    with pytest.raises(GeometryError, match="no surface"):
        make_layered_mesh(MetricDepth(np.full((60, 80), np.inf, np.float32)), photo, SMALL)


def test_normals_and_the_grid_are_as_the_options_say() -> None:
    depth, photo = box_photo()
    options = MeshOptions(max_vertices=400, normals=True)

    mesh, _ = make_layered_mesh(depth, photo, SMALL, options)

    assert mesh.normals is not None
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, rtol=1e-4)
    assert len(mesh.vertices) < 1200
    with pytest.raises(GeometryError, match="camera is for"):
        make_layered_mesh(depth, photo, Camera.from_fov(60, (81, 60)))
