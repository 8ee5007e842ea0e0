from __future__ import annotations

import ctypes.util
from typing import TYPE_CHECKING

import numpy as np
import pytest

from worlds.rooms.room import make_room
from worlds.scene.scene import Scene
from worlds.surfaces.library import Library
from worlds.tests.extent import ends
from worlds.tests.things.catalogue.cubes import listed, write
from worlds.things.catalogue import showroom
from worlds.things.catalogue.catalogue import Catalogue
from worlds.things.furniture.builder import FurnitureBuilder

if TYPE_CHECKING:
    from pathlib import Path

ALL = ["Cupboard", "Bed", "Sofa", "Chair", "Table", "Desk", "Fridge", "Lower cabinet", "Book"]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    lines = [listed(number, name, "Home", "a/cube.obj") for number, name in enumerate(ALL, 1)]
    lines[4] = lines[4].replace("width#5=60", "width#5=90")
    lines[-1] = lines[-1].replace("height#9=80", "height#9=10").replace("=60", "=20")
    hung = listed(10, "Upper cabinet", "Kitchen", "a/cube.obj", "elevation=145")
    return Catalogue(write(tmp_path, [*lines, hung]))


def builder(seed: int = 1) -> FurnitureBuilder:
    return FurnitureBuilder(np.random.default_rng(seed), Scene(), Library())


def test_a_hung_model_is_at_its_height(catalogue: Catalogue) -> None:
    found = showroom.single(builder(), catalogue, "upper")
    assert found is not None
    low, _ = ends(found)
    assert low[1] == pytest.approx(1.45)


def test_a_role_without_models_is_left_to_the_builder(catalogue: Catalogue) -> None:
    assert showroom.single(builder(), catalogue, "plant") is None
    assert showroom.piece(builder(), catalogue, "plant") is None


def test_small_things_stand_on_a_cupboard_not_in_the_air(catalogue: Catalogue) -> None:
    made = builder()
    parts = showroom.painted(made, catalogue, catalogue.roles["cupboard"][0])
    _, top = ends(parts)
    found = showroom.laden(made, catalogue, parts, 4)
    assert found
    low, _ = ends(found)
    assert low[1] == pytest.approx(top[1], abs=1e-4)


@pytest.mark.parametrize("name", ["desk", "group", "kitchen", "cupboard", "bed", "sofa"])
def test_groups_stand_on_the_floor(catalogue: Catalogue, name: str) -> None:
    made = [showroom.piece(builder(seed), catalogue, name) for seed in range(6)]
    found = [thing for thing in made if thing is not None]
    assert found
    assert all(abs(ends(thing)[0][1]) < 1e-5 for thing in found)


def test_a_room_is_furnished_from_the_catalogue_and_always_the_same(catalogue: Catalogue) -> None:
    def room() -> tuple[Scene, int]:
        scene, views = make_room(np.random.default_rng(3), Library(), (64, 48), catalogue=catalogue)
        return scene, len(views)

    (one, views), (two, _) = room(), room()
    assert views
    assert len(one.solids) == len(two.solids)
    assert all(
        np.array_equal(a.triangles, b.triangles)
        for a, b in zip(one.solids, two.solids, strict=True)
    )
    printed = catalogue.parts(catalogue.roles["cupboard"][0])[1].picture
    assert any(np.array_equal(printed, texture) for texture in one.textures if printed is not None)


@pytest.mark.skipif(
    ctypes.util.find_library("EGL") is None, reason="no EGL library: install libegl1"
)
def test_a_furnished_room_can_be_seen(catalogue: Catalogue) -> None:
    from worlds.drawing.render import Renderer

    scene, views = make_room(np.random.default_rng(3), Library(), (64, 48), catalogue=catalogue)
    picture, depth = Renderer().render(scene, views[0])
    assert np.isfinite(depth).mean() > 0.9
    assert picture.std() > 5
