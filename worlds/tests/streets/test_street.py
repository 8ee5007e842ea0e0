from __future__ import annotations

import numpy as np
import pytest

from worlds.scene.scene import Scene
from worlds.scene.view import View
from worlds.streets.drive import make_drive
from worlds.streets.street import make_street

Street = tuple[Scene, list[View]]


@pytest.fixture(scope="module")
def drive() -> Street:
    return make_drive(np.random.default_rng(5), [])


def test_a_street_is_sound_and_has_three_views(drive: Street) -> None:
    scene, views = drive
    assert len(views) == 3
    assert len({view.pose.tobytes() for view in views}) == 3
    for solid in scene.solids:
        assert np.isfinite(solid.triangles).all()
        assert np.isfinite(solid.normals).all()
        assert np.linalg.norm(solid.normals, axis=-1).min() > 0.3
        assert -1 <= solid.texture < len(scene.textures)
        assert solid.color.min() >= 0


def test_nothing_stands_in_a_driver_s_eye(drive: Street) -> None:
    scene, views = drive
    middles = np.concatenate([solid.triangles.mean(axis=1) for solid in scene.solids])
    for view in views:
        eye = view.pose[:3, 3]
        assert np.linalg.norm(middles - eye, axis=1).min() > 0.6
        below = middles[np.hypot(*(middles - eye)[:, [0, 2]].T) < 3.0]
        assert below[:, 1].min() < eye[1] - 1.0


def test_the_same_seed_makes_the_same_street_and_another_does_not() -> None:
    one, two, other = (
        make_street(np.random.default_rng(seed), [])[0].solids[0].triangles for seed in (2, 2, 3)
    )
    assert np.array_equal(one, two)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_posters_are_taken_from_the_pictures_given() -> None:
    picture = np.full((8, 8, 3), 77, np.uint8)
    scene, _ = make_street(np.random.default_rng(1), [picture])
    assert any(texture is picture for texture in scene.textures)
