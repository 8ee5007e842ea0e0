"""Create Gradio components from the fields of options, and read their values."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import Field, fields, replace
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import gradio as gr
from gradio.components import Component

from nearfar.config import EstimateOptions, Options
from nearfar.effects import EFFECTS, Effect, WebPage
from nearfar.effects._render.fonts import chinese_font, is_latin
from nearfar.effects.export import kinds_of
from nearfar.errors import UsageError
from nearfar.io.images import DEFAULT_LIMITS, ImageLimits
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.files import read_file
from nearfar.web.i18n.components import Phrase, Phrasebook
from nearfar.web.i18n.texts import TEXTS, Language, say
from nearfar.web.show_errors import PageError

OptionsT = TypeVar("OptionsT", bound=Options)

LOOKS: Final = ("colormap", "robust")
"""Options of `OutputOptions` with a component; the others are buttons for downloads."""

DOWNLOADS: Final = ("format", "color", "side_by_side")
"""Options of `OutputOptions` about the files to write: each has one or several buttons."""

PAGE_EFFECTS: Final = tuple(each for each in EFFECTS if kinds_of(each) != (WebPage,))
"""Effects of the Effects tab; the 3D tab shows the 3D photo."""

MAX_TEXT: Final = 100
"""Maximum length of a text option."""

NOT_OFFERED: Final = frozenset({"font"})
"""Options without a component: a font would be a path on the server; the page selects one."""

_STEPS: Final = 100
_COARSE_STEP_PX: Final = 32
"""Step of sliders of more than 1000 pixels: sizes of networks are multiples of 32."""

_RGBA: Final = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)")


def page_options() -> set[str]:
    """Return the names of the options on the page, each labelled by the text `option.<name>`."""
    estimating = [field.name for field in fields(EstimateOptions)]
    return {name for name in (*estimating, *LOOKS, *DOWNLOADS) if f"option.{name}" in TEXTS}


def offered(kind: type[Options], names: Sequence[str] | None = None) -> tuple["Field[Any]", ...]:
    """Return the options that have a component: all if `names` is None."""
    return tuple(
        each
        for each in fields(kind)
        if each.name not in NOT_OFFERED and (names is None or each.name in names)
    )


def label_key(name: str, effect: str = "") -> str:
    """Return the key of an option's label; options of effects have labels of their own."""
    keys = (f"effect.option.{effect}.{name}", f"effect.option.{name}") if effect else ()
    return next((key for key in keys if key in TEXTS), f"option.{name}")


def places(kind: type[Options]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of options that a click on the photo sets, in the order of the clicks."""
    names = [each.name for each in fields(kind)]
    heads = [name[:-1] for name in names if name == "x" or name.endswith("_x")]
    return tuple((f"{head}x", f"{head}y") for head in heads)


def values_of(kind: type[Options], name: str) -> tuple[str, ...]:
    """Return the values of an option that is a choice; an empty tuple for any other."""
    hint = get_type_hints(kind)[name]
    return get_args(hint) if get_origin(hint) is Literal else ()


def choices(values: Sequence[str], language: Language) -> list[tuple[str, str]]:
    """Return the label and the value of each choice; without a text the value is the label."""
    keys = {value: f"effect.value.{value}" for value in values}
    return [(say(key, language) if key in TEXTS else value, value) for value, key in keys.items()]


def controls(
    kind: type[Options],
    book: Phrasebook,
    names: Sequence[str] | None = None,
    *,
    prefix: str = "nf",
    effect: str = "",
) -> dict[str, Component]:
    """Create a component for each option of a set.

    Args:
        kind: the set.
        book: creates the components, whose texts follow the language.
        names: of the options; all if None.
        prefix: of the ids, which are `<prefix>-<option>`.
        effect: name of the effect whose options these are, for its labels.

    Returns:
        Name of the option -> component, in the order of the fields.
    """
    hints = get_type_hints(kind)
    chosen = {each.name: each for each in offered(kind, names)}
    rows = {x: (x, y) for x, y in places(kind)}
    made: dict[str, Component] = {}

    def make(name: str) -> None:
        made[name] = _control(chosen[name], hints[name], book, prefix, effect)

    for name in chosen:
        if name in rows:
            with gr.Row(elem_classes="nf-pair"):
                for part in rows[name]:
                    make(part)
        elif name not in made:
            make(name)
    return {name: made[name] for name in chosen}


def effect_controls(
    effect: Effect[Any, Any], book: Phrasebook, prefix: str = "nf-effect"
) -> dict[str, Component]:
    """Create a component for each option of an effect; ids are `<prefix>-<effect>-<option>`."""
    return controls(effect.options, book, prefix=f"{prefix}-{effect.name}", effect=effect.name)


def read_controls(
    kind: type[OptionsT],
    values: Sequence[Any],
    limits: ImageLimits = DEFAULT_LIMITS,
    names: Sequence[str] | None = None,
) -> OptionsT:
    """Create options from the values of components, in the order of `offered`.

    Raises:
        ImageError: a picture that can't be read.
        PageError: a text is not a number, or a value is out of range.
    """
    hints = get_type_hints(kind)
    given = {
        each.name: _value(each, hints[each.name], value, limits)
        for each, value in zip(offered(kind, names), values, strict=True)
    }
    try:
        return kind.of(**given)
    except UsageError as error:
        raise PageError("error.option", fault=error) from error


def read_effect(effect: Effect[Any, Any], values: Sequence[Any], limits: ImageLimits) -> Any:
    """Create the options of an effect from the values of its components, and select its font.

    Raises:
        ImageError, PageError: see `read_controls`; or no installed font has the text's characters.
    """
    options = read_controls(effect.options, values, limits)
    if getattr(options, "background", None) == "photo" and options.picture is None:
        raise PageError("effect.error.nobackground")
    if not hasattr(options, "font") or options.picture is not None or is_latin(options.text):
        return options
    font = chinese_font()
    if font is None:
        raise PageError("effect.error.nofont")
    return replace(options, font=font)


def _value(field: "Field[Any]", hint: Any, value: Any, limits: ImageLimits) -> Any:
    if "picture" in field.metadata:
        return None if value is None else _picture(value, limits)
    kinds = get_args(hint) or (hint,)
    if value is None or value == "":
        return None if type(None) in kinds else field.default if str not in kinds else ""
    if isinstance(value, bool):
        return value
    if int in kinds or float in kinds:
        number = value if isinstance(value, int | float) else _number(value)
        return round(number) if int in kinds else float(number)
    if match := _RGBA.match(str(value)):
        return "#" + "".join(f"{min(255, round(float(part))):02x}" for part in match.groups())
    return value


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise PageError("error.number", text=text) from None


def _picture(path: str, limits: ImageLimits) -> Any:
    with IsolatedImageFile(read_file(path, limits.max_bytes), limits=limits) as file:
        return file.read(keep_alpha=True)


def _control(
    field: "Field[Any]", hint: Any, book: Phrasebook, prefix: str, effect: str
) -> Component:
    phrases: dict[str, Phrase] = {"label": label_key(field.name, effect)}
    if f"option.{field.name}.info" in TEXTS and not effect:
        phrases["info"] = f"option.{field.name}.info"
    kinds = get_args(hint) or (hint,)
    may_be_none = type(None) in kinds
    kind: Callable[..., Component]
    more: dict[str, Any] = {}
    if "picture" in field.metadata:
        kind, more = gr.Image, {"type": "filepath", "sources": ["upload", "clipboard"]}
        more |= {"height": 150, "buttons": [], "image_mode": None, "elem_classes": "nf-drop"}
    elif get_origin(hint) is Literal:
        kind = gr.Dropdown
        more = {"choices": choices(get_args(hint), "en"), "filterable": False}
    elif bool in kinds:
        kind = gr.Checkbox
    elif str in kinds and field.name == "color" and not may_be_none:
        kind = gr.ColorPicker
    elif str in kinds or may_be_none:  # Gradio's own field for numbers can't be empty
        kind, more = gr.Textbox, {"max_length": MAX_TEXT, "max_lines": 1}
        if may_be_none:
            phrases["placeholder"] = "effect.none"
    elif (span := _span(field)) and not _is_place(field.name):
        step = _whole_step(span) if int in kinds else _step(span)
        low = span[0] if "ge" in field.metadata else span[0] + step
        high = span[1] if "le" in field.metadata else span[1] - step
        kind, more = gr.Slider, {"minimum": low, "maximum": high, "step": step}
    else:
        kind = gr.Number
        more = {"minimum": field.metadata.get("ge"), "maximum": field.metadata.get("le")}
        more |= {"step": 0.01} if _is_place(field.name) else {}
        more |= {"precision": 0} if int in kinds else {}
    return book.make(kind, phrases, value=field.default, elem_id=f"{prefix}-{field.name}", **more)


def _is_place(name: str) -> bool:
    return name in {"x", "y"} or name.endswith(("_x", "_y"))


def _span(field: "Field[Any]") -> tuple[float, float] | None:
    low = field.metadata.get("ge", field.metadata.get("gt"))
    high = field.metadata.get("le", field.metadata.get("lt"))
    return None if low is None or high is None else (low, high)


def _whole_step(span: tuple[float, float]) -> int:
    return _COARSE_STEP_PX if span[1] - span[0] > 1000 else 1


def _step(span: tuple[float, float]) -> float:
    """Return 1, 2 or 5 times a power of ten, for about a hundred steps."""
    exact = (span[1] - span[0]) / _STEPS
    power = 10 ** math.floor(math.log10(exact))
    return float(
        f"{next(each for each in (5, 2, 1) if each * power <= exact * 1.0001) * power:.6g}"
    )
