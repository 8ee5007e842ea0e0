"""Moving pictures without sound to files: MP4 through PyAV, GIF and WebP through Pillow."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image as PillowImage

from nearfar import h264
from nearfar.avfiles import file_url
from nearfar.errors import UsageError, WriteError
from nearfar.io.images import Image
from nearfar.optional import require

GIF_PX: Final = 640
"""Longest side of a GIF: Pillow holds all of its frames, and browsers choke on larger ones."""

WEBP_PX: Final = 1280
"""Longest side of an animated WebP: Pillow holds all of its frames."""

_PALETTE_FRAMES: Final = 16
_SHORTEST_MS: Final = 20  # browsers show faster GIFs at 10 frames a second


@dataclass(frozen=True)
class Timing:
    """How fast frames go.

    Attributes:
        fps: frames a second.
        loops: begin anew after the last, where the format can say so.
    """

    fps: float
    loops: bool


def write_clip(frames: Iterator[Image], path: Path, *, fps: float, loops: bool) -> None:
    """Write a clip; frames are taken one at a time.

    The caller cares for what is at `path` when this fails, see `nearfar.io.atomic.replacing`.

    Args:
        frames: each (H, W, 3) uint8 RGB, all of one size, one or more.
        path: the file; its suffix, one of `CLIP_FORMATS`, tells the format.
        fps: frames a second.
        loops: begin anew after the last frame; MP4 leaves that to the player.

    Raises:
        UsageError: another suffix, or no frame.
        MissingExtraError: MP4 without PyAV.
        WriteError: the system or the encoder refused.
    """
    write = CLIP_FORMATS.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{path}: a clip's name ends in one of {', '.join(CLIP_FORMATS)}")
    first = next(frames, None)
    if first is None:
        raise UsageError(f"{path}: a clip without frames")
    write(chain((first,), frames), path, Timing(fps, loops))


def _mp4(frames: Iterator[Image], path: Path, timing: Timing) -> None:
    av = require("av")
    to_frames = h264.ToFrames()
    try:
        with av.open(
            file_url(path), "w", format="mp4", options={"movflags": "faststart"}
        ) as output:
            stream: Any = None
            for pixels in frames:
                height, width = pixels.shape[:2]
                stream = stream or h264.add_stream(
                    output, timing.fps, (width, height), h264.PICTURES
                )
                output.mux(stream.encode(to_frames.picture(pixels)))
            output.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise WriteError(f"can't write {path}: {error.strerror or error}") from error


def _gif(frames: Iterator[Image], path: Path, timing: Timing) -> None:
    """One palette for all frames, of the first few: one each would flicker."""
    small = (_fitted(each, GIF_PX) for each in frames)
    begun = list(islice(small, _PALETTE_FRAMES))
    seen = PillowImage.fromarray(np.concatenate([each[::2, ::2] for each in begun]))
    palette = seen.quantize(256, method=PillowImage.Quantize.MEDIANCUT)
    pictures = (PillowImage.fromarray(each) for each in chain(begun, small))
    indexed = (each.quantize(palette=palette) for each in pictures)
    duration_ms = max(_SHORTEST_MS, round(100 / timing.fps) * 10)
    next(indexed).save(
        path,
        format="GIF",
        save_all=True,
        append_images=indexed,
        duration=duration_ms,
        optimize=False,
        **({"loop": 0} if timing.loops else {}),
    )


def _webp(frames: Iterator[Image], path: Path, timing: Timing) -> None:
    pictures = (PillowImage.fromarray(_fitted(each, WEBP_PX)) for each in frames)
    (first,) = islice(pictures, 1)
    first.save(
        path,
        format="WEBP",
        save_all=True,
        append_images=pictures,
        duration=max(1, round(1000 / timing.fps)),
        loop=0 if timing.loops else 1,
        quality=80,
        method=2,
    )


def _fitted(frame: Image, longest_px: int) -> Image:
    height_px, width_px = frame.shape[:2]
    scale = longest_px / max(height_px, width_px)
    if scale >= 1:
        return frame
    size_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    return np.asarray(cv2.resize(frame, size_px, interpolation=cv2.INTER_AREA), np.uint8)


CLIP_FORMATS: Final[Mapping[str, Callable[[Iterator[Image], Path, Timing], None]]] = (
    MappingProxyType({".mp4": _mp4, ".gif": _gif, ".webp": _webp})
)
"""Suffix -> writer."""
