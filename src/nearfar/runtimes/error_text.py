"""Convert errors of the runtimes' libraries to one line and to nearfar's errors."""

import re
from typing import Final

from nearfar.errors import InferenceError, OutOfMemoryError, lacks_memory
from nearfar.runtimes.base import Batch

LONGEST: Final = 240
"""Maximum length of the text."""

_PREFIX: Final = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_NOISE: Final = re.compile(r"^(Exception from \S+|Check '.*' failed.*):?$")


def reason(error: BaseException) -> str:
    """Return a library's error message without error numbers, source lines and line breaks."""
    text = _PREFIX.sub("", str(error).strip())
    lines = [line.strip() for line in text.splitlines()]
    message = " ".join(line for line in lines if line and not _NOISE.match(line))
    message = (message or " ".join(text.split()) or type(error).__name__).rstrip(".: ")
    return message if len(message) <= LONGEST else message[: LONGEST - 3] + "..."


def failure(runtime: str, piece: Batch, error: BaseException) -> InferenceError:
    """Create the error of a failed run: too little memory, or an unsupported size.

    Args:
        runtime: name of the runtime.
        piece: (N, 3, h, w), its input.
        error: the exception of the library.
    """
    if lacks_memory(error):
        return out_of_memory(runtime, error, piece)
    height_px, width_px = piece.shape[2:]
    return InferenceError(
        f"{runtime} failed on {width_px} x {height_px} pixels ({reason(error)}):"
        " most networks want sides that are multiples of 32"
    )


def out_of_memory(
    runtime: str, error: BaseException, piece: Batch | None = None
) -> OutOfMemoryError:
    """Create the error of a run that ran out of memory."""
    where = "" if piece is None else f" on {piece.shape[3]} x {piece.shape[2]} pixels"
    return OutOfMemoryError(
        f"{runtime} ran out of memory{where} ({reason(error)}):"
        " free some, feed a smaller size, or run fewer at a time"
    )
