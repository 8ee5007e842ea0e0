"""Parts that several tabs are built of."""

from collections.abc import Callable
from html import escape

import gradio as gr

from nearfar.web.examples import available
from nearfar.web.phrasebook import Phrasebook
from nearfar.web.texts import Language, say


def photo_input(book: Phrasebook, elem_id: str, alt_key: str, height_px: int) -> gr.Image:
    """Make the place where a photo is put in."""
    return book.make(
        gr.Image,
        {"label": "depth.photo", "placeholder": "depth.photo.empty", "alt_text": alt_key},
        type="filepath",
        sources=["upload", "webcam", "clipboard"],
        height=height_px,
        buttons=["fullscreen"],
        elem_id=elem_id,
        elem_classes="nf-picture",
    )


def example_buttons(book: Phrasebook, prefix: str) -> dict[str, gr.Button]:
    """Make a button for each example photo, by name; ids are `<prefix>-<name>`."""
    with gr.Row(elem_classes="nf-examples"):
        return {
            name: book.make(
                gr.Button,
                {"value": f"depth.example.{name}"},
                size="sm",
                elem_id=f"{prefix}-{name}",
                elem_classes=["nf-example", f"nf-example-{name}"],
            )
            for name in available()
        }


def download_buttons(book: Phrasebook, prefix: str, labels: dict[str, str]) -> dict[str, gr.Button]:
    """Make a button for each kind of file, name -> key of its label; ids are `<prefix>-<name>`."""
    with gr.Row(elem_classes="nf-downloads"):
        return {
            name: book.make(gr.Button, {"value": key}, elem_id=f"{prefix}-{name}", size="md")
            for name, key in labels.items()
        }


def hidden_file(elem_id: str) -> gr.DownloadButton:
    """Make what a browser takes a file from, once that is made; see `download_js`."""
    return gr.DownloadButton(elem_id=elem_id, elem_classes="nf-hidden")


def download_js(elem_id: str) -> str:
    """Give the script by which the browser takes the file of a hidden button."""
    return (
        "() => { const link = document.querySelector"
        f"('#{elem_id} a, a#{elem_id}, #{elem_id}'); if (link) link.click(); }}"
    )


def heading(key: str) -> Callable[[Language], str]:
    """Give a heading, for `Phrasebook.make`."""
    return lambda language: f'<h2 class="nf-head">{escape(say(key, language))}</h2>'


def quiet(key: str) -> Callable[[Language], str]:
    """Give a line of small print, for `Phrasebook.make`."""
    return lambda language: f'<p class="nf-quiet">{escape(say(key, language))}</p>'


def nothing_yet(key: str) -> Callable[[Language], str]:
    """Give what stands where a result will be, for `Phrasebook.make`."""
    return lambda language: f'<div class="nf-empty"><p>{escape(say(key, language))}</p></div>'
