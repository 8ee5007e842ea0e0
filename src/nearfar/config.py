"""Declare options: each once, with its range, default and sentence.

They are plain dataclasses, because importing pydantic would cost a fifth of a cold start. Three
adapters read the fields: `cli/_options.py` for the command line, `service/schemas.py` for HTTP,
and `web/controls.py` for the page. The metadata uses the names of pydantic's own constraints.
"""

import math
import operator
import sys
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from nearfar.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

_BOUNDS: Final[dict[str, tuple[str, Callable[[float, float], bool]]]] = {
    "ge": ("at least", operator.ge),
    "gt": ("more than", operator.gt),
    "le": ("at most", operator.le),
    "lt": ("less than", operator.lt),
}
_KNOWN: Final[dict[type, dict[str, Any]]] = {}
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_NAMES: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def option(
    sentence: str, default: Any = MISSING, *, infinite: bool = False, **bounds: float
) -> Any:
    """Declare an option.

    Args:
        sentence: describes it in the help, in OpenAPI and on the page.
        default: without one the option is required.
        infinite: whether a number may be infinite.
        bounds: any of ge, gt, le, lt.
    """
    metadata = {"help": sentence, "description": sentence, **bounds}
    return field(default=default, metadata=metadata | ({"infinite": True} if infinite else {}))


@dataclass(frozen=True)
class Options:
    """A set of options; making one checks every value.

    Raises:
        UsageError: values of the wrong type or out of range; the message names them all.
    """

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        faults: dict[str, str] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            wanted = (
                _wanted(hints[each.name], value)
                or _out_of_bounds(each.metadata, value)
                or _finite(each.metadata, value)
            )
            if wanted:
                faults[each.name] = f"{each.name} must be {wanted}, not {value!r}"
        if faults:
            raise UsageError("; ".join(faults.values()), options=tuple(faults))

    @classmethod
    def of(cls, **values: Any) -> "Self":
        """Create the options from values by name.

        Raises:
            UsageError: a value is invalid, or a name is unknown or missing.
        """
        known = {each.name for each in fields(cls)}
        if strange := sorted(values.keys() - known):
            raise UsageError(
                f"no option {', '.join(strange)}: there are {', '.join(sorted(known))}"
            )
        needed = {each.name for each in fields(cls) if each.default is MISSING}
        if missing := sorted(needed - values.keys()):
            raise UsageError(f"{', '.join(missing)} must be given")
        return cls(**values)

    def values(self) -> dict[str, Any]:
        """Return the values by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_text(cls, name: str, text: str) -> Any:
        """Convert a text, such as that of an environment variable, to the type of an option.

        Returns:
            The value; the text itself where it can't be converted, which the option then refuses.
        """
        hint = _hints(cls)[name]
        kinds = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
        if bool in kinds:
            return _BOOLEANS.get(text.lower(), text)
        for kind in (int, float):
            if kind in kinds:
                try:
                    return kind(text)
                except ValueError:
                    return text
        return text


def range_text(metadata: Any) -> str:
    """Describe an option's range: `0 to 1`, `more than 0`; empty without bounds."""
    if "ge" in metadata and "le" in metadata:
        return f"{metadata['ge']:g} to {metadata['le']:g}"
    return " and ".join(
        f"{words} {metadata[name]:g}" for name, (words, _) in _BOUNDS.items() if name in metadata
    )


def _hints(kind: type) -> dict[str, Any]:
    return _KNOWN.get(kind) or _KNOWN.setdefault(kind, get_type_hints(kind))


def _wanted(hint: Any, value: object) -> str | None:
    """Describe the expected type of a wrong value; None for a right one or an unchecked hint."""
    if get_origin(hint) in {Union, UnionType}:
        wants = [_wanted(each, value) for each in get_args(hint) if each is not type(None)]
        return None if value is None or None in wants else wants[0]
    if get_origin(hint) is Literal:
        return None if value in get_args(hint) else _listed(get_args(hint))
    if hint not in _NAMES:
        return None
    kinds = {float: (int, float)}.get(hint, (hint,))
    is_right = isinstance(value, kinds) and (hint is bool or not isinstance(value, bool))
    if is_right and hint is float and isinstance(value, int) and abs(value) > sys.float_info.max:
        is_right = False  # too large for a float
    return None if is_right else _NAMES[hint]


def _out_of_bounds(bounds: Any, value: Any) -> str | None:
    if value is None:
        return None
    broken = [
        f"{words} {bounds[name]:g}"
        for name, (words, holds) in _BOUNDS.items()
        if name in bounds and not holds(value, bounds[name])
    ]
    return " and ".join(broken) or None


def _finite(metadata: Any, value: object) -> str | None:
    is_wrong = isinstance(value, float) and not math.isfinite(value)
    return "finite" if is_wrong and "infinite" not in metadata else None


def _listed(values: tuple[object, ...]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last


FormatName = Literal["png16", "png8", "exr", "pfm", "tiff", "npy", "npz"]
"""Names of `nearfar.io.depth_files.FORMATS`, which this module can't import."""
ColormapName = Literal["inferno", "magma", "viridis", "turbo", "spectral", "grey"]


@dataclass(frozen=True)
class ImageLimits(Options):
    """Limits beyond which a picture is refused."""

    max_pixels: int = option("Refuse pictures with more pixels than this.", 100_000_000, ge=1)
    max_bytes: int = option("Refuse files with more bytes than this.", 64 * 2**20, ge=1)
    allow_truncated: bool = option(
        "Accept a truncated JPEG, PNG or BMP; its missing rows are flat.", default=False
    )


@dataclass(frozen=True)
class EstimateOptions(Options):
    """Options of depth estimation."""

    input_size_px: int | None = option(
        "Longest side, in pixels, at which photos are fed, within the model's range; the model's"
        " own size if not given.",
        None,
        ge=32,
        le=4096,
    )
    refine: bool = option(
        "Align the depth map's edges with the photo's (guided filter).", default=False
    )


@dataclass(frozen=True)
class RefinedOptions(EstimateOptions):
    """Options of estimation for 3-D, where soft edges are most visible."""

    refine: bool = option(
        "Align the depth map's edges with the photo's (guided filter).", default=True
    )


@dataclass(frozen=True)
class OutputOptions(Options):
    """Options of the output files: formats and colors."""

    format: FormatName | None = option(
        "File format of the depth map; default: that of the output's suffix, or else png16.", None
    )
    colormap: ColormapName = option("Color map of the pictures; near = warm.", "inferno")
    robust: bool = option(
        "Scale colors from the 2nd to the 98th percentile, not the full range of depths.",
        default=False,
    )
    color: bool = option(
        "Write the map in color, as a JPEG; without a format, instead of the depth map.",
        default=False,
    )
    side_by_side: bool = option(
        "Write the photo next to the map in color, as a JPEG; without a format, likewise.",
        default=False,
    )
