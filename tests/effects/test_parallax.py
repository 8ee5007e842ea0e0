from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.depth import DepthMap
from nearfar.effects.parallax import EFFECT, MotionName, ParallaxOptions, parallax

MOTIONS = get_args(MotionName)


def test_frames_are_made_when_they_are_taken() -> None:
    photo = np.zeros((40, 60, 3), np.uint8)
    clip = parallax(photo, DepthMap(np.ones((40, 60), np.float32)), ParallaxOptions(seconds=30))
    assert clip.count == 750
    assert next(clip.frames).shape == photo.shape


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_clip_is_a_loop(motion: str) -> None:
    rng = np.random.default_rng(0)
    photo = np.kron(rng.integers(0, 256, (10, 15, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    depth = np.ones((80, 120), np.float32)
    depth[20:60, 40:80] = 2
    options = ParallaxOptions.of(motion=motion, seconds=2, fps=20, amount=0.05)
    clip = parallax(photo, DepthMap(depth), options)
    frames = [frame.astype(int) for frame in clip.frames]
    assert clip.loops
    assert len(frames) == clip.count == 40
    steps = [np.abs(b - a).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert max(steps) > 0
    assert steps[-1] <= 1.5 * max(steps[:-1])


def test_an_orbit_moves_near_against_far() -> None:
    photo = np.zeros((120, 160, 3), np.uint8)
    photo[50:70, 70:90] = 255
    depth = np.ones((120, 160), np.float32)
    depth[40:80, 60:100] = 2
    options = ParallaxOptions(amount=0.1, focus=0.0, seconds=1, fps=4)
    right, down, left, up = (
        np.argwhere(frame[:, :, 0] > 127).mean(axis=0)
        for frame in parallax(photo, DepthMap(depth), options).frames
    )
    assert right[1] - left[1] == pytest.approx(16, abs=1.5)
    assert down[0] - up[0] == pytest.approx(0.6 * 16, abs=1.5)


@given(st.integers(1, 25), st.integers(1, 25), st.sampled_from(MOTIONS), st.booleans())
@settings(max_examples=30, deadline=None)
def test_any_size_and_depth(height: int, width: int, motion: str, flat: bool) -> None:
    rng = np.random.default_rng(0)
    depth = np.ones((height, width)) if flat else rng.random((height, width))
    options = ParallaxOptions.of(motion=motion, seconds=0.5, fps=4, amount=0.1)
    photo = np.full((height, width, 3), 77, np.uint8)
    for frame in EFFECT.apply(photo, DepthMap(depth.astype(np.float32)), options).frames:
        assert np.array_equal(frame, photo)
