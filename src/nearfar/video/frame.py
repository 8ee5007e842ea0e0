"""Convert decoded frames: orientation, deinterlacing, tone mapping of HDR, and scaling."""

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
    """One of the eight orientations of an image: transposition, then flips.

    Attributes:
        is_transposed: rows and columns are swapped.
        is_upside_down: the rows are reversed.
        is_mirrored: the columns are reversed.
    """

    is_transposed: bool = False
    is_upside_down: bool = False
    is_mirrored: bool = False

    def size_px(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Convert the stored size to the upright size, or vice versa."""
        return size_px[::-1] if self.is_transposed else size_px

    def upright(self, pixels: Image) -> Image:
        """Return stored pixels, (H, W, 3), upright."""
        if self.is_transposed:
            pixels = pixels.swapaxes(0, 1)
        if self.is_upside_down:
            pixels = pixels[::-1]
        if self.is_mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels)


def orientation_of(decoded: "av.VideoFrame") -> Orientation:
    """Read the display matrix of a frame; angles are rounded to multiples of 90 degrees."""
    # this version of PyAV may not know other side data of the frame
    with suppress(ValueError):
        for each in decoded.side_data:
            data: object = each
            if getattr(data, "type").name == "DISPLAYMATRIX":  # noqa: B009 - untyped in PyAV
                return _from_matrix(bytes(data))  # type: ignore[call-overload]
        return Orientation()
    return _from_rotation(round(decoded.rotation / _QUARTER_DEG) % 4)


def _from_matrix(matrix: bytes) -> Orientation:
    """Read the 3 x 3 matrix: x' = a x + c y, y' = b x + d y (ISO/IEC 14496-12, 6.2.2)."""
    if len(matrix) != _MATRIX_BYTES:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(is_transposed=True, is_upside_down=b < 0, is_mirrored=c < 0)
    return Orientation(is_upside_down=d < 0, is_mirrored=a < 0)


def _from_rotation(quarters: int) -> Orientation:
    """Return the orientation for a counterclockwise rotation by multiples of 90 degrees."""
    return (
        Orientation(),
        Orientation(is_transposed=True, is_upside_down=True),
        Orientation(is_upside_down=True, is_mirrored=True),
        Orientation(is_transposed=True, is_mirrored=True),
    )[quarters]


Deinterlace: TypeAlias = Literal["auto", "on", "off"]
"""Deinterlace frames that are marked as interlaced, all frames, or none."""


@final
class Deinterlacer:
    """Deinterlaces frames; returns as many as it gets, in order, some with a delay.

    `auto` costs nothing before the first interlaced frame, and leaves progressive frames unchanged.

    Args:
        when: see `Deinterlace`.
    """

    def __init__(self, when: Deinterlace) -> None:
        self._when = when
        self._graph: Any = None
        self._source: Any = None
        self._sink: Any = None
        self._shape: tuple[int, int, str] | None = None

    def push(self, frame: "VideoFrame") -> "Iterator[VideoFrame]":
        """Add a frame, and yield the frames that are ready."""
        shape = (frame.width, frame.height, frame.format.name)
        if self._shape is not None and shape != self._shape:
            yield from self.flush()
        if self._shape is None:
            is_wanted = self._when == "on" or (self._when == "auto" and frame.interlaced_frame)
            if not is_wanted or not self._configure(frame):
                yield frame
                return
            self._shape = shape
        self._source.push(frame)
        yield from self._pull()

    def flush(self) -> "Iterator[VideoFrame]":
        """Yield the remaining frames."""
        if self._shape is not None:
            self._source.push(None)
            yield from self._pull()
        self._graph = self._source = self._sink = self._shape = None

    def _configure(self, frame: "VideoFrame") -> bool:
        av = require("av")
        graph = av.filter.Graph()
        source = graph.add_buffer(template=frame, time_base=frame.time_base)
        deint = "all" if self._when == "on" else "interlaced"
        bwdif = graph.add("bwdif", mode="send_frame", deint=deint)
        sink = graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        try:
            graph.configure()
        except av.FFmpegError:
            return False  # fewer than three rows or columns can't be deinterlaced
        # the filters do not keep a reference to their graph
        self._graph, self._source, self._sink = graph, source, sink
        return True

    def _pull(self) -> "Iterator[VideoFrame]":
        av = require("av")
        while True:
            try:
                frame = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield frame


_STEPS: Final = 49


def colors_of(transfer: int, primaries: int) -> Coding | None:
    """Return the color coding if a frame must be converted; None for BT.709 or equivalent.

    Args:
        transfer: FFmpeg's number of the transfer function.
        primaries: FFmpeg's number of the color primaries.
    """
    if transfer in {PQ, HLG}:
        return Coding(primaries if primaries in PRIMARIES else BT2020, transfer)
    if primaries in PRIMARIES and primaries != BT709:
        return Coding(primaries, BT709)  # all SDR transfer functions assume the same display
    return None


class ToneMapper:
    """Converts the colors of frames of one size to BT.709. Not thread-safe."""

    def __init__(self, colors: Coding, size_px: tuple[int, int]) -> None:
        av = require("av")
        self._graph = graph = av.filter.Graph()
        template = av.VideoFrame(*size_px, "gbrp16le")
        self._source = graph.add_buffer(template=template, time_base="1/1")
        with tempfile.TemporaryDirectory(prefix="nearfar-", dir=temporary_root()) as folder:
            path = Path(folder, "colors.cube")
            path.write_bytes(_cube(colors))
            lut = graph.add("lut3d", file=str(path), interp="tetrahedral")
        eight_bits = graph.add("format", "gbrp")
        self._sink = graph.add("buffersink")
        for first, second in ((self._source, lut), (lut, eight_bits), (eight_bits, self._sink)):
            first.link_to(second)
        graph.configure()

    def __call__(self, frame: Any) -> Image:
        """Convert a frame of `gbrp16le` to (H, W, 3) uint8 RGB."""
        self._source.push(frame)
        return np.asarray(self._sink.pull().to_ndarray(), np.uint8)


@lru_cache(maxsize=4)
def _cube(colors: Coding) -> bytes:
    """Tabulate a conversion to BT.1886 as an Adobe Cube LUT; red varies fastest."""
    steps = np.linspace(0, 1, _STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    light = to_sdr(np.stack([red, green, blue], -1).reshape(-1, 3), colors)
    table = light ** (1 / SDR_GAMMA)
    lines = [f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in table.tolist()]
    return "\n".join([f"LUT_3D_SIZE {_STEPS}", *lines, ""]).encode()


_UNSPECIFIED: Final = 2


class _Scalers(threading.local):
    """Scalers and tone mappers of one thread, reused for all frames."""

    def __init__(self) -> None:
        reformatter: Any = require("av").video.reformatter
        self.whole = reformatter.VideoReformatter()
        self.small = reformatter.VideoReformatter()
        self.alpha = reformatter.VideoReformatter()
        self.area = reformatter.Interpolation.AREA
        self.mappers: dict[tuple[Coding, tuple[int, int]], ToneMapper] = {}


class FrameConverter:
    """Converts the decoded frames of a clip to RGB. Thread-safe.

    Args:
        pixel_aspect: sample aspect ratio (width / height of a stored pixel); None if unknown.
    """

    def __init__(self, pixel_aspect: Fraction | None) -> None:
        self._pixel_aspect = pixel_aspect
        self._scalers = _Scalers()

    def size_px(self, decoded: "av.VideoFrame") -> tuple[int, int]:
        """Return the width and height of a frame, upright and with square pixels."""
        size_px = square_px((decoded.width, decoded.height), self._pixel_aspect)
        return orientation_of(decoded).size_px(size_px)

    def colors(self, decoded: "av.VideoFrame") -> Coding | None:
        """Return a frame's color coding; None for BT.709."""
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
        """Convert a frame to RGB.

        Args:
            decoded: the frame.
            size_px: width and height, upright.
            colors: its color coding.
            is_small: scale by area averaging.

        Returns:
            (h, w, 3) uint8 RGB, upright; transparent pixels are blended with white.
        """
        orientation = orientation_of(decoded)
        width, height = orientation.size_px(size_px)
        scalers = self._scalers
        scaler = scalers.small if is_small else scalers.whole
        settings = {"interpolation": scalers.area, "threads": 1} if is_small else {}
        if colors is None:
            rgb = scaler.reformat(decoded, width=width, height=height, format="rgb24", **settings)
            pixels = rgb.to_ndarray().astype(np.uint8, copy=False)
        else:
            if colors.is_hdr and decoded.colorspace == _UNSPECIFIED:
                settings.update(src_colorspace=BT2020, dst_colorspace=BT2020)
            # not rgb48: its conversion overflows in FFmpeg 8.0
            deep = scaler.reformat(
                decoded, width=width, height=height, format="gbrp16le", **settings
            )
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
    """One frame of a clip. Thread-safe.

    Attributes:
        number: 0, 1, 2 ...
        ticks: presentation time since the start of the clip, 0 or more, in 1 / `reader.TICKS`
            seconds; increases strictly, but not by a constant step.
        size_px: width and height, upright, with square pixels.
    """

    def __init__(
        self,
        number: int,
        ticks: int,
        decoded: "av.VideoFrame",
        converter: FrameConverter,
        size_px: tuple[int, int] | None = None,
    ) -> None:
        self.number, self.ticks = number, ticks
        self._decoded, self._converter = decoded, converter
        self._colors = converter.colors(decoded)
        self._image: Image | None = None
        self.size_px = size_px or converter.size_px(decoded)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB, upright, BT.709; converted on first access."""
        image = self._image
        if image is None:
            image = self._converter.pixels(self._decoded, self.size_px, self._colors)
            self._image = image
        return image

    def small(self, size_px: tuple[int, int]) -> Image:
        """Scale down by area averaging, like `cv2.INTER_AREA` applied to `image`.

        FFmpeg needs a quarter of the time, and no full-size image.

        Args:
            size_px: width and height, not larger than the frame's.

        Returns:
            (h, w, 3) uint8 RGB, upright.
        """
        if has_alpha(self._decoded):  # averaging would mix in the colors of transparent pixels
            small = cv2.resize(self.image, size_px, interpolation=cv2.INTER_AREA)
            return np.asarray(small, np.uint8)
        return self._converter.pixels(self._decoded, size_px, self._colors, is_small=True)


def has_alpha(decoded: "av.VideoFrame") -> bool:
    """Return whether a frame may have transparent pixels."""
    kind = decoded.format
    return kind.name == "pal8" or any(each.is_alpha for each in kind.components)


def _over_white(pixels: Image, alpha: Image) -> Image:
    opacity = alpha.astype(np.uint16)
    mixed = (pixels * opacity + 255 * (255 - opacity) + 127) // 255
    return np.asarray(mixed, np.uint8)
