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
_HEADER_LIMITS: Final = Limits(
    memory_bytes=512 * _MIB, cpu_s=10, deadline_s=20, file_bytes=256 * _MIB
)
"""Limits of reading a header."""

_DECODE_S: Final = (30.0, 45.0)
"""Processor time and deadline of decoding, in seconds."""

_BASE_BYTES: Final = 256 * _MIB
_PIXEL_BYTES: Final = {"TIFF": 192, "PNG": 64}
"""Memory per pixel during decoding: floats of a TIFF are scaled as doubles."""

_USUAL_PIXEL_BYTES: Final = 40


_AHEAD_PIXELS: Final = 2**20
"""Photos of at most this size are downscaled in the same call that reads their header."""

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

Plan: TypeAlias = Callable[[Size], "tuple[int | None, Size | None]"]
"""Size of a photo -> minimum size of decoding, see `ImageFile.read`, and the size to which it is
then downscaled by area averages; None for no change. It can be pickled."""


@final
class IsolatedImageFile:
    """An `ImageFile` that is decoded in a child process.

    Attributes:
        name: see `ImageFile`.
        format: see `ImageFile`.
        width_px: full width, upright.
        height_px: full height, upright.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if EXIF contains it.
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
            source: the file, which is read in this process and decoded in the child.
            limits: limits checked before any pixel is decoded.
            plan: determines the size of `read_small`.
            pool: the decoder processes; default: `decoders()`.

        Raises:
            ImageError: see `ImageFile`.
            ProcessError: the decoder crashed, or exceeded its limits of time or memory.
        """
        self.name, self._content = read_source(source, limits.max_bytes)
        self._limits, self._plan = limits, plan
        self._pool = pool or decoders()
        report, self._ahead = self._pool.call(
            _read_header,
            limits,
            plan,
            content=self._content,
            limits=_HEADER_LIMITS,
            most_bytes=_HEADER_LIMITS.file_bytes,
        )
        try:
            self.format = str(report["format"])
            self.width_px, self.height_px = int(report["width_px"]), int(report["height_px"])
            focal = report["focal_35mm_mm"]
            self.focal_35mm_mm = None if focal is None else float(focal)
        except (TypeError, KeyError, ValueError) as error:
            raise ProcessError("a decoder process returned no header") from error
        if not 0 < self.width_px * self.height_px <= limits.max_pixels or self.width_px < 1:
            raise ProcessError("a decoder process returned a size beyond the limits")

    def read(self, *, at_least_px: int | None = None, keep_alpha: bool = False) -> Image:
        """Decode the pixels; see `ImageFile.read`.

        Raises:
            ImageError: see `ImageFile`.
            ProcessError: the decoder crashed, or exceeded its limits of time or memory.
        """
        return self._decode_now(at_least_px, None, keep_alpha=keep_alpha)

    def read_small(self) -> Image:
        """Decode the pixels and downscale them as planned; raises as `read`."""
        if self._plan is None:
            raise UsageError(f"{self.name}: it has no plan: use read")
        if self._ahead is not None:
            return self._check(self._ahead, 3)
        return self._decode_now(*self._plan((self.width_px, self.height_px)), keep_alpha=False)

    def _decode_now(
        self, at_least_px: int | None, area_px: Size | None, *, keep_alpha: bool
    ) -> Image:
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
        return self._check(array, 4 if keep_alpha else 3)

    def close(self) -> None:
        """Release the file's bytes."""
        self._content, self._ahead = b"", None

    def _check(self, array: Any, most_channels: int) -> Image:
        """Raise if the child's result is not a picture."""
        if (
            array is None
            or array.ndim != 3
            or array.dtype != np.uint8
            or not 3 <= array.shape[2] <= most_channels
        ):
            raise ProcessError("a decoder process returned no picture")
        picture: Image = array
        return picture

    def __enter__(self) -> "IsolatedImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def decoders() -> WorkerPool:
    """Return the pool of decoder processes of this process; they end with it."""
    pool = WorkerPool(2, warm)
    atexit.register(pool.close)
    return pool


def warm(_: bytes) -> CallResult:
    """Import the modules that decode JPEG and PNG."""
    from io import BytesIO

    import PIL.Image

    for format_ in ("JPEG", "PNG"):
        file = BytesIO()
        PIL.Image.new("RGB", (8, 8)).save(file, format_)
        with ImageFile(file.getvalue()) as picture:
            picture.read()
    return None, None


def _read_header(content: bytes, limits: ImageLimits, plan: Plan | None) -> CallResult:
    with ImageFile(content, limits=limits) as file:
        size_px = file.width_px, file.height_px
        ahead = None
        if plan is not None and size_px[0] * size_px[1] <= _AHEAD_PIXELS:
            at_least_px, area_px = plan(size_px)
            if area_px is not None:
                with suppress(ImageError):  # raised when the pixels are read
                    ahead = _resize(file.read(at_least_px=at_least_px), area_px)
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
    return None, pixels if area_px is None else _resize(pixels, area_px)


def _resize(pixels: Image, size_px: Size) -> Image:
    return np.asarray(cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA), np.uint8)
