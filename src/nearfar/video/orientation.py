"""How a frame is turned and mirrored before it is shown."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nearfar.io.images import Image

if TYPE_CHECKING:
    import av

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
