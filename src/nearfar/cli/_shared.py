"""What several commands share: arguments, points, inputs, language, and printing.

A file's name may hold what the output's encoding has not, and bytes that are no text at all.
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

from cyclopts import Parameter

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions, RuntimeName
from nearfar.errors import UsageError
from nearfar.models.catalog import Purpose

_ERRORS: Final = "nearfar-escape"


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give bytes of a file's name back as they are, and write the rest as backslash escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(_ERRORS, _escape)


def never_fail() -> None:
    """Have standard output and error write what their encoding lacks, instead of raising."""
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
    """Give `zh` where the locale is Chinese, and else `en`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def dashed(name: str) -> str:
    """Turn a field's name into an option's: without its unit, with dashes."""
    return name.removesuffix("_px").replace("_", "-")


Model = Annotated[
    str,
    Parameter(
        name=["--model", "-m"],
        help="Which model; `nearfar models list` shows them, and what auto takes for one photo"
        " and for many.",
    ),
]
Runtime = Annotated[RuntimeName, Parameter(help="What runs it; auto is the faster installed.")]
Threads = Annotated[int | None, Parameter(help="Threads; the machine's physical cores if unset.")]
Fov = Annotated[
    float | None,
    Parameter(
        help="Horizontal field of view in degrees, for models that compute with the camera; by"
        " EXIF, or else 60 is assumed."
    ),
]
Force = Annotated[bool, Parameter(negative="", help="Replace files that are there.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, a line a result.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print errors only.")]
Estimating = Annotated[EstimateOptions, Parameter(name="*", name_transform=dashed, negative="")]
Writing = Annotated[OutputOptions, Parameter(name="*", name_transform=dashed, negative="")]
Limits = Annotated[ImageLimits, Parameter(name="*", negative="")]


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
    """Whether there may be several photos: several words, a folder, or a pattern."""
    first = inputs[0]
    # unlike a Path's methods, these never raise
    return len(inputs) > 1 or os.path.isdir(first) or has_magic(first)  # noqa: PTH112


def purpose_of(*, many: bool) -> Purpose:
    """Say what `auto` is to suit: one photo, or several, one after another."""
    return "stream" if many else "photo"


def tell_left_out(count: int, first: Path | str, how: str = "as files") -> None:
    """Say that pictures were taken for results of an earlier run, in one line.

    Args:
        count: of them; for none nothing is said.
        first: one of them.
        how: they can be named to be taken all the same.
    """
    if count:
        pictures = f"{count} pictures" if count > 1 else "1 picture"
        print(
            f"nearfar: {pictures} left out, named as results are, such as {first}: "
            f"name them {how} to have them too",
            file=sys.stderr,
        )


def tell_warnings(sentences: Sequence[str], count: int, where: str) -> None:
    """Say what was odd about photos, a line each.

    Args:
        sentences: that are told, each with its photo's path.
        count: of all that there are.
        where: the rest stands.
    """
    for sentence in sentences:
        print(f"nearfar: warning: {sentence}", file=sys.stderr)
    if count > len(sentences):
        print(f"nearfar: warning: {count - len(sentences)} more: {where} has all", file=sys.stderr)


def tell_odd(photo: Path | str, warnings: Sequence[str]) -> None:
    """Say what was odd about one photo, a line each."""
    tell_warnings([f"{photo}: {each}" for each in warnings], len(warnings), "")
