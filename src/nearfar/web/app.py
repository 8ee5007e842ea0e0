"""The page: header, language, theme, and one tab per row of the table."""

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
from nearfar.web.photo_source import PhotoSource
from nearfar.web.security import GradioGuard
from nearfar.web.session import Sessions, Visits
from nearfar.web.session_store import Results
from nearfar.web.tabs import depth, effects, live, scene, video
from nearfar.web.tabs.base import Stage, Tab
from nearfar.web.theme import STYLE, TABS_STYLE, Calm, head_html
from nearfar.web.uploads import Uploads

__all__ = ["TABS", "make_page", "mount", "page_options"]

TABS: Final = (
    Tab("depth", "common.tab.depth", depth.build),
    Tab("effects", "common.tab.effects", effects.build),
    Tab("scene", "common.tab.scene", scene.build),
    Tab("video", "common.tab.video", video.build),
    Tab("live", "common.tab.live", live.build),
)
"""Every tab, in order: one row and one file each."""

DISK_BYTES: Final = 4 * 2**30

MOST_WAITING: Final = 256
"""Maximum of waiting events of all visitors; further ones are refused."""

_NAMES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}


def make_page(backend: Backend, *, limits: ImageLimits = DEFAULT_LIMITS) -> Page:
    """Build the page.

    Args:
        backend: estimates depth.
        limits: of photos.
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
    root_path: str = "",
) -> None:
    """Mount a page in an application; mount it last, since `/` matches all other paths.

    Args:
        app: the application.
        page: of `make_page`.
        path: of the page.
        max_bytes: of one uploaded file.
        disk_bytes: total of all the page's files.
        root_path: path below which a reverse proxy publishes the application.
    """
    in_a_loop(
        lambda: gr.mount_gradio_app(
            app,
            page,
            path=path,
            root_path=root_path or None,
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
        )
    )
    inner: Any = app.router.routes[-1]
    visits = inner.app.state_holder = Visits()
    visits.set_blocks(page)
    page.uploads = Uploads(file_bytes=max_bytes, disk_bytes=disk_bytes)
    sessions = Sessions(page, visits, page.uploads)
    inner.app = GradioGuard(
        inner.app, page=page, uploads=page.uploads, sessions=sessions, head=head_html(max_bytes)
    )


def _build(backend: Backend, limits: ImageLimits) -> Page:
    book = Phrasebook()
    page = Page(title="nearfar", analytics_enabled=False, delete_cache=(CLEANING_S, LIFETIME_S))
    with page:
        language, key, active = gr.State(LANGUAGES[0]), gr.State(None), gr.State(TABS[0].name)
        switch = _header(book)
        stage = Stage(backend, book, language, limits, Results(), key, active)
        source = PhotoSource(stage)
        with gr.Tabs(elem_id="nf-tabs"):
            for row in TABS:
                with book.make(gr.Tab, {"label": row.label_key}, id=row.name) as tab:
                    row.build(stage, tab)
        source.wire()
        _open(page, stage, source, switch)
    page.prepare = source.prepare
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
    theme.click(None, js="() => nearfar.switchTheme()")
    # the page is reloaded, because Gradio's own texts change their language only then
    switch.input(None, inputs=switch, js="(chosen) => nearfar.chooseLanguage(chosen)")
    return switch


def _open(page: gr.Blocks, stage: Stage, source: PhotoSource, switch: gr.Radio) -> None:
    """Restore language, tab and photo when the page opens."""
    names = {tab.name for tab in TABS}

    async def begin(
        chosen: Language, kept: str, tab: str, request: gr.Request, *settings: Any
    ) -> list[Any]:
        key = await source.begin(chosen, kept, request, *settings)
        # without a tab in the URL, a tab that was clicked meanwhile stays
        return [chosen, chosen, key, tab if tab in names else gr.skip()]

    wanted = gr.Textbox(visible=False, label="tab", max_length=16)
    page.load(
        begin,
        inputs=[switch, source.kept, wanted, *source.settings],
        outputs=[stage.language, switch, stage.key, stage.active],
        js="(language, kept, tab, ...rest) => nearfar.begin(rest)",
        show_progress="hidden",
        api_visibility="private",
    )
    stage.key.change(
        lambda key: key or "",
        inputs=stage.key,
        outputs=source.kept,
        show_progress="hidden",
        api_visibility="private",
    ).then(None, inputs=source.kept, js="(key) => nearfar.keepPhoto(key)")


def _name(language: Language) -> str:
    return f"<h1>near<i>far</i></h1><p>{escape(say('common.claim', language))}</p>"
