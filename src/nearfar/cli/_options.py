"""Adapt option sets to the command line: flags of their fields, and options of what was given.

Cyclopts reads most sets as they are. Those that hold what a shell can't pass (pictures, distances
with units, known points), or whose defaults may come from elsewhere, go through `flags_of`.
"""

from collections.abc import Callable
from dataclasses import Field, field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Optional, TypeVar, get_type_hints

from cyclopts import Parameter

from nearfar.calibration import KnownPoint
from nearfar.cli._shared import dashed, parse_distance, parse_point
from nearfar.config import Options, range_text
from nearfar.errors import UsageError

OptionsT = TypeVar("OptionsT", bound=Options)

_POINTS: Final = tuple[KnownPoint, ...]
_WORDS: Final = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")]


def help_of(option: "Field[Any]") -> str:
    """Return the help of an option: its sentence and its range."""
    limits = range_text(option.metadata)
    sentence = f"{option.metadata['help']} ({limits})" if limits else option.metadata["help"]
    return f"{sentence} Such as 1.5m or 150cm." if _is_distance(option) else str(sentence)


def flags_of(
    kind: type[Options],
    *,
    describe: Callable[["Field[Any]"], str] = help_of,
    are_optional: bool = False,
    negative: str | None = "",
) -> tuple[Any, Any]:
    """Make what a command declares as a parameter to have the flags of a set.

    Args:
        kind: the set.
        describe: makes the help of an option.
        are_optional: None is the default of every flag, for what was not given.
        negative: as of `cyclopts.Parameter`.

    Returns:
        The annotation of the parameter, and its default.
    """
    hints = get_type_hints(kind)
    rows = []
    for each in fields(kind):
        hint, default = _hint(each, hints[each.name]), each.default
        if _is_distance(each) and isinstance(default, float):
            default = f"{default:g}m"
        if are_optional:
            hint, default = Optional[hint], None  # noqa: UP045 - not a name
        rows.append((each.name, hint, field(default=default, metadata={"help": describe(each)})))
    made: Any = make_dataclass("Flags", rows, namespace={"__module__": __name__})
    return Annotated[made, Parameter(name="*", name_transform=dashed, negative=negative)], made()


def options_of(kind: type[OptionsT], flags: Any) -> OptionsT:
    """Make a set of options of what was given for its flags.

    Raises:
        UsageError: a value that can't be read or is out of its range.
        ImageError: a picture that can't be read.
    """
    hints = get_type_hints(kind)
    return kind.of(
        **{
            each.name: _value(each, hints[each.name], getattr(flags, each.name))
            for each in fields(kind)
        }
    )


def value_of_text(kind: type[Options], name: str, text: str) -> Any:
    """Return the value of an option that is written as text; a picture is a path.

    Raises:
        ImageError: a picture that can't be read.
    """
    option = next(each for each in fields(kind) if each.name == name)
    return _picture(Path(text)) if "picture" in option.metadata else kind.from_text(name, text)


def _is_distance(option: "Field[Any]") -> bool:
    return option.name.endswith("_m")


def _hint(option: "Field[Any]", hint: Any) -> Any:
    if "picture" in option.metadata:
        return Optional[Path]  # noqa: UP045 - not a name
    if _is_distance(option):
        return Optional[str] if option.default is None else str  # noqa: UP045 - not a name
    return _WORDS if hint == _POINTS else hint


def _value(option: "Field[Any]", hint: Any, given: Any) -> Any:
    if isinstance(given, Path):
        return _picture(given)
    if _is_distance(option) and isinstance(given, str):
        return parse_distance(given)
    return tuple(map(_known, given)) if hint == _POINTS else given


def _known(text: str) -> KnownPoint:
    x_px, y_px, metres = parse_point(text)
    if metres is None:
        raise UsageError(f"{x_px},{y_px}: write its distance too: {x_px},{y_px}=1.5m")
    return KnownPoint(x_px, y_px, metres)


def _picture(path: Path) -> Any:
    from nearfar.io.images import ImageFile

    with ImageFile(path) as file:
        return file.read(keep_alpha=True)
