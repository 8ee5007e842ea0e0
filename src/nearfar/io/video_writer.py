"""Write videos without sound: MP4 (H.264) with PyAV, GIF and WebP with Pillow."""

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
    """Return a file's URL for FFmpeg.

    Without it FFmpeg treats the part before a colon as a protocol: `12:30.mp4`, `concat:a.mp4`.
    """
    return f"file:{os.fspath(path)}"


PICTURES: Final[Mapping[str, str]] = MappingProxyType({"crf": "18", "preset": "superfast"})
"""Encoder options for photos and effects."""

MAPS: Final[Mapping[str, str]] = MappingProxyType(
    {"qp": "20", "preset": "ultrafast", "x264-params": "cabac=1:no-deblock=0:deblock=0,0"}
)
"""Encoder options for maps in colors, which are smooth, so that the fastest preset suffices.

Relative to `PICTURES`, a third of the time and at most half the bytes, at 49 to 52 dB (x264 0.165,
two clips of 640 and 768 pixels).
"""

_BT709: Final = 1
_FULL_RANGE: Final = 2
_LIMITED_RANGE: Final = 1
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # luma coefficients of ITU-R BT.709


def add_stream(
    output: "OutputContainer",
    fps: float,
    size_px: tuple[int, int],
    options: Mapping[str, str],
    *,
    threads: int = 0,
) -> "VideoStream":
    """Add an H.264 stream to a container.

    Args:
        output: container whose header is not written yet.
        fps: frames per second; the caller may set a finer time base.
        size_px: width and height of the frames; odd sides are rounded up to even.
        options: `PICTURES` or `MAPS`.
        threads: number of encoder threads, with one frame each; 0 for the encoder's default.
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


class YuvConverter:
    """Converts images to video frames. Not thread-safe."""

    def __init__(self) -> None:
        self._av = require("av")
        self._reformatter = self._av.video.reformatter.VideoReformatter()

    def picture(self, pixels: Image) -> "VideoFrame":
        """Convert (H, W, 3) uint8 RGB; the last row or column of an odd side is repeated."""
        rgb = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(_pad_to_even(pixels)), "rgb24")
        frame: VideoFrame = self._reformatter.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=_BT709,
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
        )
        return frame

    def planes(self, planes: NDArray[np.uint8]) -> "VideoFrame":
        """Convert the result of `colored`."""
        frame: VideoFrame = self._av.VideoFrame.from_numpy_buffer(planes, "yuv420p")
        return frame


def colored(levels: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Apply a color table to a map, directly in YUV for `YuvConverter.planes`.

    Args:
        levels: (H, W) uint8; the last row or column of an odd side is repeated.
        table: (3, 256) uint8, from `yuv`.

    Returns:
        (3 * H / 2, W) uint8: the luma plane, then both chroma planes at half size.
    """
    levels = _pad_to_even(levels)
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
    """Convert colors to YUV for H.264: BT.709, luma 16 to 235, chroma 16 to 240.

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


def _pad_to_even(pixels: NDArray[Any]) -> NDArray[Any]:
    padding = pixels.shape[0] % 2, pixels.shape[1] % 2
    if not any(padding):
        return pixels
    return np.pad(
        pixels, ((0, padding[0]), (0, padding[1]), *[(0, 0)] * (pixels.ndim - 2)), mode="edge"
    )


GIF_PX: Final = 640
"""Longest side of a GIF: Pillow holds all of its frames, and browsers are slow with larger ones."""

WEBP_PX: Final = 1280
"""Longest side of an animated WebP: Pillow holds all of its frames."""

_PALETTE_FRAMES: Final = 16
_SHORTEST_MS: Final = 20  # browsers show faster GIFs at 10 frames per second


@dataclass(frozen=True)
class Timing:
    """Frame rate and repetition.

    Attributes:
        fps: frames per second.
        loops: repeat from the start, if the format supports it.
    """

    fps: float
    loops: bool


def write_clip(frames: Iterator[Image], path: Path, *, fps: float, loops: bool) -> None:
    """Write a video; frames are consumed one at a time.

    On an error a partial file may remain, see `nearfar.io.atomic.replacing`.

    Args:
        frames: (H, W, 3) uint8 RGB each, all of one size, one or more.
        path: of the file; its suffix, one of `CLIP_FORMATS`, selects the format.
        fps: frames per second.
        loops: repeat from the start; in MP4 the player decides.

    Raises:
        UsageError: the suffix is unknown, or there are no frames.
        MissingExtraError: PyAV is not installed, which MP4 needs.
        WriteError: the file can't be encoded or written.
    """
    write = CLIP_FORMATS.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{path}: a clip's name must end in one of {', '.join(CLIP_FORMATS)}")
    first = next(frames, None)
    if first is None:
        raise UsageError(f"{path}: there are no frames to write")
    write(chain((first,), frames), path, Timing(fps, loops))


def _mp4(frames: Iterator[Image], path: Path, timing: Timing) -> None:
    av = require("av")
    converter = YuvConverter()
    try:
        with av.open(
            file_url(path), "w", format="mp4", options={"movflags": "faststart"}
        ) as output:
            stream: Any = None
            for pixels in frames:
                height, width = pixels.shape[:2]
                stream = stream or add_stream(output, timing.fps, (width, height), PICTURES)
                output.mux(stream.encode(converter.picture(pixels)))
            output.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise WriteError(f"can't write {path}: {error.strerror or error}") from error


def _gif(frames: Iterator[Image], path: Path, timing: Timing) -> None:
    """Use one palette for all frames, from the first ones, because changing palettes flicker."""
    small = (_limit_size(each, GIF_PX) for each in frames)
    first_frames = list(islice(small, _PALETTE_FRAMES))
    sample = PillowImage.fromarray(np.concatenate([each[::2, ::2] for each in first_frames]))
    palette = sample.quantize(256, method=PillowImage.Quantize.MEDIANCUT)
    pictures = (PillowImage.fromarray(each) for each in chain(first_frames, small))
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
    pictures = (PillowImage.fromarray(_limit_size(each, WEBP_PX)) for each in frames)
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


def _limit_size(frame: Image, longest_px: int) -> Image:
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
