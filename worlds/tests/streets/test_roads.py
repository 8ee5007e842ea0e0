from __future__ import annotations

import numpy as np
import pytest

from worlds.shapes.blocks import block
from worlds.streets import roads
from worlds.tests.extent import ends


def flat_road() -> roads.Road:
    count = 101
    places = np.stack([np.zeros(count), np.zeros(count), 20.0 - roads.STEP_M * np.arange(count)], 1)
    return roads.Road(-20.0, 200.0, 4.0, 2.0, 0.1, places, np.zeros(count), np.zeros((0, 4)))


def test_a_thing_stood_on_a_straight_road_looks_along_it() -> None:
    road = flat_road()
    arrow = block((0, 0, -5), (0.1, 0.1, 0.1))
    low, high = ends(road.put([arrow], 10.0, 1.0))
    assert (low + high) / 2 == pytest.approx([1.0, 0.0, -15.0], abs=1e-5)
    low, high = ends(road.put([arrow], 10.0, 1.0, 90.0))
    assert (low + high) / 2 == pytest.approx([-4.0, 0.0, -10.0], abs=1e-5)


def test_the_pavement_stands_a_kerb_above_the_road() -> None:
    road = flat_road()
    assert road.point(30.0, 3.9)[1] == pytest.approx(0.0)
    assert road.point(30.0, 5.0)[1] == pytest.approx(0.1)


def test_a_camera_looks_down_the_road() -> None:
    pose = flat_road().eye((0.0, 1.5), 1.6, (0.0, 0.0, 0.0))
    assert pose[:3, 3] == pytest.approx([1.5, 1.6, 0.0], abs=1e-6)
    assert pose[:3, 2] == pytest.approx([0.0, 0.0, -1.0], abs=1e-6)
    aside = flat_road().eye((0.0, 0.0), 1.6, (10.0, 5.0, 0.0))
    assert aside[0, 2] > 0
    assert aside[1, 2] == pytest.approx(-np.sin(np.deg2rad(5)), abs=1e-6)
