"""A runtime's complaint, in one line."""

import re
from typing import Final

LONGEST: Final = 240
"""Characters that are kept."""

_PREFIX: Final = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_NOISE: Final = re.compile(r"^(Exception from \S+|Check '.*' failed.*):?$")


def reason(error: BaseException) -> str:
    """Give what a runtime said without its error numbers, source lines and line breaks."""
    text = _PREFIX.sub("", str(error).strip())
    lines = [line.strip() for line in text.splitlines()]
    told = " ".join(line for line in lines if line and not _NOISE.match(line))
    told = (told or " ".join(text.split()) or type(error).__name__).rstrip(".: ")
    return told if len(told) <= LONGEST else told[: LONGEST - 3] + "..."
