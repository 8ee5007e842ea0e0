"""Share between commands: options, distances and points, language, and printing.

Names of files may hold characters that the output's encoding lacks, and bytes that are no text.
"""

import codecs
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from glob import has_magic
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.errors import NearfarError, UsageError
from nearfar.models.catalog import Purpose
from nearfar.runtimes.table import DeviceName, RuntimeName

_ERRORS: Final = "nearfar-escape"


class UnknownFlagError(ValueError):
    """An option that the command has not; its text is the option as it was typed."""


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode bytes of a file's name unchanged, and other characters as backslash escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(_ERRORS, _escape)


def never_fail() -> None:
    """Let standard output and error escape what their encoding lacks, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERRORS)


def print_json(row: Any) -> None:
    """Print one line of JSON; in ASCII where the output's encoding would not hold it."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(row)
    print(text, flush=True)


def user_language(environ: Mapping[str, str] = os.environ) -> str:
    """Return `zh` where the locale is Chinese, and else `en`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def dashed(name: str) -> str:
    """Turn a field's name into that of a flag: without pixels, metres or degrees, with dashes."""
    for unit in ("_px", "_m", "_deg"):
        name = name.removesuffix(unit)
    return name.replace("_", "-")


_FLAGS: Final = {"overwrite": "--force", "cap_m": "--cap-m", "output": "-o", "recursive": "-r"}
"""Parameter -> flag, where the flag is not named like it."""


def sentence_of(error: BaseException | None) -> str:
    """Return the text of an error with the flags of the options that its remedy is about.

    A parameter that the text names as Python does, `overwrite=True` or `threads must be`, is
    replaced by its flag; the flags of others follow in brackets.
    """
    text, others = str(error), []
    for name in error.options if isinstance(error, NearfarError) else ():
        flag = _FLAGS.get(name, f"--{dashed(name)}")
        text, count = re.subn(rf"\b{name}(=True\b|(?= must be ))", flag, text)
        others += [] if count else [flag]
    return f"{text} ({', '.join(others)})" if others else text


FILES: Final = Group("Input and output", sort_key=1)
OPTIONS: Final = Group("Options", sort_key=2)
MODEL: Final = Group("Model", sort_key=3)
LOOK: Final = Group("Colors and format", sort_key=4)
LIMITS: Final = Group("Limits", sort_key=5)
MESSAGES: Final = Group("Messages", sort_key=6)
"""Groups of options in the help, in order; OPTIONS are those of one command."""

Model = Annotated[
    str,
    Parameter(
        name=["--model", "-m"],
        group=MODEL,
        help="Name of the model; `nearfar models list` shows all, and which ones auto takes for one"
        " photo and for many.",
    ),
]
Runtime = Annotated[
    RuntimeName,
    Parameter(group=MODEL, help="Runtime of the network; auto is the faster installed."),
]
Device = Annotated[
    DeviceName,
    Parameter(
        group=MODEL,
        help="Where the network runs; auto is the CPU, or another device that is here where it"
        " was measured to be clearly faster.",
    ),
]
Threads = Annotated[
    int | None, Parameter(group=MODEL, help="Threads; the machine's physical cores if unset.")
]
Fov = Annotated[
    float | None,
    Parameter(
        group=MODEL,
        help="Horizontal field of view in degrees, for models that compute with the camera; by"
        " EXIF, or else 60 is assumed.",
    ),
]
Force = Annotated[bool, Parameter(group=FILES, negative="", help="Replace files that are there.")]
Json = Annotated[
    bool, Parameter(group=MESSAGES, name="--json", negative="", help="Print JSON, a line a result.")
]
Quiet = Annotated[
    bool, Parameter(group=MESSAGES, name=["--quiet", "-q"], negative="", help="Print errors only.")
]
Estimating = Annotated[
    EstimateOptions, Parameter(group=MODEL, name="*", name_transform=dashed, negative="")
]
Writing = Annotated[
    OutputOptions, Parameter(group=LOOK, name="*", name_transform=dashed, negative="")
]
Limits = Annotated[ImageLimits, Parameter(group=LIMITS, name="*", negative="")]


_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_DISTANCE = re.compile(rf"({_NUMBER}|inf)(mm|cm|m|km)?")
_POINT = re.compile(rf"(\d+),(\d+)(?:=((?:{_NUMBER})(?:mm|cm|m|km)?))?")
_METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0}


def parse_distance(text: str) -> float:
    """Read 1.5, 1.5m, 150cm, 2km or inf, as metres.

    Raises:
        UsageError: it is none of these.
    """
    match = _DISTANCE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text}: a distance is 1.5m, 150cm, 2km or inf")
    return float(match[1]) * _METRES[match[2] or "m"]


def parse_point(text: str) -> tuple[int, int, float | None]:
    """Read X,Y or X,Y=1.5m: column, row, and metres if they are given.

    Raises:
        UsageError: it is neither.
    """
    match = _POINT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text}: a point is X,Y or X,Y=1.5m, in whole pixels")
    x_px, y_px, distance = match.groups()
    return int(x_px), int(y_px), None if distance is None else parse_distance(distance)


def are_many(inputs: Sequence[str]) -> bool:
    """Return whether there may be several photos: several words, a folder, or a pattern."""
    first = inputs[0]
    return len(inputs) > 1 or os.path.isdir(first) or is_pattern(first)  # noqa: PTH112


def is_pattern(text: str) -> bool:
    """Return whether a word is a pattern; a name with brackets that is there is none."""
    # unlike a Path's methods, those of os.path never raise
    return has_magic(text) and not os.path.exists(text)  # noqa: PTH110


def expected_photos(inputs: Sequence[str]) -> int | None:
    """Return how many photos are named; None, for many, where a folder or pattern is among them."""
    single = not any(are_many([each]) for each in inputs)
    return len(inputs) if single else None


def purpose_of(*, many: bool) -> Purpose:
    """Return what `auto` is chosen for: one photo, or several, one after another."""
    return "stream" if many else "photo"


def print_left_out(count: int, first: Path | str, how: str = "as files") -> None:
    """Print a line on pictures that were skipped since they are named as results are.

    Args:
        count: of them; for 0 nothing is printed.
        first: one of them.
        how: they can be named to be included.
    """
    if count:
        pictures = f"{count} pictures" if count > 1 else "1 picture"
        print(
            f"nearfar: {pictures} left out, named as results are, such as {first}: "
            f"name them {how} to have them too",
            file=sys.stderr,
        )


def print_warnings(sentences: Sequence[str], count: int, where: str) -> None:
    """Print warnings about photos, a line each.

    Args:
        sentences: to print, each with its photo's path.
        count: of all warnings.
        where: all can be read.
    """
    for sentence in sentences:
        print(f"nearfar: warning: {sentence}", file=sys.stderr)
    if count > len(sentences):
        print(f"nearfar: warning: {count - len(sentences)} more: {where} has all", file=sys.stderr)


def print_photo_warnings(photo: Path | str, warnings: Sequence[str]) -> None:
    """Print the warnings about one photo, a line each."""
    print_warnings([f"{photo}: {each}" for each in warnings], len(warnings), "")
