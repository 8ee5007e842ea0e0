import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.depth import DepthMap
from nearfar.effects.rack_focus import RackFocusOptions, rack_focus
from tests.effects.walls import any_depth, noise, two_planes


def test_focus_travels_from_the_one_to_the_other() -> None:
    photo, depth = noise(120, 160), two_planes()[1]
    options = RackFocusOptions(
        from_x=0.2, to_x=0.9, seconds=0.4, hold=0.1, fps=20.0, aperture=4.0, bloom=0.0
    )
    clip = rack_focus(photo, depth, options)
    frames = list(clip.frames)
    assert len(frames) == clip.count == 8 + 2 * 2
    assert clip.fps == 20
    assert not clip.loops
    sharp = [np.abs(frame.astype(int) - photo) for frame in frames]
    assert sharp[0][:, :68].max() <= 1
    assert sharp[0][:, 80:].mean() > 20
    assert sharp[-1][:, 85:].max() <= 1
    assert sharp[-1][:, :60].mean() > 20
    np.testing.assert_array_equal(frames[0], frames[1])


def test_back_again_loops_without_a_doubled_frame() -> None:
    photo, depth = noise(40, 60), two_planes(40, 60, 30)[1]
    clip = rack_focus(photo, depth, RackFocusOptions(seconds=0.5, hold=0.0, fps=10.0, back=True))
    frames = list(clip.frames)
    assert clip.loops
    assert len(frames) == clip.count == 8
    np.testing.assert_array_equal(frames[1], frames[-1])
    assert (frames[0] != frames[-1]).any()


def test_automatic_ends_are_the_subject_and_the_distance() -> None:
    photo, depth = noise(120, 160), two_planes()[1]
    given = RackFocusOptions(from_x=0.2, to_x=0.9, seconds=0.2, fps=10.0)
    automatic = RackFocusOptions(seconds=0.2, fps=10.0)
    for one, other in zip(
        rack_focus(photo, depth, given).frames,
        rack_focus(photo, depth, automatic).frames,
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_frames_are_made_one_by_one() -> None:
    photo, depth = noise(40, 60), two_planes(40, 60, 30)[1]
    clip = rack_focus(photo, depth, RackFocusOptions(seconds=60.0, fps=60.0))
    assert clip.count > 3600
    assert next(clip.frames).shape == (40, 60, 3)


@pytest.mark.parametrize(("size", "expected"), [((41, 61), (40, 60)), ((1, 3), (1, 2))])
def test_frames_have_even_sides(size: tuple[int, int], expected: tuple[int, int]) -> None:
    photo = noise(*size)
    clip = rack_focus(photo, any_depth(*size, 1, 2.0), RackFocusOptions(seconds=0.1))
    assert next(clip.frames).shape == (*expected, 3)


def test_large_photos_are_made_smaller() -> None:
    photo = noise(60, 120)
    clip = rack_focus(photo, any_depth(60, 120, 1, 2.0), RackFocusOptions(clip_side_px=60))
    assert next(clip.frames).shape == (30, 60, 3)


@settings(deadline=None, max_examples=15)
@given(height_px=st.integers(1, 40), width_px=st.integers(1, 40), value=st.floats(0, 10))
def test_any_size_of_constant_depth(height_px: int, width_px: int, value: float) -> None:
    photo = noise(height_px, width_px)
    depth = DepthMap(np.full((height_px, width_px), value, np.float32))
    clip = rack_focus(photo, depth, RackFocusOptions(seconds=0.1, hold=0.0))
    assert len(list(clip.frames)) == clip.count
