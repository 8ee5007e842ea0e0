"""Options as Gradio components, each made from the field that declares it."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from typing import Any, Final, Literal, cast, get_args, get_origin, get_type_hints

import gradio as gr
from gradio.components import Component

from nearfar.config import EstimateOptions, Options, OutputOptions
from nearfar.effects import Effect
from nearfar.errors import UsageError
from nearfar.io.images import ImageLimits
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.files import read_file
from nearfar.web.fonts import chinese_font, is_latin
from nearfar.web.i18n.components import Phrase, Phrasebook
from nearfar.web.i18n.texts import TEXTS, Language, say
from nearfar.web.show_errors import PageError

Control = gr.Checkbox | gr.Dropdown | gr.Number | gr.Slider

STEPS_PX: Final = 32
"""A slider in pixels moves by this."""

LOOKS: Final = ("colormap", "robust")
"""Options of `OutputOptions` that are components; the others are ways to download."""

DOWNLOADS: Final = ("format", "color", "side_by_side")
"""Options of `OutputOptions` that say what to write: each is a button of its own, or several."""


def page_options() -> set[str]:
    """Name the options the page offers, each labelled by the text `option.<name>`."""
    estimating = [field.name for field in fields(EstimateOptions)]
    return {name for name in (*estimating, *LOOKS, *DOWNLOADS) if f"option.{name}" in TEXTS}


def estimate_controls(book: Phrasebook, prefix: str = "nf") -> dict[str, Control]:
    """Make a component for every option of estimating; ids are `<prefix>-<option>`."""
    return controls(EstimateOptions, book, prefix=prefix)


def look_controls(book: Phrasebook) -> dict[str, Control]:
    """Make a component for every option of the map's look."""
    return controls(OutputOptions, book, LOOKS)


def controls(
    kind: type[Options],
    book: Phrasebook,
    names: Sequence[str] | None = None,
    *,
    prefix: str = "nf",
) -> dict[str, Control]:
    """Make a component for options of a set, all of them if not named; see `estimate_controls`."""
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    return {name: _control(known[name], hints[name], book, prefix) for name in names or known}


def _control(field: "Field[Any]", hint: Any, book: Phrasebook, prefix: str) -> Control:
    phrases: dict[str, Phrase] = {"label": f"option.{field.name}"}
    if f"option.{field.name}.info" in TEXTS:
        phrases["info"] = f"option.{field.name}.info"
    options: dict[str, Any] = {"value": field.default, "elem_id": f"{prefix}-{field.name}"}
    kind: Callable[..., Any]
    if hint is bool:
        kind = gr.Checkbox
    elif get_origin(hint) is Literal:
        kind = gr.Dropdown
        options |= {"choices": list(get_args(hint)), "filterable": False}
    elif {"ge", "le"} <= field.metadata.keys():
        kind = gr.Slider
        options |= {
            "minimum": field.metadata["ge"],
            "maximum": field.metadata["le"],
            "step": STEPS_PX if field.name.endswith("_px") else None,
        }
    else:
        kind = gr.Number
        options |= {
            "precision": 0 if hint is int else None,
            "minimum": field.metadata.get("ge"),
            "maximum": field.metadata.get("le"),
        }
    return cast("Control", book.make(kind, phrases, **options))


MOST_LETTERS: Final = 100
NOT_OFFERED: Final = frozenset({"font"})
"""A path on the machine of the service; the page finds a font by itself."""

_RGBA: Final = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)")
_STEPS: Final = 100


def offered(effect: Effect[Any, Any]) -> tuple["Field[Any]", ...]:
    """Give the options that the page has a component for."""
    return tuple(each for each in fields(effect.options) if each.name not in NOT_OFFERED)


def label_key(effect: Effect[Any, Any], name: str) -> str:
    """Give the key of an option's label."""
    own = f"effect.option.{effect.name}.{name}"
    return own if own in TEXTS else f"effect.option.{name}"


def places(effect: Effect[Any, Any]) -> tuple[tuple[str, str], ...]:
    """Give the pairs of options that a click on the photo sets, in the order of the clicks."""
    names = [each.name for each in fields(effect.options)]
    heads = [name[:-1] for name in names if name == "x" or name.endswith("_x")]
    return tuple((f"{head}x", f"{head}y") for head in heads)


def choices(values: Sequence[str], language: Language) -> list[tuple[str, str]]:
    """Name the values of an option."""
    return [(say(f"effect.value.{value}", language), value) for value in values]


def values_of(effect: Effect[Any, Any], name: str) -> tuple[str, ...]:
    """Give the values of an option that is a choice; empty for any other."""
    hint = get_type_hints(effect.options)[name]
    return get_args(hint) if get_origin(hint) is Literal else ()


def make_controls(
    effect: Effect[Any, Any], book: Phrasebook, prefix: str = "nf-effect"
) -> dict[str, Component]:
    """Make a component for every option, by name; ids are `<prefix>-<effect>-<option>`."""
    head = f"{prefix}-{effect.name}"
    hints = get_type_hints(effect.options)
    paired = {name for pair in places(effect) for name in pair}
    made: dict[str, Component] = {}
    for each in offered(effect):
        if each.name in paired and each.name.endswith("x"):
            with gr.Row(elem_classes="nf-pair"):
                for name in (each.name, f"{each.name[:-1]}y"):
                    field = next(one for one in fields(effect.options) if one.name == name)
                    made[name] = _effect_control(effect, field, hints[name], book, head)
        elif each.name not in made:
            made[each.name] = _effect_control(effect, each, hints[each.name], book, head)
    return {each.name: made[each.name] for each in offered(effect)}


def read_controls(effect: Effect[Any, Any], values: Sequence[Any], limits: ImageLimits) -> Any:
    """Make the options of what the components hold, in the order of `offered`.

    Raises:
        ImageError: a picture that can't be read.
        PageError: a value that is none or out of its range, or a text that no font here has.
    """
    given = {
        each.name: _value(each, get_type_hints(effect.options)[each.name], value, limits)
        for each, value in zip(offered(effect), values, strict=True)
    }
    if given.get("background") == "photo" and given["picture"] is None:
        raise PageError("effect.error.nobackground")
    if "font" in {each.name for each in fields(effect.options)}:
        given["font"] = _font(given)
    try:
        return effect.options.of(**given)
    except UsageError as error:
        raise PageError("effect.error.option", fault=error) from error


def _font(given: dict[str, Any]) -> str | None:
    if given.get("picture") is not None or is_latin(given["text"]):
        return None
    font = chinese_font()
    if font is None:
        raise PageError("effect.error.nofont")
    return font


def _value(field: "Field[Any]", hint: Any, value: Any, limits: ImageLimits) -> Any:
    if "picture" in field.metadata:
        return None if value is None else _picture(value, limits)
    kinds = get_args(hint) or (hint,)
    if value is None or value == "":
        return None if type(None) in kinds else field.default if str not in kinds else ""
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
        raise PageError("effect.error.number", text=text) from None


def _picture(path: str, limits: ImageLimits) -> Any:
    with IsolatedImageFile(read_file(path, limits.max_bytes), limits=limits) as file:
        return file.read(keep_alpha=True)


def _effect_control(
    effect: Effect[Any, Any], field: "Field[Any]", hint: Any, book: Phrasebook, head: str
) -> Component:
    options: dict[str, Any] = {"elem_id": f"{head}-{field.name}"}
    phrases = {"label": label_key(effect, field.name)}
    kinds = get_args(hint) or (hint,)
    may_be_none = type(None) in kinds
    kind: Callable[..., Component]
    more: dict[str, Any] = {}
    if "picture" in field.metadata:
        kind, more = gr.Image, {"type": "filepath", "sources": ["upload", "clipboard"]}
        more |= {"height": 150, "buttons": [], "image_mode": None}
    elif get_origin(hint) is Literal:
        kind = gr.Dropdown
        more = {"choices": choices(get_args(hint), "en"), "filterable": False}
    elif bool in kinds:
        kind = gr.Checkbox
    elif str in kinds and field.name == "color" and not may_be_none:
        kind, more = gr.ColorPicker, {}
    elif str in kinds or may_be_none:  # Gradio's own field for numbers can't be empty
        kind, more = gr.Textbox, {"max_length": MOST_LETTERS, "max_lines": 1}
        if may_be_none:
            phrases["placeholder"] = "effect.none"
    elif (span := _span(field)) and not _is_place(field.name):
        step = 1.0 if int in kinds else _step(span)
        low = span[0] if "ge" in field.metadata else span[0] + step
        high = span[1] if "le" in field.metadata else span[1] - step
        kind, more = gr.Slider, {"minimum": low, "maximum": high, "step": step}
    else:
        kind = gr.Number
        more = {"minimum": field.metadata.get("ge"), "maximum": field.metadata.get("le")}
        if _is_place(field.name):
            more["step"] = 0.01
    return book.make(kind, phrases, value=field.default, **options, **more)


def _is_place(name: str) -> bool:
    return name in {"x", "y"} or name.endswith(("_x", "_y"))


def _span(field: "Field[Any]") -> tuple[float, float] | None:
    low = field.metadata.get("ge", field.metadata.get("gt"))
    high = field.metadata.get("le", field.metadata.get("lt"))
    return None if low is None or high is None else (low, high)


def _step(span: tuple[float, float]) -> float:
    """Give 1, 2 or 5 times a power of ten, so that there are a hundred steps or somewhat more."""
    exact = (span[1] - span[0]) / _STEPS
    power = 10 ** math.floor(math.log10(exact))
    return float(
        f"{next(each for each in (5, 2, 1) if each * power <= exact * 1.0001) * power:.6g}"
    )
