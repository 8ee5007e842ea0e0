import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nearfar.errors import DepthMapError
from nearfar.video.temporal import MAX_STEP, Limits, Map, SteadyRange

SHAPE = (96, 128)
LEAP = MAX_STEP / (1 - 2 * MAX_STEP)
"""How far a color can move when both limits go their largest step towards each other."""


def room(seed: int = 0) -> Map:
    """A floor that comes near at the bottom, a wall, and boxes on it."""
    random = np.random.default_rng(seed)
    scene = np.repeat(np.linspace(0, 4, SHAPE[0], dtype=np.float32)[:, None], SHAPE[1], axis=1)
    for _ in range(12):
        y, x = random.integers(0, SHAPE[0] - 20), random.integers(0, SHAPE[1] - 20)
        scene[y : y + 20, x : x + 20] = random.uniform(0, 4)
    return scene


def with_object(scene: Map, nearness: float) -> Map:
    """The scene with something over its right third."""
    scene = scene.copy()
    scene[:, -SHAPE[1] // 3 :] = nearness
    return scene


def test_limits_are_the_2nd_and_98th_percentile_of_the_first_frame() -> None:
    frame = np.arange(101, dtype=np.float32).reshape(1, 101)
    assert SteadyRange().follow(frame) == Limits(2, 98, is_new=True)


def test_spread_by_hand() -> None:
    spread = Limits(2, 6, is_new=False).spread(np.array([[0, 2, 3, 6, 7]], np.float32))
    assert spread.dtype == np.float32
    assert spread.tolist() == [[0, 0, 0.25, 1, 1]]


def test_same_frames_give_the_same_map() -> None:
    steady, frame = SteadyRange(), room()
    first = steady(frame)
    for _ in range(50):
        np.testing.assert_allclose(steady(frame), first, atol=1e-5)


@pytest.mark.parametrize("nearness", [5.0, 12.0, 100.0])
def test_a_near_object_shifts_the_rest_little(nearness: float) -> None:
    steady, scene = SteadyRange(), room()
    rest = slice(0, SHAPE[1] * 2 // 3)
    before = steady(scene)
    for _ in range(90):
        limits = steady.follow(with_object(scene, nearness))
        now = limits.spread(with_object(scene, nearness))
        assert not limits.is_new
        assert np.abs(now[:, rest] - before[:, rest]).max() <= LEAP + 1e-4
        before = now


def test_the_range_widens_until_the_object_fits() -> None:
    steady, frame = SteadyRange(), with_object(room(), 12)
    steady.follow(room())
    for _ in range(120):
        limits = steady.follow(frame)
    assert limits.high == pytest.approx(12, rel=0.02)


def test_a_range_too_wide_shrinks_slower_than_one_too_narrow_grows() -> None:
    scene, crowded = room(), with_object(room(), 6)
    growing, shrinking = SteadyRange(), SteadyRange()
    start = growing.follow(scene).high
    full = shrinking.follow(crowded).high
    for _ in range(5):
        grown, shrunk = growing.follow(crowded).high, shrinking.follow(scene).high
    assert grown - start > 2 * (full - shrunk) > 0


def test_scale_and_shift_of_the_network_do_not_show() -> None:
    steady, scene = SteadyRange(), room()
    first = steady(scene)
    for gain, shift in [(1.1, 0.2), (0.9, -0.3), (1.2, 0.0), (1.0, 50.0)]:
        frame = np.asarray(scene * np.float32(gain) + np.float32(shift))
        np.testing.assert_allclose(steady(frame), first, atol=0.02)


def test_an_object_and_a_new_scale_together_leave_the_rest_alone() -> None:
    steady, scene = SteadyRange(), room()
    rest = slice(0, SHAPE[1] * 2 // 3)
    before = steady(scene)
    now = steady(with_object(np.asarray(scene * np.float32(0.85)), 9))
    assert np.abs(now[:, rest] - before[:, rest]).max() <= LEAP + 0.01


@pytest.mark.parametrize("other", [room(5)[::-1].copy(), room() * 10, room(3) / 20])
def test_a_cut_starts_anew_at_once(other: Map) -> None:
    steady = SteadyRange()
    for _ in range(10):
        steady.follow(room())
    limits = steady.follow(other)
    assert limits.is_new
    assert limits == SteadyRange().follow(other)
    assert not steady.follow(other).is_new


def test_elapsed_time_counts_not_frames() -> None:
    scene, crowded = room(), with_object(room(), 4.5)
    often, seldom = SteadyRange(), SteadyRange()
    often.follow(scene)
    seldom.follow(scene)
    for _ in range(12):
        high = often.follow(crowded, elapsed_s=1 / 60).high
    for _ in range(6):
        other = seldom.follow(crowded, elapsed_s=1 / 30).high
    assert high == pytest.approx(other, rel=1e-3)


def test_no_time_no_change() -> None:
    steady = SteadyRange()
    first = steady.follow(room())
    assert steady.follow(with_object(room(), 9), elapsed_s=0).high == pytest.approx(first.high)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e-30, 1e30])
def test_a_constant_map_is_all_far(value: float) -> None:
    steady, frame = SteadyRange(), np.full(SHAPE, value, np.float32)
    for _ in range(3):
        assert not steady(frame).any()
    assert steady.follow(room()).is_new


def test_sizes_may_change() -> None:
    steady = SteadyRange()
    steady.follow(room())
    assert not steady.follow(np.repeat(np.repeat(room(), 2, axis=0), 2, axis=1)).is_new


def test_reset_begins_a_new_scene() -> None:
    steady = SteadyRange()
    steady.follow(room())
    steady.reset()
    assert steady.follow(room()).is_new


@pytest.mark.parametrize(
    "bad",
    [
        np.full(SHAPE, np.nan, np.float32),
        np.array([[1, np.inf]], np.float32),
        np.zeros((0, 4), np.float32),
        np.zeros((2, 3, 4), np.float32),
    ],
)
def test_a_bad_frame_is_refused_and_forgotten(bad: Map) -> None:
    steady = SteadyRange()
    first = steady.follow(room())
    with pytest.raises(DepthMapError):
        steady.follow(bad)
    assert steady.follow(room()) == pytest.approx((first.low, first.high, 0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        arrays(np.float32, (6, 8), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=5
    ),
    st.floats(0, 5),
)
def test_any_frames_give_maps_between_0_and_1(frames: list[Map], elapsed_s: float) -> None:
    steady = SteadyRange()
    for frame in frames:
        spread = steady(frame, elapsed_s=elapsed_s)
        assert spread.shape == frame.shape
        assert spread.min() >= 0
        assert spread.max() <= 1
