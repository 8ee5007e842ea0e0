from __future__ import annotations

import numpy as np
import pytest

from worlds.tests.things.catalogue.cubes import MTL, OBJ
from worlds.things.catalogue.wavefront import read_mtl, read_obj


def test_a_cube_is_twelve_triangles_of_three_materials() -> None:
    mesh = read_obj(OBJ)
    assert mesh.triangles.shape == mesh.normals.shape == (12, 3, 3)
    assert mesh.library == "cube.mtl"
    counts = {
        name: int((mesh.material_index == index).sum()) for index, name in enumerate(mesh.names)
    }
    assert counts == {"": 0, "red": 8, "printed": 2, "glass": 2}


def test_normals_that_the_file_lacks_keep_a_cubes_edges_hard() -> None:
    normals = read_obj(OBJ).normals
    assert np.allclose(np.abs(normals).max(axis=-1), 1)


def test_normals_that_the_file_lacks_are_smooth_where_faces_hardly_bend() -> None:
    bent = "v 0 0 0\nv 1 0 0\nv 1 0 1\nv 0 0 1\nv 2 0.2 0\nv 2 0.2 1\nf 1 4 3 2\nf 2 3 6 5\n"
    normals = read_obj(bent).normals
    assert not np.allclose(normals[:2].reshape(-1, 3), normals[0, 0])


def test_texture_places_run_downwards() -> None:
    mesh = read_obj(OBJ)
    printed = mesh.material_index == mesh.names.index("printed")
    high = mesh.triangles[printed][..., 1] == 2
    assert (mesh.uv[printed][..., 1][high] == 0).all()
    assert (mesh.uv[printed][..., 1][~high] == 1).all()


def test_corners_may_name_normals_without_texture() -> None:
    mesh = read_obj("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 1\nf 1//1 2//1 3//1\nf 1 2 3\n")
    assert len(mesh.triangles) == 2
    assert np.allclose(mesh.normals, [0, 0, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 0\n", "no faces"),
        ("v 0 0 0\nf 1 2 3\n", "does not have"),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no area"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -3\n", "backwards"),
    ],
)
def test_a_broken_file_is_named_for_what_it_lacks(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_obj(text)


def test_materials_have_colors_pictures_and_solidity() -> None:
    materials = read_mtl(MTL)
    assert list(materials["red"].color) == [1, 0, 0]
    assert materials["printed"].picture == "print.png"
    assert materials["glass"].solidity == 0.2
    assert read_mtl("newmtl a\nTr 0.9\n")["a"].solidity == pytest.approx(0.1)
