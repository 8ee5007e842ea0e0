"""The choice of a model: what is taken by itself, and every model that is installed."""

from collections.abc import Sequence

import gradio as gr

from nearfar.models.catalog import Purpose
from nearfar.models.spec import ModelSpec
from nearfar.web.depthview import size_text
from nearfar.web.tab import Stage
from nearfar.web.texts import TEXTS, Language, say


def model_choice(stage: Stage, purpose: Purpose, elem_id: str) -> gr.Dropdown:
    """Make the component; its words follow the language.

    Args:
        stage: of the tab that it belongs to.
        purpose: what `auto`, which is chosen at first, is to suit.
        elem_id: of the component.
    """
    models = stage.door.models()
    control = stage.book.make(
        gr.Dropdown,
        {"label": "depth.model"},
        choices=model_choices(models, purpose, "en"),
        value="auto",
        filterable=False,
        elem_id=elem_id,
    )
    stage.language.change(
        lambda language: gr.update(choices=model_choices(models, purpose, language)),
        inputs=stage.language,
        outputs=control,
        show_progress="hidden",
        api_visibility="private",
    )
    return control


def model_choices(
    models: Sequence[ModelSpec], purpose: Purpose, language: Language
) -> list[tuple[str, str]]:
    """Say of each model what it is good for, and how large it is; `auto` comes first.

    Returns:
        A row a model: what is shown, and the name.
    """
    rows = [(f"{_about(each, language)} ({size_text(each)})", each.name) for each in models]
    return [(say(f"model.auto.{purpose}", language), "auto"), *rows]


def _about(model: ModelSpec, language: Language) -> str:
    """Give the sentence on a model of the catalogue; the name alone of one of the user's own."""
    key = f"model.about.{model.name}"
    return say(key, language) if key in TEXTS else model.name
