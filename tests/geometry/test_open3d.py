"""What the extra `open3d` does; the tests that run it are skipped where it is not installed."""

import sys

import numpy as np
import pytest

from nearfar.errors import GeometryError, MissingExtraError
from nearfar.geometry import CloudOptions, PointCloud, encode_mesh, make_cloud
from nearfar.geometry.open3d import poisson_mesh, remove_outliers
from nearfar.geometry.options import OutlierOptions, PoissonOptions
from tests.geometry import scenes
from tests.geometry.scenes import CAMERA

WALL = make_cloud(scenes.wall(2), scenes.photo(), CAMERA, CloudOptions(step_px=4, normals=True))


def test_without_it_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(MissingExtraError, match=r"nearfar\[open3d\]"):
        remove_outliers(WALL)
    with pytest.raises(MissingExtraError, match=r"nearfar\[open3d\]"):
        poisson_mesh(WALL, CAMERA)


def test_outliers_go_and_the_wall_stays() -> None:
    pytest.importorskip("open3d")
    lonely = np.array([[0, 0, 0.5], [3, 3, 9]], np.float32)
    assert WALL.normals is not None
    cloud = PointCloud(
        np.concatenate((WALL.xyz, lonely)),
        np.concatenate((WALL.rgb, np.zeros((2, 3), np.uint8))),
        np.concatenate((WALL.normals, WALL.normals[:2])),
        "by hand",
    )

    cleaned = remove_outliers(cloud, OutlierOptions(neighbours=8, deviations=5))

    np.testing.assert_array_equal(cleaned.xyz, WALL.xyz)
    assert cleaned.normals is not None
    assert cleaned.note == "by hand"


def test_poisson_wall_is_flat_and_carries_the_photo() -> None:
    pytest.importorskip("open3d")
    mesh = poisson_mesh(WALL, CAMERA, PoissonOptions(octree_depth=6))

    assert len(mesh.faces) > 500
    np.testing.assert_allclose(mesh.vertices[:, 2], 2, atol=0.03)
    pixels = CAMERA.project(mesh.vertices)
    np.testing.assert_allclose(mesh.uv * CAMERA.size_px - 0.5, pixels, atol=1e-2)
    assert mesh.normals is not None
    assert np.median(mesh.normals[:, 2]) < -0.99
    assert encode_mesh(mesh, scenes.photo(), ".glb")["mesh.glb"][:4] == b"glTF"


def test_poisson_needs_normals() -> None:
    pytest.importorskip("open3d")
    with pytest.raises(GeometryError, match="normals=True"):
        poisson_mesh(PointCloud(WALL.xyz, WALL.rgb), CAMERA)
