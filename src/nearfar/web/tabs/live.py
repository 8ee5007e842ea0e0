"""The Live tab: the live page in a frame, and a link to it."""

from html import escape

import gradio as gr

from nearfar.web.i18n.texts import Language, say
from nearfar.web.tabs.base import Stage

NAME = "live"
ADDRESS = "live"
"""URL of the live page, relative to the page."""


def build(stage: Stage, tab: gr.Tab) -> None:
    """Build the tab."""
    tab.select(lambda: NAME, outputs=stage.active, show_progress="hidden", api_visibility="private")
    stage.book.make(gr.HTML, {"value": _frame}, elem_classes="nf-live", padding=False)


def _frame(language: Language) -> str:
    title = escape(say("common.liveframe", language), quote=True)
    link = escape(say("common.livelink", language))
    return (
        f'<iframe src="{ADDRESS}?lang={language}" title="{title}" allow="camera"'
        ' loading="lazy"></iframe>'
        f'<p class="nf-quiet"><a href="{ADDRESS}?lang={language}" target="_blank">{link}</a></p>'
    )
