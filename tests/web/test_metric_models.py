"""What the page shows of a model that gives metres."""

import re
from dataclasses import replace

import numpy as np
import pytest

from nearfar.config import OutputOptions
from nearfar.depth import MetricDepth, read_depth
from nearfar.io.images import DEFAULT_LIMITS
from nearfar.web.downloads import make_download
from nearfar.web.points import Visit, read_points
from nearfar.web.session_store import Photo, Result
from nearfar.web.show_errors import PageError
from nearfar.web.tabs.depth_view import downloads_html, points_html
from nearfar.web.tabs.scene_result import SceneSettings, show_scene
from tests.web.made import jpeg, result


def metric(sky_px: int = 0) -> Result:
    """Near on the right: from 9 m to 2.7 m; no surface in the first columns."""
    row = (9 - np.arange(64, dtype=np.float32) / 10)[None]
    row[:, :sky_px] = np.inf
    depth = MetricDepth(np.repeat(row, 48, axis=0), "own", "metres of the network")
    return Result.of(Photo(jpeg(), "toy"), depth, DEFAULT_LIMITS)


def test_points_have_metres_without_a_calibration() -> None:
    left, right = read_points(metric(), Visit("key", ((0, 5), (63, 5))))
    assert left.metres == pytest.approx(9)
    assert right.metres == pytest.approx(2.7)
    assert (left.nearness, right.nearness) == (0, 1)
    assert not left.is_known
    shown = points_html(metric(), Visit("key", ((0, 5), (63, 5))), "en")
    assert "9.00 m" in shown
    assert "Between points 1 and 2" in shown
    assert "in metres, from the model" in downloads_html(metric(), Visit("key"), "en")
    assert "in metres, from the model" not in downloads_html(result(), Visit("key"), "en")


def test_given_distances_come_before_those_of_the_model() -> None:
    visit = replace(Visit("key", ((0, 5), (63, 5), (30, 5))), metres=(18.0, 5.4))
    assert read_points(metric(), visit)[2].metres == pytest.approx(12, rel=0.02)


def test_a_download_is_in_metres() -> None:
    content, name = make_download("npz", metric(), Visit("key"), OutputOptions(), DEFAULT_LIMITS)
    assert name == "toy-metres.npz"
    found = read_depth(content)
    assert isinstance(found, MetricDepth)
    assert found.at(63, 0) == pytest.approx(2.7)
    assert found.assumption == "metres of the network"


def test_a_scene_has_the_metres_of_the_model_until_others_are_typed() -> None:
    shown = show_scene(metric(), SceneSettings())
    assert shown.basis == "model"
    assert shown.near_m == pytest.approx(2.7)
    assert shown.far_m == pytest.approx(9)
    typed = show_scene(metric(), SceneSettings.read(False, "2", "4", "", 0, "", 86, 1))
    assert typed.basis == "range"
    assert (typed.near_m, typed.far_m) == (2, 4)


def relief(html: str) -> float:
    """How many times as far as the nearest the viewer takes the least value of the map to be."""
    found = re.search(r'"inverse":\[([0-9.e-]+),1\]', html)
    assert found
    return 1 / float(found[1])


def test_pixels_without_a_surface_are_far_behind_the_farthest_surface() -> None:
    whole, open_air = (show_scene(metric(sky_px), SceneSettings()) for sky_px in (0, 20))
    assert open_air.far_m == pytest.approx(7)
    assert relief(open_air.html) == 50
    assert relief(whole.html) == pytest.approx(9 / 2.7, rel=1e-3)


def test_a_map_without_any_surface_is_refused() -> None:
    with pytest.raises(PageError):
        show_scene(metric(64), SceneSettings())
