"""One picture of a clip, turned into pixels when, and as large as, they are asked for."""

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from nearfar.extras import require
from nearfar.images import Image

if TYPE_CHECKING:
    import av

_QUARTER_DEG = 90


class Scalers(threading.local):
    """What makes pixels of decoded frames; each thread has its own, kept from frame to frame."""

    def __init__(self) -> None:
        reformatter: Any = require("av").video.reformatter
        self.whole = reformatter.VideoReformatter()
        self.small = reformatter.VideoReformatter()
        self.area = reformatter.Interpolation.AREA


class Frame:
    """One picture of a clip. May be shared between threads.

    Attributes:
        number: 0, 1, 2 ...
        ticks: when it is shown, 0 or more, in parts of `frames.TICKS` since the clip's start;
            grows from frame to frame, by no fixed amount.
        size_px: width and height, upright.
    """

    def __init__(self, number: int, ticks: int, decoded: "av.VideoFrame", scalers: Scalers) -> None:
        self.number, self.ticks = number, ticks
        self._decoded, self._scalers = decoded, scalers
        self._image: Image | None = None
        self.size_px = self._turned((decoded.width, decoded.height))

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB, upright; made when it is first asked for."""
        image = self._image
        if image is None:
            rgb = self._scalers.whole.reformat(self._decoded, format="rgb24")
            image = self._image = upright(rgb, self._decoded.rotation)
        return image

    def small(self, size_px: tuple[int, int]) -> Image:
        """Make a smaller picture by averages of areas, as `cv2.INTER_AREA` does of `image`.

        FFmpeg takes a quarter of the time for it, and needs no picture of the whole size.

        Args:
            size_px: width and height, none larger than the frame's.

        Returns:
            (h, w, 3) uint8 RGB, upright.
        """
        width, height = self._turned(size_px)
        rgb = self._scalers.small.reformat(
            self._decoded,
            width=width,
            height=height,
            format="rgb24",
            interpolation=self._scalers.area,
            threads=1,
        )
        return upright(rgb, self._decoded.rotation)

    def _turned(self, size_px: tuple[int, int]) -> tuple[int, int]:
        quarters = round(self._decoded.rotation / _QUARTER_DEG)
        return size_px[::-1] if quarters % 2 else size_px


def upright(frame: "av.VideoFrame", degrees: int) -> Image:
    """Turn a frame against the clock by its display matrix's angle, to a multiple of 90."""
    pixels: Image = frame.to_ndarray().astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.rot90(pixels, round(degrees / _QUARTER_DEG) % 4))
