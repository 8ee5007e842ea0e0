"""The Depth tab: a photo in, its map beside it, points, metres and files."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace
from html import escape
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync
from gradio.components import Component

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.depth import Depth
from nearfar.web.backend import Backend
from nearfar.web.components import model_choice
from nearfar.web.controls import LOOKS, estimate_controls, look_controls
from nearfar.web.downloads import DOWNLOADS, make_download
from nearfar.web.examples import available, example
from nearfar.web.files import keep_file
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import Language, say
from nearfar.web.points import MOST, Visit, calibration_of
from nearfar.web.session_store import Photo, Result, Results, read_photo
from nearfar.web.show_errors import PageError, told
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.depth_view import (
    OUTPUTS,
    Updates,
    bar_html,
    credits_html,
    downloads_html,
    empty_html,
    everything,
    facts,
    nothing,
    only,
    pointed,
    points_html,
)

_POINT: Final = re.compile(r"\s*(\d{1,6})\s*[,\uff0c\s]\s*(\d{1,6})\s*")
_METRES: Final = re.compile(r"\s*(\d{1,6}(?:[.,]\d{1,4})?)\s*(?:m|米)?\s*")
_ESTIMATING: Final = tuple(each.name for each in fields(EstimateOptions))


class DepthEvents:
    """The handlers.

    Each takes the visit and the language, then who asks or what was clicked, then the values
    of its components: those of the options are first the estimating ones, then the looks. It
    gives the visit as it is now, and an update for each of `OUTPUTS`.

    Args:
        backend: where depth is asked for.
        results: of all visitors.
        limits: what is too large to be read.
    """

    def __init__(self, backend: Backend, results: Results, limits: ImageLimits) -> None:
        self._backend = backend
        self._results = results
        self._limits = limits

    async def take(
        self,
        visit: Visit,
        language: Language,
        request: gr.Request,
        path: str | None,
        model: str,
        *values: Any,
    ) -> Updates:
        """Estimate a new photo; `path` is None when the old one was taken away."""
        if path is None:
            return self.forgotten(visit, language)
        photo = await read_photo(path, self._limits)
        return await self._estimate(Visit(visit.key), language, request, photo, (model, *values))

    def take_example(self, name: str) -> Callable[..., Awaitable[Updates]]:
        """Give the handler of one example's button."""

        async def handler(
            visit: Visit, language: Language, request: gr.Request, model: str, *values: Any
        ) -> Updates:
            path = example(name)
            if path is None:
                raise PageError("error.nophoto")
            return await self.take(visit, language, request, str(path), model, *values)

        return handler

    async def estimate_again(
        self, visit: Visit, language: Language, request: gr.Request, model: str, *values: Any
    ) -> Updates:
        """Estimate the same photo by other options; points and distances stay."""
        if visit.key is None:
            return only(visit)
        photo = self._result(visit).photo
        return await self._estimate(visit, language, request, photo, (model, *values))

    async def recolor(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Show the map in other colors."""
        look = _look(values)
        if visit.key is None:
            return only(visit, bar=bar_html(look.colormap, language))
        return await self._show(self._result(visit), visit, language, look)

    async def click(
        self, visit: Visit, language: Language, event: gr.SelectData, *values: Any
    ) -> Updates:
        """Read the point that was clicked, on the photo or on the map."""
        if visit.key is None:
            return only(visit)
        result = self._result(visit)
        x_px, y_px = (
            min(int((at + 0.5) * whole / shown), whole - 1)
            for at, whole, shown in zip(
                event.index, result.depth.size_px, result.shown_depth.size_px, strict=True
            )
        )
        return await self._add(visit, language, (x_px, y_px), values)

    async def typed(self, visit: Visit, language: Language, text: str, *values: Any) -> Updates:
        """Read the point whose place was typed, in pixels of the photo."""
        if visit.key is None:
            raise PageError("error.nophoto")
        match = _POINT.fullmatch(text or "")
        if match is None:
            raise PageError("error.point")
        return await self._add(visit, language, (int(match[1]), int(match[2])), values)

    async def calibrate(
        self,
        visit: Visit,
        language: Language,
        first: str,
        second: str,
        *values: Any,
    ) -> Updates:
        """Take the distances of the first two points; from now on all is in metres."""
        result = self._result(visit)
        if len(visit.points) < 2:
            raise PageError("error.twopoints")
        known = replace(visit, metres=(_metres(first), _metres(second)))
        calibration_of(result, known)
        return await run_sync(pointed, result, known, language, _look(values))

    async def clear_points(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Forget points and distances."""
        if visit.key is None:
            return only(visit)
        clean = visit.without_points()
        return await run_sync(pointed, self._result(clean), clean, language, _look(values))

    async def retell(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Say everything anew, in the language of now."""
        result = self._results.get(visit.key)
        bar = bar_html(_look(values).colormap, language)
        note = downloads_html(result, visit, language)
        if result is None:
            return only(visit, bar=bar, note=note)
        points = points_html(result, visit, language)
        return only(visit, bar=bar, note=note, points=points, facts=self._facts(result, language))

    def forgotten(self, visit: Visit, language: Language) -> Updates:
        """Go back to the beginning."""
        self._results.drop(visit.key)
        return nothing(language)

    async def download(self, visit: Visit, name: str, *values: Any) -> str:
        """Make a file.

        Returns:
            Its path.
        """
        result = self._result(visit)
        content, file_name = await run_sync(
            make_download, name, result, visit, _look(values), self._limits
        )
        return await run_sync(keep_file, content, file_name)

    def _result(self, visit: Visit) -> Result:
        result = self._results.get(visit.key)
        if result is None:
            raise PageError("error.nophoto" if visit.key is None else "error.gone")
        return result

    async def _estimate(
        self,
        visit: Visit,
        language: Language,
        request: gr.Request,
        photo: Photo,
        settings: Sequence[Any],
    ) -> Updates:
        model, *values = settings

        def make(depth: Depth) -> Result:
            return Result.of(photo, depth, self._limits)

        answer = await self._backend.depth(
            photo.content,
            client=request.client.host if request.client else "local",
            make=make,
            model=model,
            options=EstimateOptions.of(**dict(zip(_ESTIMATING, values, strict=False))),
        )
        result = answer.value.timed(answer.runtime, answer.infer_ms)
        now = replace(visit, key=self._results.put(result, instead=visit.key))
        return await self._show(result, now, language, _look(values))

    async def _show(
        self, result: Result, visit: Visit, language: Language, look: OutputOptions
    ) -> Updates:
        told = await run_sync(self._facts, result, language)
        return await run_sync(everything, result, visit, language, look, told)

    async def _add(
        self, visit: Visit, language: Language, point: tuple[int, int], values: Sequence[Any]
    ) -> Updates:
        result = self._result(visit)
        if len(visit.points) >= MOST:
            raise PageError("error.points", most=MOST)
        result.depth.at(*point)  # refuses a point outside
        return await run_sync(pointed, result, visit.with_point(*point), language, _look(values))

    def _facts(self, result: Result, language: Language) -> str:
        name = result.depth.model
        spec = next((each for each in self._backend.models() if each.name == name), None)
        return facts(result, spec, language)


def _look(values: Sequence[Any]) -> OutputOptions:
    return OutputOptions.of(**dict(zip(LOOKS, values[-len(LOOKS) :], strict=True)))


def _metres(text: str) -> float:
    match = _METRES.fullmatch(text or "")
    if match is None:
        raise PageError("error.metres")
    return float(match[1].replace(",", "."))


HEIGHT_PX: Final = 440


def build(stage: Stage) -> None:
    """Build the tab."""
    _DepthTab(stage).wire()


class _DepthTab:
    """Its components, by what they are for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._events = DepthEvents(stage.backend, Results(), stage.limits)
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
        self.note = gr.HTML(downloads_html(None, Visit(), "en"), padding=False)
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
