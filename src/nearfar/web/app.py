"""The page: header, language, theme, and one tab a row of the table."""

from html import escape
from typing import Any, Final

import gradio as gr
from fastapi import FastAPI

from nearfar.io.images import DEFAULT_LIMITS, ImageLimits
from nearfar.web.backend import Backend
from nearfar.web.controls import page_options
from nearfar.web.examples import thumbnails_css
from nearfar.web.files import CLEANING_S, LIFETIME_S, page_folder
from nearfar.web.gradio_app import Page, in_a_loop
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import LANGUAGES, Language, say
from nearfar.web.security import GradioGuard
from nearfar.web.session import Sessions, Visits
from nearfar.web.tabs import depth, effects, live, scene, video
from nearfar.web.tabs.base import Stage, Tab
from nearfar.web.theme import HEAD, STYLE, TABS_STYLE, Calm
from nearfar.web.uploads import Uploads

__all__ = ["TABS", "make_page", "mount", "page_options"]

TABS: Final = (
    Tab("depth", "common.tab.depth", depth.build),
    Tab("effects", "common.tab.effects", effects.build),
    Tab("scene", "common.tab.scene", scene.build),
    Tab("video", "common.tab.video", video.build),
    Tab("live", "common.tab.live", live.build),
)
"""Every tab, in order: one row, one file."""

DISK_BYTES: Final = 4 * 2**30

MOST_WAITING: Final = 256
"""Events of all visitors that may wait; more are told to come again."""

_NAMES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}


def make_page(backend: Backend, *, limits: ImageLimits = DEFAULT_LIMITS) -> Page:
    """Build the page.

    Args:
        backend: where depth is asked for.
        limits: what is too large to be read.
    """
    page_folder()
    return in_a_loop(lambda: _build(backend, limits))


def mount(
    app: FastAPI,
    page: Page,
    *,
    path: str = "/",
    max_bytes: int = DEFAULT_LIMITS.max_bytes,
    disk_bytes: int = DISK_BYTES,
) -> None:
    """Serve a page as part of an application; mount it last, since `/` takes what is left.

    Args:
        app: the application.
        page: of `make_page`.
        path: where.
        max_bytes: of one uploaded file.
        disk_bytes: of all the page's files together.
    """
    in_a_loop(
        lambda: gr.mount_gradio_app(
            app,
            page,
            path=path,
            footer_links=[],
            run_history=False,
            allowed_paths=[],
            show_error=False,
            max_file_size=max_bytes,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            i18n=page.i18n_instance,
            mcp_server=False,
            theme=Calm(),
            css=STYLE.read_text("utf-8") + TABS_STYLE.read_text("utf-8") + thumbnails_css(),
            head=HEAD.read_text("utf-8"),
        )
    )
    inner: Any = app.router.routes[-1]
    visits = inner.app.state_holder = Visits()
    visits.set_blocks(page)
    page.uploads = Uploads(file_bytes=max_bytes, disk_bytes=disk_bytes)
    sessions = Sessions(page, visits, page.uploads)
    inner.app = GradioGuard(inner.app, page=page, uploads=page.uploads, sessions=sessions)


def _build(backend: Backend, limits: ImageLimits) -> Page:
    book = Phrasebook()
    page = Page(title="nearfar", analytics_enabled=False, delete_cache=(CLEANING_S, LIFETIME_S))
    with page:
        language = gr.State(LANGUAGES[0])
        switch = _header(book)
        stage = Stage(backend, book, language, limits)
        with gr.Tabs(elem_id="nf-tabs"):
            for tab in TABS:
                with book.make(gr.Tab, {"label": tab.label_key}, id=tab.name):
                    tab.build(stage)
        _follow_language(page, book, language, switch)
    page.i18n_instance = book.i18n()
    page.queue(api_open=False, default_concurrency_limit=None, max_size=MOST_WAITING)
    return page


def _header(book: Phrasebook) -> gr.Radio:
    with gr.Row(elem_id="nf-header"):
        book.make(gr.HTML, {"value": _name}, elem_id="nf-name", padding=False)
        with gr.Row(elem_id="nf-switches"):
            switch = gr.Radio(
                [(_NAMES[language], language) for language in LANGUAGES],
                show_label=False,
                container=False,
                label="Language / 语言",
                elem_id="nf-language",
            )
            theme = book.make(gr.Button, {"value": "common.theme"}, size="sm", elem_id="nf-theme")
    theme.click(None, js="() => nearfar.turn()")
    return switch


def _follow_language(
    page: gr.Blocks, book: Phrasebook, language: gr.State, switch: gr.Radio
) -> None:
    """The browser's language at first, or the one chosen before; then what the switch says."""

    def begin(chosen: Language) -> tuple[Any, ...]:
        return chosen, chosen, *book.updates(chosen)

    def change(chosen: Language) -> tuple[Any, ...]:
        return chosen, *book.updates(chosen)

    page.load(
        begin,
        inputs=switch,
        outputs=[language, switch, *book.blocks],
        js="() => nearfar.begin()",
        show_progress="hidden",
        api_visibility="private",
    )
    switch.input(
        change,
        inputs=switch,
        outputs=[language, *book.blocks],
        js="(chosen) => nearfar.choose(chosen)",
        show_progress="hidden",
        api_visibility="private",
    )


def _name(language: Language) -> str:
    return f"<h1>near<i>far</i></h1><p>{escape(say('common.claim', language))}</p>"
