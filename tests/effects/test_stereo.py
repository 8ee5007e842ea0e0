import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.effects.anaglyph import anaglyph
from nearfar.effects.base import Clip, Picture
from nearfar.effects.stereo import EFFECT, SUFFIXES, StereoOptions, pair, stereo, suffix


def two_planes() -> tuple[NDArray[np.uint8], DepthMap]:
    """A textured block, nearness 1, before a textured wall, nearness 0; 200 wide."""
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (120, 200, 3), np.uint8)
    depth = np.full((120, 200), 1, np.float32)
    depth[30:90, 70:130] = 3
    return photo, DepthMap(depth)


def test_shifts_follow_the_disparity() -> None:
    photo, depth = two_planes()
    # 0.08 x 200 = 16 px between the eyes; convergence 0.5: each plane moves 4 px in each eye
    left, right = pair(photo, depth, StereoOptions(separation=0.08, convergence=0.5))
    block = photo[35:85, 75:125]
    assert np.array_equal(left[35:85, 79:129], block)  # the near is right of its place
    assert np.array_equal(right[35:85, 71:121], block)
    assert np.array_equal(left[:20, :190], photo[:20, 4:194])  # the far is left of it
    assert np.array_equal(right[:20, 10:], photo[:20, 6:196])


@pytest.mark.parametrize("convergence", [0.0, 1.0])
def test_what_lies_on_the_screen_does_not_move(convergence: float) -> None:
    photo, depth = two_planes()
    left, right = pair(photo, depth, StereoOptions(separation=0.05, convergence=convergence))
    part = (slice(0, 20), slice(0, 200)) if convergence == 0 else (slice(35, 85), slice(75, 125))
    assert np.array_equal(left[part], photo[part])
    assert np.array_equal(right[part], photo[part])


def test_red_comes_from_the_left_eye_and_cyan_from_the_right() -> None:
    dark = np.zeros((4, 4, 3), np.uint8)
    light = np.full((4, 4, 3), 255, np.uint8)
    left_only, right_only = anaglyph(light, dark)[0, 0], anaglyph(dark, light)[0, 0]
    assert left_only.tolist() == [255, 0, 0]
    assert right_only.tolist() == [0, 255, 255]


def test_anaglyph_keeps_grey() -> None:
    grey = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    mixed = anaglyph(grey, grey).astype(int)
    assert np.abs(mixed - grey).max() <= 1


def test_anaglyph_of_the_effect_shows_the_pair() -> None:
    photo, depth = two_planes()
    options = StereoOptions(layout="anaglyph", separation=0.08)
    picture = stereo(photo, depth, options)
    assert isinstance(picture, Picture)
    assert np.array_equal(picture.pixels, anaglyph(*pair(photo, depth, options)))


def test_layouts_put_the_right_eye_in_the_right_place() -> None:
    photo, depth = two_planes()
    left, right = pair(photo, depth, StereoOptions())
    for layout, expected in (
        ("sbs", np.hstack((left, right))),
        ("tb", np.vstack((left, right))),
        ("cross-eyed", np.hstack((right, left))),
    ):
        picture = stereo(photo, depth, StereoOptions.of(layout=layout))
        assert isinstance(picture, Picture)
        assert np.array_equal(picture.pixels, expected)


@pytest.mark.parametrize("layout", ["half-sbs", "half-tb"])
def test_half_layouts_keep_the_size(layout: str) -> None:
    photo = np.full((31, 41, 3), 90, np.uint8)
    depth = DepthMap(np.ones((31, 41), np.float32))
    picture = stereo(photo, depth, StereoOptions.of(layout=layout))
    assert isinstance(picture, Picture)
    assert np.array_equal(picture.pixels, photo)


def test_wiggle_loops_from_eye_to_eye() -> None:
    photo, depth = two_planes()
    clip = stereo(photo, depth, StereoOptions(layout="wiggle"))
    assert isinstance(clip, Clip)
    frames = list(clip.frames)
    left, right = pair(photo, depth, StereoOptions())
    assert clip.loops
    assert len(frames) == clip.count
    assert np.array_equal(frames[0], left)
    assert np.array_equal(frames[clip.count // 2], right)
    assert np.array_equal(frames[1], frames[-1])


def test_every_layout_has_a_name_players_know() -> None:
    assert len(set(SUFFIXES.values())) == len(SUFFIXES)
    assert suffix("half-sbs") == "_LR"
    assert suffix("half-tb") == "_TB"
    for layout in SUFFIXES:
        StereoOptions.of(layout=layout)


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(sorted(SUFFIXES)), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_any_size_and_a_flat_map(height: int, width: int, layout: str, seed: int) -> None:
    photo = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    depth = DepthMap(np.full((height, width), 2, np.float32))
    options = StereoOptions.of(layout=layout, convergence=0.0)
    result = EFFECT.apply(photo, depth, options)
    if isinstance(result, Clip):
        assert all(np.array_equal(frame, photo) for frame in result.frames)
    elif layout in {"sbs", "cross-eyed"}:
        assert np.array_equal(result.pixels, np.hstack((photo, photo)))
    else:
        assert result.pixels.dtype == np.uint8
