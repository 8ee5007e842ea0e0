"""Numbers of more than 8 bits a channel: decoded as they are stored, and brought to 8 bits."""

import threading
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

_LOG: Final = threading.Lock()
_USUAL_BITS: Final = (8, 10, 12)
"""Of scanners and cameras that write into 16 bits what has fewer. 14 would be guessing."""


@dataclass(frozen=True)
class Numbers:
    """What the integers of a picture mean.

    Attributes:
        bits: of each, as the file says.
        greatest: the value of full brightness, where the file tells it (MaxSampleValue).
    """

    bits: int = 16
    greatest: int | None = None


def decode_opencv(data: bytes) -> NDArray[Any]:
    """Decode a PNG or TIFF with OpenCV, whose own messages are kept in.

    Returns:
        (H, W) or (H, W, channels) in the file's own numbers; channels are in OpenCV's order.

    Raises:
        ValueError: it can't be decoded.
    """
    log = cv2.utils.logging
    with _LOG:  # damaged files are told by an exception, not on standard error
        level = log.getLogLevel()
        log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        finally:
            log.setLogLevel(level)
    if stored is None:
        raise ValueError("the pixels can't be decoded")
    return np.asarray(stored)


def eight_bit(
    values: NDArray[Any], numbers: Numbers, warn: list[str], *, colours: int
) -> NDArray[np.uint8]:
    """Scale numbers of any kind to 8 bits.

    Unsigned integers are scaled by the greatest that they can be, and rounded: 16 bits by
    1/257. Those of 16 bits whose greatest is within 8, 10 or 12 bits are taken for numbers of
    so many bits. Floats that all lie in 0..1 are scaled by 255; other floats, and signed
    integers, are stretched from their least to their greatest. What is no number becomes black.

    Args:
        values: (H, W, bands), colours first.
        numbers: what the file says of them.
        warn: takes a sentence where bits were guessed.
        colours: how many bands are colours; floats of the others are scaled by themselves.
    """
    values = np.ascontiguousarray(values)
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        greatest = _greatest(values, numbers, warn)
        # exact where it is 65535: x / 257 is never halfway between two integers
        scaled = cv2.convertScaleAbs(values.reshape(len(values), -1), alpha=255 / greatest)
        return np.asarray(scaled, np.uint8).reshape(values.shape)
    if values.dtype == np.uint32:
        return np.rint(values / (2**32 - 1) * 255).astype(np.uint8)
    if values.shape[2] == colours:
        return _stretched(values)
    both = _stretched(values[..., :colours]), _stretched(values[..., colours:])
    return np.ascontiguousarray(np.concatenate(both, -1))


def _stretched(values: NDArray[Any]) -> NDArray[np.uint8]:
    with np.errstate(all="ignore"):
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        levels = (values - low) / (high - low) * 255
    levels = np.nan_to_num(levels, nan=0, posinf=255, neginf=0)
    eight: NDArray[np.uint8] = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    return eight


def _greatest(values: NDArray[np.uint16], numbers: Numbers, warn: list[str]) -> int:
    highest = int(values.max(initial=0))
    if numbers.bits < 16:
        return max(highest, (1 << numbers.bits) - 1)
    if numbers.greatest is not None and 255 <= numbers.greatest < 65535:
        return max(highest, numbers.greatest)
    bits: int = next((bits for bits in _USUAL_BITS if highest < 1 << bits), 16)
    if bits == 16 or highest == 0:
        return 65535
    warn.append(f"none of its 16-bit numbers is over {highest}: read as numbers of {bits} bits")
    return (1 << bits) - 1
