"""What a photo is of, the floor below it, and the colors that tell them apart."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.effects._segment.focus import focus_on
from nearfar.effects._segment.foreground import feet, standing
from nearfar.effects._segment.mask_refinement import decide
from nearfar.effects._segment.salient_region import salient_region
from nearfar.effects._segment.subject import connected, slab, subject
from nearfar.effects.cutout import CutoutOptions, cutout
from nearfar.io.images import Image
from tests.effects.walls import noise

HEIGHT, WIDTH = 180, 240
THING = (slice(60, 150), slice(100, 140))


def floor() -> NDArray[np.float32]:
    """A wall down to the middle, and a floor that comes as near as 1 at the bottom."""
    rows = np.clip((np.arange(HEIGHT) - 90) / 89, 0, 1).astype(np.float32)
    return np.repeat(rows[:, None], WIDTH, axis=1)


def on_the_floor() -> NDArray[np.float32]:
    """A thing that stands on it, as near as the floor under its foot."""
    nearness = floor()
    nearness[THING] = nearness[150, 0]
    return nearness


def smeared(nearness: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(nearness, (0, 0), 6), np.float32)


def painted() -> Image:
    """The thing is red, all else is grey, both with a little noise."""
    photo = 90 + noise(HEIGHT, WIDTH) // 16
    photo[THING] = (180, 20, 20) + noise(90, 40) // 16
    return photo.astype(np.uint8)


def test_floor_is_taken_out_and_what_stands_on_it_is_left() -> None:
    values, has_floor, _ = standing(on_the_floor())
    assert has_floor
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[THING] = False
    assert values[outside].max() < 0.2
    assert values[60:90, 100:140].min() > 0.95


def test_no_floor_where_the_subject_fills_the_bottom() -> None:
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[60:, 30:] = 0.9
    assert not standing(nearness).has_floor


def test_no_floor_where_a_body_fills_the_lower_rows_from_side_to_side() -> None:
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None] / HEIGHT
    shoulders = np.clip((rows - 0.4) * 4, 0, 1) * 0.85 + 0.05
    nearness = np.broadcast_to(shoulders, (HEIGHT, WIDTH)).copy()
    nearness[30:60, 100:140] = 0.8
    assert not standing(nearness).has_floor, "level at the bottom, where a floor still comes nearer"


def test_even_map_has_nothing_standing() -> None:
    values, has_floor, _ = standing(np.full((20, 30), 0.3, np.float32))
    assert not values.any()
    assert not has_floor


def test_cutout_leaves_the_floor_behind() -> None:
    depth = DepthMap(smeared(on_the_floor()))
    opacity = cutout(painted(), depth, CutoutOptions()).pixels[..., 3]
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[THING] = True
    found = opacity > 127
    assert np.count_nonzero(found & truth) / np.count_nonzero(found | truth) > 0.9
    assert opacity[160:].max() == 0


def test_sharp_map_needs_no_colors() -> None:
    photo = noise(HEIGHT, WIDTH)
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[THING] = 1
    np.testing.assert_array_equal(subject(nearness, photo, None), nearness)


def test_small_thing_beside_is_left_out_and_its_like_is_kept() -> None:
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[60:120, 70:110] = nearness[60:120, 130:170] = nearness[5:12, 5:12] = 1
    mask = subject(nearness, noise(HEIGHT, WIDTH), None)
    assert mask[90, 90] == mask[90, 150] == 1
    assert mask[8, 8] == 0


def test_place_on_the_floor_takes_the_floor() -> None:
    mask = subject(smeared(on_the_floor()), painted(), (0.9, 0.95))
    assert mask[175, 220] == 1


def test_colors_draw_the_rim_that_depth_leaves_open() -> None:
    belief = np.full((HEIGHT, WIDTH), -1, np.float32)
    belief[40:170, 80:160] = 0
    belief[80:130, 110:130] = 1
    drawn = decide(belief, painted())
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[THING] = True
    assert np.mean((drawn > 0.5) != truth) < 0.01


def test_where_colors_are_alike_depth_decides() -> None:
    belief = np.full((HEIGHT, WIDTH), -1, np.float32)
    belief[THING] = 1
    drawn = decide(belief, np.full((HEIGHT, WIDTH, 3), 120, np.uint8))
    inner = slice(75, 135), slice(112, 128)
    assert drawn[inner].min() > 0.9
    assert drawn[:40].max() < 0.1


@pytest.mark.parametrize(
    ("wanted", "low", "high"), [(0.9, 0.5, 1.0), (0.5, 0.3, 0.9), (0.0, None, 0.5)]
)
def test_slab_holds_the_wanted_nearness(wanted: float, low: float | None, high: float) -> None:
    planes = np.repeat(np.array([0, 0.5, 1], np.float32), (400, 200, 100))
    nearest = slab(planes, wanted, 0.7)
    if wanted > 0.7:
        assert nearest == (0.7, None)
        return
    assert nearest[1] is not None
    assert nearest[1] <= high
    assert nearest[0] is None or (low is not None and nearest[0] < wanted)


def test_connected_part() -> None:
    mask = np.zeros((10, 20), bool)
    mask[2:5, 2:5] = mask[2:5, 12:15] = True
    part = connected(mask, 0.15, 0.35)
    assert part[3, 3]
    assert not part[3, 13]
    np.testing.assert_array_equal(connected(mask, 0.9, 0.9), mask)


def test_the_thing_in_the_middle_goes_before_a_nearer_one_at_the_border() -> None:
    nearness = np.full((HEIGHT, WIDTH), 0.1, np.float32)
    nearness[50:130, 90:150] = 0.7
    nearness[:, :35] = 1
    region = salient_region(nearness, standing(nearness))
    assert region is not None
    assert region.parts[90, 120]
    assert not region.parts[:, :80].any()


def test_an_even_map_has_no_salient_region() -> None:
    nearness = np.full((40, 60), 0.3, np.float32)
    assert salient_region(nearness, standing(nearness)) is None
    assert (subject(nearness, noise(40, 60), None) == 1).all()


def test_feet_are_looked_for_down_to_where_the_floor_is_as_near() -> None:
    nearness = on_the_floor()
    body = np.zeros((HEIGHT, WIDTH), bool)
    body[60:120, 100:140] = True
    found = feet(nearness, body, floor()[:, 0])
    assert found[122:149, 100:140].all()
    assert not found[152:].any()
    assert not found[:, :95].any()


def test_a_click_is_always_on_the_subject() -> None:
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[60:120, 20:60] = 0.5
    nearness[60:120, 130:200] = 1
    mask = subject(smeared(nearness), painted(), (40 / WIDTH, 0.5))
    assert mask[90, 40] > 0.5
    assert mask[90, 165] < 0.5


def test_one_sharpness_covers_the_subject() -> None:
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[40:140, 80:160] = np.linspace(0.6, 1, 80)
    focus = focus_on(nearness, noise(HEIGHT, WIDTH), None)
    assert np.ptp(focus.nearness[45:135, 85:155]) < 0.02
    assert focus.at == pytest.approx(0.8, abs=0.02)
    assert focus.nearness[10, 10] == 0


def test_focus_on_the_floor_keeps_the_floor_as_it_is() -> None:
    nearness = on_the_floor()
    focus = focus_on(nearness, painted(), (0.1, 0.9))
    assert np.ptp(focus.nearness[100:, 10]) > 0.7
