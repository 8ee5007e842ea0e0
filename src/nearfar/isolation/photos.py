"""Decode untrusted photos in a child process."""

import atexit
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, Final, TypeAlias, final

import cv2
import numpy as np

from nearfar.config import ImageLimits
from nearfar.errors import ImageError, ProcessError, UsageError
from nearfar.io.images import DEFAULT_LIMITS, Image, ImageFile
from nearfar.io.images.reader import Source, read_source
from nearfar.isolation.child import CallResult
from nearfar.isolation.limits import Limits
from nearfar.isolation.pool import WorkerPool

_MIB: Final = 2**20
_LOOK: Final = Limits(memory_bytes=512 * _MIB, cpu_s=10, deadline_s=20, file_bytes=256 * _MIB)
"""Of reading a header."""

_DECODE_S: Final = (30.0, 45.0)
"""Processor time and deadline of decoding."""

_BASE_BYTES: Final = 256 * _MIB
_PIXEL_BYTES: Final = {"TIFF": 192, "PNG": 64}
"""Memory that a pixel may take while it is decoded: floats of a TIFF are stretched as doubles."""

_USUAL_PIXEL_BYTES: Final = 40


_AHEAD_PIXELS: Final = 2**20
"""Photos of no more are made smaller together with the reading of their header, in one call."""

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

Plan: TypeAlias = Callable[[Size], "tuple[int | None, Size | None]"]
"""Size of a photo -> at how many pixels it is decoded at the least, see `ImageFile.read`, and to
what size averages of areas bring it then; None where it stays as it is. It can be pickled."""


@final
class IsolatedImageFile:
    """An `ImageFile` whose header and pixels are read in a child process; see there.

    Attributes:
        name: as of `ImageFile`.
        format: as of `ImageFile`.
        width_px: full width, upright.
        height_px: full height, upright.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if EXIF tells it.
    """

    def __init__(
        self,
        source: Source,
        *,
        limits: ImageLimits = DEFAULT_LIMITS,
        plan: Plan | None = None,
        pool: WorkerPool | None = None,
    ) -> None:
        """Read the header.

        Args:
            source: of the file, which is read here, and decoded there.
            limits: what is refused before any pixel is decoded.
            plan: to what size `read_small` will bring it.
            pool: whose processes decode; `decoders()` when not given.

        Raises:
            ImageError: as `ImageFile` raises it.
            ProcessError: the decoder crashed, took too long or needed too much memory.
        """
        self.name, self._content = read_source(source, limits.max_bytes)
        self._limits, self._plan = limits, plan
        self._pool = pool or decoders()
        told, self._ahead = self._pool.call(
            _look,
            limits,
            plan,
            content=self._content,
            limits=_LOOK,
            most_bytes=_LOOK.file_bytes,
        )
        try:
            self.format = str(told["format"])
            self.width_px, self.height_px = int(told["width_px"]), int(told["height_px"])
            focal = told["focal_35mm_mm"]
            self.focal_35mm_mm = None if focal is None else float(focal)
        except (TypeError, KeyError, ValueError) as error:
            raise ProcessError("a decoder process answered with no header") from error
        if not 0 < self.width_px * self.height_px <= limits.max_pixels or self.width_px < 1:
            raise ProcessError("a decoder process answered with a size beyond the limits")

    def read(self, *, at_least_px: int | None = None, keep_alpha: bool = False) -> Image:
        """Decode the pixels; see `ImageFile.read`.

        Raises:
            ImageError: as `ImageFile` raises it.
            ProcessError: the decoder crashed, took too long or needed too much memory.
        """
        return self._decoded(at_least_px, None, keep_alpha=keep_alpha)

    def read_small(self) -> Image:
        """Decode the pixels and make them as small as the plan says; errors are those of `read`."""
        if self._plan is None:
            raise UsageError(f"{self.name}: there is no plan of its size: use read")
        if self._ahead is not None:
            return self._checked(self._ahead, 3)
        return self._decoded(*self._plan((self.width_px, self.height_px)), keep_alpha=False)

    def _decoded(self, at_least_px: int | None, area_px: Size | None, *, keep_alpha: bool) -> Image:
        if at_least_px is not None and at_least_px < 1:
            raise UsageError(f"at_least_px is {at_least_px}: it must be 1 or more")
        if not self._content:
            raise UsageError(f"{self.name}: closed already: read it before")
        pixels = self.width_px * self.height_px
        each_bytes = _PIXEL_BYTES.get(self.format, _USUAL_PIXEL_BYTES)
        cpu_s, deadline_s = _DECODE_S
        most_bytes = 4 * max(pixels, area_px[0] * area_px[1] if area_px else 0)
        _, array = self._pool.call(
            _decode,
            self._limits,
            at_least_px,
            area_px,
            keep_alpha,
            content=self._content,
            limits=Limits(
                memory_bytes=_BASE_BYTES + 3 * len(self._content) + each_bytes * pixels,
                cpu_s=cpu_s,
                deadline_s=deadline_s,
                file_bytes=64 * _MIB + most_bytes,
            ),
            most_bytes=most_bytes,
        )
        return self._checked(array, 4 if keep_alpha else 3)

    def close(self) -> None:
        """Let go of the file's bytes."""
        self._content, self._ahead = b"", None

    def _checked(self, array: Any, most_channels: int) -> Image:
        """Raise if the child's answer is no picture."""
        if (
            array is None
            or array.ndim != 3
            or array.dtype != np.uint8
            or not 3 <= array.shape[2] <= most_channels
        ):
            raise ProcessError("a decoder process answered with no picture")
        picture: Image = array
        return picture

    def __enter__(self) -> "IsolatedImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def decoders() -> WorkerPool:
    """Return the processes that decode for this one; they end with it."""
    pool = WorkerPool(2, warm)
    atexit.register(pool.close)
    return pool


def warm(_: bytes) -> CallResult:
    """Load what decoding a JPEG or PNG needs."""
    from io import BytesIO

    import PIL.Image

    for format_ in ("JPEG", "PNG"):
        file = BytesIO()
        PIL.Image.new("RGB", (8, 8)).save(file, format_)
        with ImageFile(file.getvalue()) as picture:
            picture.read()
    return None, None


def _look(content: bytes, limits: ImageLimits, plan: Plan | None) -> CallResult:
    with ImageFile(content, limits=limits) as file:
        size_px = file.width_px, file.height_px
        ahead = None
        if plan is not None and size_px[0] * size_px[1] <= _AHEAD_PIXELS:
            at_least_px, area_px = plan(size_px)
            if area_px is not None:
                with suppress(ImageError):  # raised when the pixels are read
                    ahead = _resized(file.read(at_least_px=at_least_px), area_px)
        return {
            "format": file.format,
            "width_px": file.width_px,
            "height_px": file.height_px,
            "focal_35mm_mm": file.focal_35mm_mm,
        }, ahead


def _decode(
    content: bytes,
    limits: ImageLimits,
    at_least_px: int | None,
    area_px: Size | None,
    keep_alpha: bool,
) -> CallResult:
    with ImageFile(content, limits=limits) as file:
        pixels = file.read(at_least_px=at_least_px, keep_alpha=keep_alpha)
    return None, pixels if area_px is None else _resized(pixels, area_px)


def _resized(pixels: Image, size_px: Size) -> Image:
    return np.asarray(cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA), np.uint8)
