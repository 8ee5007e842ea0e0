"""What a tab is, and what it is built with."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from nearfar.config import ImageLimits
from nearfar.web.backend import Backend
from nearfar.web.i18n.components import Phrasebook


@dataclass(frozen=True)
class Stage:
    """What a tab is built with.

    Attributes:
        backend: where depth is asked for.
        book: makes components that follow the language.
        language: a state; its `change` event tells that texts made by the tab are due anew.
        limits: what is too large to be read.
    """

    backend: Backend
    book: Phrasebook
    language: gr.State
    limits: ImageLimits


@dataclass(frozen=True)
class Tab:
    """One row of the table of tabs.

    Attributes:
        name: its id on the page.
        label_key: of its label, in the texts.
        build: makes its components and wires their events, inside the tab's context.
    """

    name: str
    label_key: str
    build: Callable[[Stage], None]
