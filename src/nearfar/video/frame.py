"""One frame of a clip: orientation, deinterlacing, HDR, and pixels at the size asked for."""

import struct
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

import cv2
import numpy as np

from nearfar.io.images import Image
from nearfar.io.images.hdr import BT709, BT2020, HLG, PQ, PRIMARIES, SDR_GAMMA, Coding, to_sdr
from nearfar.io.paths import temporary_root
from nearfar.optional import require
from nearfar.video.container import square_px

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av
    from av.video.frame import VideoFrame

_MATRIX_BYTES: Final = 36
_QUARTER_DEG: Final = 90


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay a picture; first it is transposed, then mirrored.

    Attributes:
        is_transposed: rows become columns.
        is_upside_down: rows are taken from the last to the first.
        is_mirrored: columns are.
    """

    is_transposed: bool = False
    is_upside_down: bool = False
    is_mirrored: bool = False

    def size_px(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Give the upright size for the stored one, and the other way round."""
        return size_px[::-1] if self.is_transposed else size_px

    def upright(self, pixels: Image) -> Image:
        """Lay stored pixels, (H, W, 3), as they are shown."""
        if self.is_transposed:
            pixels = pixels.swapaxes(0, 1)
        if self.is_upside_down:
            pixels = pixels[::-1]
        if self.is_mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels)


def orientation_of(decoded: "av.VideoFrame") -> Orientation:
    """Read the display matrix of a frame; angles between go to the nearest quarter turn."""
    # this PyAV may not know of what lies beside the matrix
    with suppress(ValueError):
        for each in decoded.side_data:
            data: object = each
            if getattr(data, "type").name == "DISPLAYMATRIX":  # noqa: B009 - untyped in PyAV
                return _of_matrix(bytes(data))  # type: ignore[call-overload]
        return Orientation()
    return _of_quarters(round(decoded.rotation / _QUARTER_DEG) % 4)


def _of_matrix(matrix: bytes) -> Orientation:
    """Read nine numbers, row by row: x' = a x + c y, y' = b x + d y (ISO/IEC 14496-12, 6.2.2)."""
    if len(matrix) != _MATRIX_BYTES:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(is_transposed=True, is_upside_down=b < 0, is_mirrored=c < 0)
    return Orientation(is_upside_down=d < 0, is_mirrored=a < 0)


def _of_quarters(quarters: int) -> Orientation:
    """Give the turn against the clock by so many quarters."""
    return (
        Orientation(),
        Orientation(is_transposed=True, is_upside_down=True),
        Orientation(is_upside_down=True, is_mirrored=True),
        Orientation(is_transposed=True, is_mirrored=True),
    )[quarters]


Deinterlace: TypeAlias = Literal["auto", "on", "off"]
"""Whether: where a frame says that it is interlaced, always, never."""


@final
class Deinterlacer:
    """Takes frames and gives as many back, in order, some of them later.

    `auto` costs nothing before the first frame that says it is interlaced, and leaves the
    others as they are.

    Args:
        when: see `Deinterlace`.
    """

    def __init__(self, when: Deinterlace) -> None:
        self._when = when
        self._graph: Any = None
        self._entrance: Any = None
        self._exit: Any = None
        self._shape: tuple[int, int, str] | None = None

    def take(self, frame: "VideoFrame") -> "Iterator[VideoFrame]":
        """Take a frame; give what is ready."""
        shape = (frame.width, frame.height, frame.format.name)
        if self._shape is not None and shape != self._shape:
            yield from self.rest()
        if self._shape is None:
            is_wanted = self._when == "on" or (self._when == "auto" and frame.interlaced_frame)
            if not is_wanted or not self._begin(frame):
                yield frame
                return
            self._shape = shape
        self._entrance.push(frame)
        yield from self._ready()

    def rest(self) -> "Iterator[VideoFrame]":
        """Give the frames that are still held."""
        if self._shape is not None:
            self._entrance.push(None)
            yield from self._ready()
        self._graph = self._entrance = self._exit = self._shape = None

    def _begin(self, frame: "VideoFrame") -> bool:
        av = require("av")
        graph = av.filter.Graph()
        entrance = graph.add_buffer(template=frame, time_base=frame.time_base)
        which = "all" if self._when == "on" else "interlaced"
        bwdif = graph.add("bwdif", mode="send_frame", deint=which)
        end = graph.add("buffersink")
        entrance.link_to(bwdif)
        bwdif.link_to(end)
        try:
            graph.configure()
        except av.FFmpegError:
            return False  # of fewer than three lines or columns: nothing can be combed
        # the filters do not keep their graph alive
        self._graph, self._entrance, self._exit = graph, entrance, end
        return True

    def _ready(self) -> "Iterator[VideoFrame]":
        av = require("av")
        while True:
            try:
                frame = self._exit.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield frame


_STEPS: Final = 49


def colors_of(transfer: int, primaries: int) -> Coding | None:
    """Say whether a frame must be converted; None where it is BT.709, or as good as that.

    Args:
        transfer: FFmpeg's number of the curve.
        primaries: FFmpeg's number of the primaries.
    """
    if transfer in {PQ, HLG}:
        return Coding(primaries if primaries in PRIMARIES else BT2020, transfer)
    if primaries in PRIMARIES and primaries != BT709:
        return Coding(primaries, BT709)  # all curves of SDR are meant for the same screen
    return None


class ToneMapper:
    """Converts frames of one size. For one thread at a time."""

    def __init__(self, colors: Coding, size_px: tuple[int, int]) -> None:
        av = require("av")
        self._graph = graph = av.filter.Graph()
        template = av.VideoFrame(*size_px, "gbrp16le")
        self._entrance = graph.add_buffer(template=template, time_base="1/1")
        with tempfile.TemporaryDirectory(prefix="nearfar-", dir=temporary_root()) as folder:
            path = Path(folder, "colors.cube")
            path.write_bytes(_cube(colors))
            lut = graph.add("lut3d", file=str(path), interp="tetrahedral")
        eight_bits = graph.add("format", "gbrp")
        self._exit = graph.add("buffersink")
        for before, after in ((self._entrance, lut), (lut, eight_bits), (eight_bits, self._exit)):
            before.link_to(after)
        graph.configure()

    def __call__(self, frame: Any) -> Image:
        """Convert a frame of `gbrp16le` to (H, W, 3) uint8 RGB."""
        self._entrance.push(frame)
        return np.asarray(self._exit.pull().to_ndarray(), np.uint8)


@lru_cache(maxsize=4)
def _cube(colors: Coding) -> bytes:
    """Tabulate a conversion to BT.1886 as an Adobe Cube LUT: red changes fastest."""
    steps = np.linspace(0, 1, _STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    light = to_sdr(np.stack([red, green, blue], -1).reshape(-1, 3), colors)
    table = light ** (1 / SDR_GAMMA)
    lines = [f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in table.tolist()]
    return "\n".join([f"LUT_3D_SIZE {_STEPS}", *lines, ""]).encode()


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

    def colors(self, decoded: "av.VideoFrame") -> Coding | None:
        """Say what a frame's colors mean; None for BT.709."""
        source: Any = decoded
        return colors_of(source.color_trc, source.color_primaries)

    def pixels(
        self,
        decoded: "av.VideoFrame",
        size_px: tuple[int, int],
        colors: Coding | None,
        *,
        is_small: bool = False,
    ) -> Image:
        """Make the pixels of a frame.

        Args:
            decoded: the frame.
            size_px: width and height, upright.
            colors: what they mean.
            is_small: take averages of areas.

        Returns:
            (h, w, 3) uint8 RGB, upright; what is transparent lies over white.
        """
        orientation = orientation_of(decoded)
        width, height = orientation.size_px(size_px)
        scalers = self._scalers
        scaler = scalers.small if is_small else scalers.whole
        how = {"interpolation": scalers.area, "threads": 1} if is_small else {}
        if colors is None:
            rgb = scaler.reformat(decoded, width=width, height=height, format="rgb24", **how)
            pixels = rgb.to_ndarray().astype(np.uint8, copy=False)
        else:
            if colors.is_hdr and decoded.colorspace == _UNSAID:
                how.update(src_colorspace=BT2020, dst_colorspace=BT2020)
            # not rgb48: FFmpeg 8.0 overflows there
            deep = scaler.reformat(decoded, width=width, height=height, format="gbrp16le", **how)
            mapper = scalers.mappers.get((colors, (width, height)))
            if mapper is None:
                mapper = scalers.mappers[colors, (width, height)] = ToneMapper(
                    colors, (width, height)
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
        self._colors = view.colors(decoded)
        self._image: Image | None = None
        self.size_px = size_px or view.size_px(decoded)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB, upright, BT.709; made when it is first asked for."""
        image = self._image
        if image is None:
            image = self._view.pixels(self._decoded, self.size_px, self._colors)
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
        if has_alpha(self._decoded):  # averages would let hidden colors show
            small = cv2.resize(self.image, size_px, interpolation=cv2.INTER_AREA)
            return np.asarray(small, np.uint8)
        return self._view.pixels(self._decoded, size_px, self._colors, is_small=True)


def has_alpha(decoded: "av.VideoFrame") -> bool:
    """Say whether something of a frame may be transparent."""
    kind = decoded.format
    return kind.name == "pal8" or any(each.is_alpha for each in kind.components)


def _over_white(pixels: Image, alpha: Image) -> Image:
    opacity = alpha.astype(np.uint16)
    mixed = (pixels * opacity + 255 * (255 - opacity) + 127) // 255
    return np.asarray(mixed, np.uint8)
