from __future__ import annotations

import ctypes.util
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from worlds import dataset
from worlds.drawing.render import Renderer
from worlds.rooms.room import make_room
from worlds.surfaces.library import Library

if TYPE_CHECKING:
    from pathlib import Path


def test_rooms_are_stored_in_millimetres_and_the_sky_has_no_value() -> None:
    depth = np.array([[1.2344, np.inf, 70.0]], np.float32)
    assert dataset.encoded(depth, "rooms").tolist() == [[1234, 0, 0]]


def test_streets_are_stored_inverse_and_the_sky_is_one() -> None:
    depth = np.array([[2.0, 4.0, 1e6, np.inf]], np.float32)
    nearest, half, far, sky = dataset.encoded(depth, "streets")[0].tolist()
    assert (far, sky) == (2, 1)
    assert abs(nearest - 2 * half) <= 1


def test_a_picture_of_a_wall_from_too_near_is_not_kept() -> None:
    wall = np.full((8, 8), 0.2, np.float32)
    across = np.linspace(1, 5, 64, dtype=np.float32).reshape(8, 8)
    assert not dataset.sensible(wall, "rooms")
    assert dataset.sensible(across, "rooms")


@pytest.mark.skipif(
    ctypes.util.find_library("EGL") is None, reason="no EGL library: install libegl1"
)
def test_a_written_room_reads_back_in_millimetres(tmp_path: Path) -> None:
    scene, views = make_room(np.random.default_rng(7), Library(), (96, 72))
    dataset.prepare(tmp_path, "rooms")
    assert not dataset.done(tmp_path, "one")
    written = dataset.Drawer().draw(tmp_path, "rooms", "one", scene, views)
    assert dataset.done(tmp_path, "one")
    pictures = sorted((tmp_path / "depth").glob("*.png"))
    assert len(pictures) == written == len(list((tmp_path / "rgb").glob("*.jpg")))
    assert written > 0
    _, depth = Renderer().render(scene, views[int(pictures[0].stem[-1])])
    stored = cv2.imread(str(pictures[0]), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    seen = stored > 0
    assert np.abs(stored[seen] / 1000 - depth[seen]).max() <= 0.00051
