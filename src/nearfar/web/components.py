"""Components used by several tabs."""

from collections.abc import Callable, Sequence
from html import escape

import gradio as gr

from nearfar.models.catalog import Purpose
from nearfar.models.spec import ModelSpec
from nearfar.web.examples import available
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import TEXTS, Language, say
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.depth_view import size_text


def photo_view(book: Phrasebook, elem_id: str, alt_key: str, height_px: int) -> gr.Image:
    """Create the component that shows the shared photo; it can be clicked."""
    return book.make(
        gr.Image,
        {"label": "depth.photo", "alt_text": alt_key},
        interactive=False,
        height=height_px,
        buttons=["fullscreen"],
        elem_id=elem_id,
        elem_classes="nf-picture",
    )


def example_buttons(book: Phrasebook, prefix: str) -> dict[str, gr.Button]:
    """Create a button for each example photo, by name; ids are `<prefix>-<name>`."""
    with gr.Row(elem_classes="nf-examples"):
        return {
            name: book.make(
                gr.Button,
                {"value": f"photo.example.{name}"},
                size="sm",
                elem_id=f"{prefix}-{name}",
                elem_classes=["nf-example", f"nf-example-{name}"],
            )
            for name in available()
        }


def download_buttons(book: Phrasebook, prefix: str, labels: dict[str, str]) -> dict[str, gr.Button]:
    """Create a button per kind of file, name -> key of its label; ids are `<prefix>-<name>`."""
    with gr.Row(elem_classes="nf-downloads"):
        return {
            name: book.make(gr.Button, {"value": key}, elem_id=f"{prefix}-{name}", size="md")
            for name, key in labels.items()
        }


def hidden_file(elem_id: str) -> gr.DownloadButton:
    """Create a hidden component for the download of a file; see `download_js`."""
    return gr.DownloadButton(elem_id=elem_id, elem_classes="nf-hidden")


def download_js(elem_id: str) -> str:
    """Return the script that downloads the file of a hidden button."""
    return (
        "() => { const link = document.querySelector"
        f"('#{elem_id} a, a#{elem_id}, #{elem_id}'); if (link) link.click(); }}"
    )


def heading(key: str) -> Callable[[Language], str]:
    """Return a heading, for `Phrasebook.make`."""
    return lambda language: f'<h2 class="nf-head">{escape(say(key, language))}</h2>'


def quiet(key: str) -> Callable[[Language], str]:
    """Return a line of small text, for `Phrasebook.make`."""
    return lambda language: f'<p class="nf-quiet">{escape(say(key, language))}</p>'


def nothing_yet(key: str) -> Callable[[Language], str]:
    """Return the placeholder of a result, for `Phrasebook.make`."""
    return lambda language: f'<div class="nf-empty"><p>{escape(say(key, language))}</p></div>'


def model_choice(stage: Stage, purpose: Purpose, elem_id: str) -> gr.Dropdown:
    """Create the component; its texts follow the language.

    Args:
        stage: of the tab that it belongs to.
        purpose: use case of `auto`, the initial value.
        elem_id: of the component.
    """
    models = stage.backend.models()
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
    """Return a description of each model with its size; `auto` is first.

    Returns:
        Label and name of each model.
    """
    rows = [(f"{_about(each, language)} ({size_text(each)})", each.name) for each in models]
    return [(say(f"model.auto.{purpose}", language), "auto"), *rows]


def _about(model: ModelSpec, language: Language) -> str:
    """Return the description of a model in the catalog; the name of a user model."""
    key = f"model.about.{model.name}"
    return say(key, language) if key in TEXTS else model.name
