"""Options as components: each made from the field that declares it."""

from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from typing import Any, Final, Literal, cast, get_args, get_origin, get_type_hints

import gradio as gr

from nearfar.config import EstimateOptions, Options, OutputOptions
from nearfar.web.phrasebook import Phrase, Phrasebook
from nearfar.web.texts import TEXTS

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


def format_names() -> tuple[str, ...]:
    """Name the depth formats that can be downloaded."""
    hint = get_type_hints(OutputOptions)["format"]
    literals = [each for each in get_args(hint) if get_origin(each) is Literal]
    return tuple(name for literal in literals for name in get_args(literal))


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
