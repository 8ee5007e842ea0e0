"""Write clips without sound: MP4 (H.264) through PyAV, GIF and WebP through Pillow."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from nearfar.errors import UsageError, WriteError
from nearfar.io.images import Image
from nearfar.optional import require

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


def file_url(path: str | os.PathLike[str]) -> str:
    """Return the address of a file, whatever its name.

    FFmpeg takes the text before a colon for a protocol: `12:30.mp4`, `concat:a.mp4`.
    """
    return f"file:{os.fspath(path)}"


PICTURES: Final[Mapping[str, str]] = MappingProxyType({"crf": "18", "preset": "superfast"})
"""How photos, and what is made of them, are encoded."""

MAPS: Final[Mapping[str, str]] = MappingProxyType(
    {"qp": "20", "preset": "ultrafast", "x264-params": "cabac=1:no-deblock=0:deblock=0,0"}
)
"""How maps in colors are: smooth, so that the least search suffices.

Beside `PICTURES` a third of the time and half the bytes or less, at 49 to 52 dB (x264 0.165,
two clips of 640 and 768 pixels).
"""

_BT709: Final = 1
_FULL_RANGE: Final = 2
_LIMITED_RANGE: Final = 1
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # ITU-R BT.709, of luma


def add_stream(
    output: "OutputContainer",
    fps: float,
    size_px: tuple[int, int],
    options: Mapping[str, str],
    *,
    threads: int = 0,
) -> "VideoStream":
    """Add such a stream to a file.

    Args:
        output: whose header is not written yet.
        fps: frames a second; the caller may set a finer time base.
        size_px: width and height of the frames; odd sides are made even.
        options: `PICTURES` or `MAPS`.
        threads: that encode, each a frame; 0 leaves it to the encoder.
    """
    rate = Fraction(fps).limit_denominator(1001)
    stream = output.add_stream("libx264", rate=rate)
    stream.width, stream.height = (side + side % 2 for side in size_px)
    stream.pix_fmt = "yuv420p"
    stream.options = dict(options)
    context = stream.codec_context
    context.thread_type, context.thread_count = "FRAME", threads
    context.color_range = _LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    return stream


class ToFrames:
    """Makes frames of pictures. For one thread at a time."""

    def __init__(self) -> None:
        self._av = require("av")
        self._reformatter = self._av.video.reformatter.VideoReformatter()

    def picture(self, pixels: Image) -> "VideoFrame":
        """Take (H, W, 3) uint8 RGB; the last line of an odd side is doubled."""
        rgb = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(_even(pixels)), "rgb24")
        frame: VideoFrame = self._reformatter.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=_BT709,
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
        )
        return frame

    def planes(self, planes: NDArray[np.uint8]) -> "VideoFrame":
        """Take what `colored` made."""
        frame: VideoFrame = self._av.VideoFrame.from_numpy_buffer(planes, "yuv420p")
        return frame


def colored(levels: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Color a map for `ToFrames.planes`, without converting to RGB first.

    Args:
        levels: (H, W) uint8; the last line of an odd side is doubled.
        table: (3, 256) uint8, of `yuv`.

    Returns:
        (3 * H / 2, W) uint8: luma, then both chromas at half the size, of the mean level.
    """
    levels = _even(levels)
    height, width = levels.shape
    planes = np.empty((height * 3 // 2, width), np.uint8)
    half = cv2.resize(levels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chromas = planes[height:].reshape(2, height // 2, width // 2)
    for values, column, plane in zip(
        (levels, half, half), table, (planes[:height], *chromas), strict=True
    ):
        cv2.LUT(values, column, dst=plane)
    return planes


def yuv(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colors as H.264 stores them: BT.709, luma 16 to 235, chroma 16 to 240.

    Args:
        colors: (N, 3) uint8 RGB.

    Returns:
        (3, N) uint8: luma, blue and red chroma.
    """
    red, green, blue = (colors.astype(np.float32) / 255).T
    luma = _RED * red + _GREEN * green + _BLUE * blue
    columns = (
        16 + 219 * luma,
        128 + 224 * (blue - luma) / (2 - 2 * _BLUE),
        128 + 224 * (red - luma) / (2 - 2 * _RED),
    )
    return np.asarray(np.rint(np.stack(columns)), np.uint8)


def _even(pixels: NDArray[Any]) -> NDArray[Any]:
    odd = pixels.shape[0] % 2, pixels.shape[1] % 2
    if not any(odd):
        return pixels
    return np.pad(pixels, ((0, odd[0]), (0, odd[1]), *[(0, 0)] * (pixels.ndim - 2)), mode="edge")


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
        path: the file; its suffix, one of `CLIP_FORMATS`, decides the format.
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
    to_frames = ToFrames()
    try:
        with av.open(
            file_url(path), "w", format="mp4", options={"movflags": "faststart"}
        ) as output:
            stream: Any = None
            for pixels in frames:
                height, width = pixels.shape[:2]
                stream = stream or add_stream(output, timing.fps, (width, height), PICTURES)
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
