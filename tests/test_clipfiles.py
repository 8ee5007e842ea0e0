"""Clips as files, read back by PyAV and Pillow."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest

from nearfar.errors import UsageError
from nearfar.io.images import Image
from nearfar.io.video_writer import CLIP_FORMATS, GIF_PX, write_clip

RED, BLUE = (200, 30, 30), (30, 30, 200)


def two(width_px: int = 63, height_px: int = 41) -> Iterator[Image]:
    for color in (RED, BLUE):
        yield np.full((height_px, width_px, 3), color, np.uint8)


@pytest.mark.parametrize("suffix", CLIP_FORMATS)
def test_frames_come_back_in_order_with_their_colors(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    write_clip(two(), path, fps=10, loops=True)
    if suffix == ".mp4":
        with av.open(str(path)) as clip:
            stream = clip.streams.video[0]
            assert stream.average_rate == 10
            assert (stream.width, stream.height) == (64, 42)
            frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    else:
        with PIL.Image.open(path) as picture:
            assert picture.size == (63, 41)
            assert picture.info["loop"] == 0
            frames = [
                np.asarray(each.convert("RGB")) for each in PIL.ImageSequence.Iterator(picture)
            ]
            assert picture.info["duration"] == 100
    assert len(frames) == 2
    for frame, color in zip(frames, (RED, BLUE), strict=True):
        assert np.abs(frame[20, 30].astype(int) - color).max() <= 6


def test_gif_is_made_smaller_and_plays_once(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    write_clip(two(1280, 720), path, fps=25, loops=False)
    with PIL.Image.open(path) as picture:
        assert picture.size == (GIF_PX, 360)
        assert "loop" not in picture.info


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4, \.gif, \.webp"):
        write_clip(two(), tmp_path / "clip.avi", fps=25, loops=False)
    with pytest.raises(UsageError, match="no frames to write"):
        write_clip(iter(()), tmp_path / "clip.mp4", fps=25, loops=False)
