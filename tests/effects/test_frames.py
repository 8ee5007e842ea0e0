"""Effects for the frames of a clip: which there are, and what they refuse."""

import numpy as np
import pytest

from nearfar.depth import DepthMap
from nearfar.effects import find
from nearfar.effects.frames import FRAME_EFFECTS, for_each_frame
from nearfar.errors import VideoError

PHOTO = np.full((24, 32, 3), 90, np.uint8)
DEPTH = DepthMap(np.tile(np.linspace(0, 1, 32, dtype=np.float32), (24, 1)), "fake")


def test_those_that_make_pictures_are_there() -> None:
    assert {"bokeh", "fog", "stereo", "cutout"} <= set(FRAME_EFFECTS)
    assert not {"parallax", "photo3d", "rack-focus", "sonify", "navigate"} & set(FRAME_EFFECTS)


def test_every_frame_becomes_a_picture() -> None:
    stereo = find("stereo")
    make = for_each_frame(stereo, stereo.options.of(layout="sbs"))
    assert make(PHOTO, DEPTH).shape == (24, 64, 3)


def test_clip_of_every_frame_is_refused() -> None:
    stereo = find("stereo")
    make = for_each_frame(stereo, stereo.options.of(layout="wiggle"))
    with pytest.raises(VideoError, match="choose others"):
        make(PHOTO, DEPTH)
