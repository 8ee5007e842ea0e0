"""Pictures as H.264 that plays everywhere: 8 bits, 4:2:0, BT.709, of even sides."""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image
from nearfar.optional import require

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

PICTURES: Final[Mapping[str, str]] = MappingProxyType({"crf": "18", "preset": "superfast"})
"""How photos, and what is made of them, are encoded."""

MAPS: Final[Mapping[str, str]] = MappingProxyType(
    {"qp": "20", "preset": "ultrafast", "x264-params": "cabac=1:no-deblock=0:deblock=0,0"}
)
"""How maps in colours are: smooth, so that the least search suffices.

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
        """Take what `coloured` made."""
        frame: VideoFrame = self._av.VideoFrame.from_numpy_buffer(planes, "yuv420p")
        return frame


def coloured(levels: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colour a map for `ToFrames.planes`, with no way round by RGB.

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


def yuv(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give colours as H.264 has them: BT.709, luma 16 to 235, chroma 16 to 240.

    Args:
        colours: (N, 3) uint8 RGB.

    Returns:
        (3, N) uint8: luma, blue and red chroma.
    """
    red, green, blue = (colours.astype(np.float32) / 255).T
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
