"""The Depth tab: the map of the photo, points, metres and files."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync
from gradio.components import Component

from nearfar.config import ImageLimits, OutputOptions
from nearfar.web.backend import Backend
from nearfar.web.components import download_js, heading, hidden_file, photo_view
from nearfar.web.controls import LOOKS, controls
from nearfar.web.downloads import DOWNLOADS, make_download
from nearfar.web.files import keep_file
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import Language
from nearfar.web.points import MOST, Visit, calibration_of
from nearfar.web.session_store import Result, Results
from nearfar.web.show_errors import PageError, show_errors
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.depth_view import (
    OUTPUTS,
    Updates,
    bar_html,
    downloads_html,
    empty_html,
    everything,
    facts,
    only,
    pointed,
)

_POINT: Final = re.compile(r"\s*(\d{1,6})\s*[,\uff0c\s]\s*(\d{1,6})\s*")
_METRES: Final = re.compile(r"\s*(\d{1,6}(?:[.,]\d{1,4})?)\s*(?:m|米)?\s*")


class DepthEvents:
    """The handlers.

    Arguments: the visit and the language, then the click or entered text, then the values of the
    components for colors. Results: the new visit and an update for each of `OUTPUTS`.

    Args:
        backend: has the list of models.
        results: of all visitors.
        limits: of the photo, for downloads.
    """

    def __init__(self, backend: Backend, results: Results, limits: ImageLimits) -> None:
        self._backend = backend
        self._results = results
        self._limits = limits

    async def follow(
        self, visit: Visit, language: Language, key: str | None, active: str, *values: Any
    ) -> Updates:
        """Show the shared photo; points are kept as long as the photo is the same."""
        if key is None or active != NAME or key == visit.key:
            return only(visit)
        result = self._results.find(key)
        note = self._results.note(key)
        if visit.photo_id == result.photo.id:
            now = replace(visit, key=key)
        elif isinstance(note, Visit):
            now = note
        else:
            now = Visit(key, photo_id=result.photo.id)
        self._results.annotate(key, now)
        return await self._show(result, now, language, _look(values))

    async def recolor(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Show the map in other colors."""
        look = _look(values)
        if visit.key is None:
            return only(visit, bar=bar_html(look.colormap, language))
        return await self._show(self._results.find(visit.key), visit, language, look)

    async def click(
        self, visit: Visit, language: Language, event: gr.SelectData, *values: Any
    ) -> Updates:
        """Read the clicked point, on the photo or on the map."""
        if visit.key is None:
            return only(visit)
        result = self._results.find(visit.key)
        x_px, y_px = (
            min(int((at + 0.5) * whole / shown), whole - 1)
            for at, whole, shown in zip(
                event.index, result.depth.size_px, result.shown_depth.size_px, strict=True
            )
        )
        return await self._add(visit, language, (x_px, y_px), values)

    async def typed(self, visit: Visit, language: Language, text: str, *values: Any) -> Updates:
        """Read the point at entered coordinates, in pixels of the photo."""
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
        """Calibrate with the distances of the first two points: all readings are then in metres."""
        result = self._results.find(visit.key)
        if len(visit.points) < 2:
            raise PageError("error.twopoints")
        known = replace(visit, metres=(_metres(first), _metres(second)))
        calibration_of(result, known)
        return await self._point(result, known, language, values)

    async def clear_points(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Delete points and distances."""
        if visit.key is None:
            return only(visit)
        clean = visit.without_points()
        return await self._point(self._results.find(clean.key), clean, language, values)

    async def download(self, visit: Visit, name: str, *values: Any) -> str:
        """Write a file.

        Returns:
            Its path.
        """
        result = self._results.find(visit.key)
        content, file_name = await run_sync(
            make_download, name, result, visit, _look(values), self._limits
        )
        return await run_sync(keep_file, content, file_name)

    async def _show(
        self, result: Result, visit: Visit, language: Language, look: OutputOptions
    ) -> Updates:
        name = result.depth.model
        spec = next((each for each in self._backend.models() if each.name == name), None)
        text = facts(result, spec, language)
        return await run_sync(everything, result, visit, language, look, text)

    async def _add(
        self, visit: Visit, language: Language, point: tuple[int, int], values: Sequence[Any]
    ) -> Updates:
        result = self._results.find(visit.key)
        if len(visit.points) >= MOST:
            raise PageError("error.points", most=MOST)
        result.depth.at(*point)  # raises if the point is outside
        return await self._point(result, visit.with_point(*point), language, values)

    async def _point(
        self, result: Result, visit: Visit, language: Language, values: Sequence[Any]
    ) -> Updates:
        self._results.annotate(visit.key, visit)
        return await run_sync(pointed, result, visit, language, _look(values))


def _look(values: Sequence[Any]) -> OutputOptions:
    return OutputOptions.of(**dict(zip(LOOKS, values[-len(LOOKS) :], strict=True)))


def _metres(text: str) -> float:
    match = _METRES.fullmatch(text or "")
    if match is None:
        raise PageError("error.metres")
    return float(match[1].replace(",", "."))


NAME: Final = "depth"
HEIGHT_PX: Final = 440


def build(stage: Stage, tab: gr.Tab) -> None:
    """Build the tab."""
    _DepthTab(stage, tab).wire()


class _DepthTab:
    """The components."""

    def __init__(self, stage: Stage, tab: gr.Tab) -> None:
        self._stage, self._tab = stage, tab
        self._events = DepthEvents(stage.backend, stage.results, stage.limits)
        self.visit = gr.State(Visit())
        book = stage.book
        self.empty = book.make(gr.HTML, {"value": empty_html}, padding=False)
        self.filled = gr.Column(visible=False, elem_id="nf-depth")
        with self.filled, gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=300, elem_classes="nf-result"):
                self._build_views(book)
                self._build_downloads(book)
            with gr.Column(scale=5, min_width=300):
                self.photo = photo_view(book, "nf-photo", "depth.photo.alt", HEIGHT_PX)
                self._build_points(book)
                with gr.Row(elem_classes="nf-row"):
                    self.looks: dict[str, Any] = controls(OutputOptions, book, LOOKS)

    def _build_views(self, book: Phrasebook) -> None:
        with gr.Tabs(elem_id="nf-views"):
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
            with book.make(gr.Tab, {"label": "depth.map"}, id="map"):
                self.map = book.make(
                    gr.Image,
                    {"label": "depth.map", "alt_text": "depth.map.alt"},
                    interactive=False,
                    height=HEIGHT_PX,
                    buttons=["fullscreen"],
                    elem_id="nf-map",
                    elem_classes="nf-picture",
                )
        self.bar = gr.HTML(bar_html("inferno", "en"), padding=False)
        self.facts = gr.HTML("", elem_id="nf-facts", elem_classes="nf-quiet", padding=False)

    def _build_points(self, book: Phrasebook) -> None:
        self.points = gr.HTML("", elem_id="nf-points", padding=False)
        self.pointing = gr.Column(visible=False, elem_id="nf-pointing")
        with self.pointing:
            with gr.Row(elem_classes="nf-row"):
                self.first = _distance(book, "depth.known.first", "nf-first")
                self.second = _distance(book, "depth.known.second", "nf-second")
            with gr.Row(elem_classes="nf-row"):
                self.calibrate = _button(book, "depth.calibrate", "nf-calibrate", "primary")
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
        book.make(gr.HTML, {"value": heading("depth.downloads")}, padding=False)
        with gr.Row(elem_classes="nf-downloads"):
            self.downloads = {
                each.name: _button(book, each.label_key, f"nf-get-{each.name}")
                for each in DOWNLOADS
            }
        self.note = gr.HTML(downloads_html(None, Visit(), "en"), padding=False)
        self.file = hidden_file("nf-download")

    def wire(self) -> None:
        """Connect the events."""
        events, stage, looks = self._events, self._stage, list(self.looks.values())
        stage.follow_photo(
            self._tab,
            NAME,
            show_errors(events.follow),
            visit=self.visit,
            values=looks,
            outputs=self._outputs(),
            show_on=self.compare,
        )
        for control in looks:
            self._on(control.input, show_errors(events.recolor), looks)
        for picture in (self.photo, self.map):
            self._on(picture.select, show_errors(events.click), looks, progress="hidden")
        for trigger in (self.read.click, self.typed.submit):
            self._on(trigger, show_errors(events.typed), [self.typed, *looks], progress="hidden")
        for trigger in (self.calibrate.click, self.first.submit, self.second.submit):
            self._on(
                trigger,
                show_errors(events.calibrate),
                [self.first, self.second, *looks],
                progress="hidden",
            )
        self._on(self.clear.click, show_errors(events.clear_points), looks, progress="hidden")
        for name, button in self.downloads.items():
            self._offer(button, name, looks)

    def _outputs(self) -> list[Any]:
        return [getattr(self, name) for name in OUTPUTS]

    def _on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        values: Sequence[Component],
        *,
        progress: str = "minimal",
    ) -> None:
        """Connect one event: the handler is called with visit, language and values."""
        event(
            handler,
            inputs=[self.visit, self._stage.language, *values],
            outputs=[self.visit, *self._outputs()],
            show_progress=progress,
            show_progress_on=self.map,
            trigger_mode="always_last",
            api_visibility="private",
        )

    def _offer(self, button: gr.Button, name: str, looks: Sequence[Component]) -> None:
        """Write a file when its button is pressed, then start the download in the browser."""

        async def make(visit: Visit, _: Language, *values: Any) -> Any:
            return await self._events.download(visit, name, *values)

        button.click(
            show_errors(make, at_error=lambda *_: None),
            inputs=[self.visit, self._stage.language, *looks],
            outputs=self.file,
            concurrency_limit=2,
            concurrency_id="files",
            show_progress="minimal",
            show_progress_on=button,
            api_visibility="private",
        ).then(None, js=download_js("nf-download"))


def _button(book: Phrasebook, key: str, elem_id: str, variant: str = "secondary") -> gr.Button:
    return book.make(gr.Button, {"value": key}, elem_id=elem_id, variant=variant, size="md")


def _distance(book: Phrasebook, key: str, elem_id: str) -> gr.Textbox:
    return book.make(gr.Textbox, {"label": key}, placeholder="2.5", max_lines=1, elem_id=elem_id)
