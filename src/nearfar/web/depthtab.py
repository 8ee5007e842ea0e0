"""The Depth tab: a photo in, its map beside it, points, metres and files."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Final

import gradio as gr
from gradio.components import Component

from nearfar.web.depthevents import DepthEvents
from nearfar.web.depthshow import OUTPUTS
from nearfar.web.depthview import (
    bar_html,
    credits_html,
    downloads_html,
    empty_html,
)
from nearfar.web.downloads import DOWNLOADS
from nearfar.web.examples import available
from nearfar.web.modelchoice import model_choice
from nearfar.web.notices import told
from nearfar.web.options import estimate_controls, look_controls
from nearfar.web.phrasebook import Phrasebook
from nearfar.web.points import Visit
from nearfar.web.results import Results
from nearfar.web.tab import Stage
from nearfar.web.texts import Language, say

HEIGHT_PX: Final = 440


def build(stage: Stage) -> None:
    """Build the tab."""
    _DepthTab(stage).wire()


class _DepthTab:
    """Its components, by what they are for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._events = DepthEvents(stage.door, Results(), stage.limits)
        self.visit = gr.State(Visit())
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self._build_input(stage)
            with gr.Column(scale=6, min_width=300):
                self._build_output(stage.book)

    def _build_input(self, stage: Stage) -> None:
        book = stage.book
        self.photo = book.make(
            gr.Image,
            {
                "label": "depth.photo",
                "placeholder": "depth.photo.empty",
                "alt_text": "depth.photo.alt",
            },
            type="filepath",
            sources=["upload", "webcam", "clipboard"],
            height=HEIGHT_PX,
            buttons=["fullscreen"],
            elem_id="nf-photo",
        )
        if names := available():
            book.make(gr.HTML, {"value": _heading("depth.examples")}, padding=False)
            with gr.Row(elem_id="nf-examples"):
                self.examples = {name: _example(book, name) for name in names}
            book.make(gr.HTML, {"value": credits_html}, padding=False)
        with book.make(gr.Accordion, {"label": "depth.options"}, open=False):
            self.model = model_choice(stage, "photo", "nf-model")
            self.estimating = estimate_controls(book)
            self.looks = look_controls(book)

    def _build_output(self, book: Phrasebook) -> None:
        self.empty = book.make(gr.HTML, {"value": empty_html}, padding=False)
        self.filled = gr.Column(visible=False)
        with self.filled:
            self._build_views(book)
            self._build_points(book)
            self._build_downloads(book)

    def _build_views(self, book: Phrasebook) -> None:
        with gr.Tabs(elem_id="nf-views"):
            with book.make(gr.Tab, {"label": "depth.map"}, id="map"):
                self.map = book.make(
                    gr.Image,
                    {"label": "depth.map", "alt_text": "depth.map.alt"},
                    interactive=False,
                    height=HEIGHT_PX,
                    buttons=["fullscreen"],
                    elem_id="nf-map",
                )
            with book.make(gr.Tab, {"label": "depth.compare"}, id="compare"):
                self.compare = book.make(
                    gr.ImageSlider,
                    {"label": "depth.compare.label"},
                    interactive=False,
                    type="filepath",
                    height=HEIGHT_PX,
                    buttons=["fullscreen"],
                    elem_id="nf-compare",
                )
        self.bar = gr.HTML(bar_html("inferno", "en"), padding=False)
        self.facts = gr.HTML("", elem_id="nf-facts", elem_classes="nf-quiet", padding=False)

    def _build_points(self, book: Phrasebook) -> None:
        book.make(gr.HTML, {"value": _heading("depth.points")}, padding=False)
        self.points = gr.HTML("", elem_id="nf-points", padding=False)
        with gr.Row(elem_classes="nf-row"):
            self.first = _distance(book, "depth.known.first", "nf-first")
            self.second = _distance(book, "depth.known.second", "nf-second")
        with gr.Row(elem_classes="nf-row"):
            self.calibrate = _button(book, "depth.calibrate", "nf-calibrate", variant="primary")
            self.clear = _button(book, "depth.clear", "nf-clear")
        with book.make(gr.Accordion, {"label": "depth.typed"}, open=False):
            self.typed = book.make(
                gr.Textbox,
                {"label": "depth.typed.empty"},
                placeholder="120, 80",
                max_lines=1,
                elem_id="nf-typed",
            )
            self.read = _button(book, "depth.typed.read", "nf-read")

    def _build_downloads(self, book: Phrasebook) -> None:
        book.make(gr.HTML, {"value": _heading("depth.downloads")}, padding=False)
        with gr.Row(elem_id="nf-downloads"):
            self.downloads = {
                each.name: _button(book, each.label_key, f"nf-get-{each.name}")
                for each in DOWNLOADS
            }
        self.note = gr.HTML(downloads_html(Visit(), "en"), padding=False)
        self.file = gr.DownloadButton(elem_id="nf-download", elem_classes="nf-hidden")

    def wire(self) -> None:
        """Say what happens when."""
        events = self._events
        settings = [self.model, *self.estimating.values(), *self.looks.values()]
        looks = list(self.looks.values())
        self._on(
            self.photo.input,
            told(events.take, at_error=self._empty),
            [self.photo, *settings],
        )
        for name, button in self.examples.items():
            self._on(button.click, told(events.take_example(name)), settings)
        for control in (self.model, *self.estimating.values()):
            change = control.release if isinstance(control, gr.Slider) else control.input
            self._on(change, told(events.estimate_again), settings)
        for control in looks:
            self._on(control.input, told(events.recolor), looks)
        for picture in (self.photo, self.map):
            self._on(picture.select, told(events.click), looks, progress="hidden")
        for trigger in (self.read.click, self.typed.submit):
            self._on(trigger, told(events.typed), [self.typed, *looks], progress="hidden")
        for trigger in (self.calibrate.click, self.first.submit, self.second.submit):
            self._on(
                trigger,
                told(events.calibrate),
                [self.first, self.second, *looks],
                progress="hidden",
            )
        self._on(self.clear.click, told(events.clear_points), looks, progress="hidden")
        self._on(self._stage.language.change, told(events.retell), looks, progress="hidden")
        for name, button in self.downloads.items():
            self._offer(button, name, looks)

    def _on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        values: Sequence[Component],
        *,
        progress: str = "minimal",
    ) -> None:
        """Wire one event: the handler gets visit, language and values."""
        event(
            handler,
            inputs=[self.visit, self._stage.language, *values],
            outputs=[self.visit, *(getattr(self, name) for name in OUTPUTS)],
            show_progress=progress,
            show_progress_on=self.map,
            trigger_mode="always_last",
            api_visibility="private",
        )

    def _offer(self, button: gr.Button, name: str, looks: Sequence[Component]) -> None:
        """Make a file when its button is pressed, then have the browser take it."""

        async def make(visit: Visit, _: Language, *values: Any) -> Any:
            return await self._events.download(visit, name, *values)

        button.click(
            told(make, at_error=lambda *_: None),
            inputs=[self.visit, self._stage.language, *looks],
            outputs=self.file,
            concurrency_limit=2,
            concurrency_id="files",
            show_progress="minimal",
            show_progress_on=button,
            api_visibility="private",
        ).then(None, js="() => nearfar.download()")

    def _empty(self, visit: Visit, language: Language) -> Any:
        return self._events.forgotten(visit, language)


def _heading(key: str) -> Callable[[Language], str]:
    return lambda language: f'<h2 class="nf-head">{escape(say(key, language))}</h2>'


def _example(book: Phrasebook, name: str) -> gr.Button:
    return book.make(
        gr.Button,
        {"value": f"depth.example.{name}"},
        size="sm",
        elem_id=f"nf-example-{name}",
        elem_classes=["nf-example", f"nf-example-{name}"],
    )


def _button(book: Phrasebook, key: str, elem_id: str, variant: str = "secondary") -> gr.Button:
    return book.make(gr.Button, {"value": key}, elem_id=elem_id, variant=variant, size="md")


def _distance(book: Phrasebook, key: str, elem_id: str) -> gr.Textbox:
    return book.make(gr.Textbox, {"label": key}, placeholder="2.5", max_lines=1, elem_id=elem_id)
