"""One picture of a clip, turned into pixels when, and as large as, they are asked for."""

import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from nearfar.io.images import Image
from nearfar.io.images.hdr import BT2020, Coding
from nearfar.optional import require
from nearfar.video.container import square_px
from nearfar.video.orientation import orientation_of
from nearfar.video.tonemap import ToneMapper, colours_of

if TYPE_CHECKING:
    import av

_UNSAID: Final = 2


class _Scalers(threading.local):
    """What makes pixels of decoded frames; each thread has its own, kept from frame to frame."""

    def __init__(self) -> None:
        reformatter: Any = require("av").video.reformatter
        self.whole = reformatter.VideoReformatter()
        self.small = reformatter.VideoReformatter()
        self.alpha = reformatter.VideoReformatter()
        self.area = reformatter.Interpolation.AREA
        self.mappers: dict[tuple[Coding, tuple[int, int]], ToneMapper] = {}


class View:
    """How the decoded frames of a clip are shown. May be shared between threads.

    Args:
        pixel_aspect: width of a stored pixel by its height; None where nothing is said.
    """

    def __init__(self, pixel_aspect: Fraction | None) -> None:
        self._pixel_aspect = pixel_aspect
        self._scalers = _Scalers()

    def size_px(self, decoded: "av.VideoFrame") -> tuple[int, int]:
        """Give the width and height at which a frame is upright, with square pixels."""
        size_px = square_px((decoded.width, decoded.height), self._pixel_aspect)
        return orientation_of(decoded).size_px(size_px)

    def colours(self, decoded: "av.VideoFrame") -> Coding | None:
        """Say what a frame's colours mean; None for BT.709."""
        source: Any = decoded
        return colours_of(source.color_trc, source.color_primaries)

    def pixels(
        self,
        decoded: "av.VideoFrame",
        size_px: tuple[int, int],
        colours: Coding | None,
        *,
        is_small: bool = False,
    ) -> Image:
        """Make the pixels of a frame.

        Args:
            decoded: the frame.
            size_px: width and height, upright.
            colours: what they mean.
            is_small: take averages of areas.

        Returns:
            (h, w, 3) uint8 RGB, upright; what is transparent lies over white.
        """
        orientation = orientation_of(decoded)
        width, height = orientation.size_px(size_px)
        scalers = self._scalers
        scaler = scalers.small if is_small else scalers.whole
        how = {"interpolation": scalers.area, "threads": 1} if is_small else {}
        if colours is None:
            rgb = scaler.reformat(decoded, width=width, height=height, format="rgb24", **how)
            pixels = rgb.to_ndarray().astype(np.uint8, copy=False)
        else:
            if colours.is_hdr and decoded.colorspace == _UNSAID:
                how.update(src_colorspace=BT2020, dst_colorspace=BT2020)
            # not rgb48: FFmpeg 8.0 overflows there
            deep = scaler.reformat(decoded, width=width, height=height, format="gbrp16le", **how)
            mapper = scalers.mappers.get((colours, (width, height)))
            if mapper is None:
                mapper = scalers.mappers[colours, (width, height)] = ToneMapper(
                    colours, (width, height)
                )
            pixels = mapper(deep)
        if has_alpha(decoded):
            rgba = scalers.alpha.reformat(decoded, width=width, height=height, format="rgba")
            pixels = _over_white(pixels, rgba.to_ndarray()[..., 3:])
        return orientation.upright(pixels)


class Frame:
    """One picture of a clip. May be shared between threads.

    Attributes:
        number: 0, 1, 2 ...
        ticks: when it is shown, 0 or more, in parts of `frames.TICKS` since the clip's start;
            grows from frame to frame, by no fixed amount.
        size_px: width and height, upright, with square pixels.
    """

    def __init__(
        self,
        number: int,
        ticks: int,
        decoded: "av.VideoFrame",
        view: View,
        size_px: tuple[int, int] | None = None,
    ) -> None:
        self.number, self.ticks = number, ticks
        self._decoded, self._view = decoded, view
        self._colours = view.colours(decoded)
        self._image: Image | None = None
        self.size_px = size_px or view.size_px(decoded)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB, upright, BT.709; made when it is first asked for."""
        image = self._image
        if image is None:
            image = self._view.pixels(self._decoded, self.size_px, self._colours)
            self._image = image
        return image

    def small(self, size_px: tuple[int, int]) -> Image:
        """Make a smaller picture by averages of areas, as `cv2.INTER_AREA` does of `image`.

        FFmpeg takes a quarter of the time for it, and needs no picture of the whole size.

        Args:
            size_px: width and height, none larger than the frame's.

        Returns:
            (h, w, 3) uint8 RGB, upright.
        """
        if has_alpha(self._decoded):  # averages would let hidden colours show
            small = cv2.resize(self.image, size_px, interpolation=cv2.INTER_AREA)
            return np.asarray(small, np.uint8)
        return self._view.pixels(self._decoded, size_px, self._colours, is_small=True)


def has_alpha(decoded: "av.VideoFrame") -> bool:
    """Say whether something of a frame may be transparent."""
    kind = decoded.format
    return kind.name == "pal8" or any(each.is_alpha for each in kind.components)


def _over_white(pixels: Image, alpha: Image) -> Image:
    opacity = alpha.astype(np.uint16)
    mixed = (pixels * opacity + 255 * (255 - opacity) + 127) // 255
    return np.asarray(mixed, np.uint8)
