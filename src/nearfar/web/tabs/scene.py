"""The 3D tab: a photo becomes a scene that can be turned and taken home."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync
from gradio.components import Component

from nearfar.calibration import ASSUMED_M
from nearfar.config import RefinedOptions
from nearfar.io.images import encode_image
from nearfar.web.components import (
    download_buttons,
    download_js,
    example_buttons,
    heading,
    hidden_file,
    photo_input,
    quiet,
)
from nearfar.web.examples import example
from nearfar.web.files import keep_file
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import Language, say
from nearfar.web.session_store import Photos
from nearfar.web.show_errors import PageError, told
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.scene_result import SceneSettings, ShownScene, download_scene, show_scene

HEIGHT_PX: Final = 440
KEPT_BYTES: Final = 256 * 2**20
FILES: Final = ("glb", "obj", "ply", "cloud")

Updates = list[Any]


@dataclass(frozen=True)
class SceneVisit:
    """What one visitor has done so far.

    Attributes:
        key: of the photo; None before the first.
        shown: the scene, once there is one.
    """

    key: str | None = None
    shown: ShownScene | None = None


def build(stage: Stage) -> None:
    """Build the tab."""
    _SceneTab(stage).wire()


class _SceneTab:
    """Its components, by what they are for, and what happens with them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._photos = Photos(stage.backend, stage.limits, RefinedOptions(), most_bytes=KEPT_BYTES)
        self.visit = gr.State(SceneVisit())
        book = stage.book
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self.photo = photo_input(book, "nf-scene-photo", "scene.photo.alt", HEIGHT_PX)
                self.examples = example_buttons(book, "nf-scene-example")
            with gr.Column(scale=6, min_width=300):
                self._build_output(book)

    def _build_output(self, book: Phrasebook) -> None:
        # always there: what Gradio mounts and fills at once stays empty, as of its 6.31
        self.view = book.make(
            gr.Model3D,
            {"label": "scene.view"},
            interactive=False,
            height=HEIGHT_PX,
            clear_color=(0.0, 0.0, 0.0, 0.0),
            elem_id="nf-scene-view",
        )
        self.empty = book.make(gr.HTML, {"value": quiet("scene.empty")}, padding=False)
        self.filled = gr.Column(visible=False)
        with self.filled:
            self.facts = gr.HTML("", elem_id="nf-scene-facts", elem_classes="nf-quiet")
        with gr.Row(elem_classes="nf-pair"):
            near = _field(book, "scene.near", "nf-scene-near", f"{ASSUMED_M[0]:g}")
            far = _field(book, "scene.far", "nf-scene-far", f"{ASSUMED_M[1]:g}")
        book.make(gr.HTML, {"value": quiet("scene.assumed")}, padding=False)
        fov = _field(book, "scene.fov", "nf-scene-fov", "")
        slope = _slider(book, "scene.slope", "nf-scene-slope", (40, 90), 86)
        step = _slider(book, "scene.step", "nf-scene-step", (1, 16), 1)
        self.settings: list[Any] = [near, far, fov, slope, step]
        self.taken = gr.Column(visible=False)
        with self.taken:
            book.make(gr.HTML, {"value": heading("scene.downloads")}, padding=False)
            labels = {name: f"scene.download.{name}" for name in FILES}
            self.downloads = download_buttons(book, "nf-scene-get", labels)
            self.file = hidden_file("nf-scene-file")

    def wire(self) -> None:
        """Say what happens when."""
        self._on(
            self.photo.input,
            told(self._take, at_error=self._forgotten),
            [self.photo, *self.settings],
        )
        for name, button in self.examples.items():
            self._on(button.click, told(self._take_example(name)), self.settings)
        for control in self.settings:
            events = (
                (control.release,)
                if isinstance(control, gr.Slider)
                else (control.submit, control.blur)
            )
            for event in events:
                self._on(event, told(self._change), self.settings)
        self._on(self._stage.language.change, told(self._retell), [])
        for name, button in self.downloads.items():
            self._offer(button, name)

    def _on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        values: Sequence[Component],
    ) -> None:
        """Wire one event: the handler gets visit, language and values."""
        event(
            handler,
            inputs=[self.visit, self._stage.language, *values],
            outputs=[
                *(self.visit, self.photo, self.view, self.facts),
                *(self.empty, self.filled, self.taken),
            ],
            concurrency_limit=2,
            concurrency_id="scenes",
            show_progress="minimal",
            show_progress_on=self.view,
            trigger_mode="always_last",
            api_visibility="private",
        )

    async def _take(
        self,
        visit: SceneVisit,
        language: Language,
        request: gr.Request,
        path: str | None,
        *values: Any,
    ) -> Updates:
        if path is None:
            return self._forgotten(visit, language)
        settings = SceneSettings.read(*values)
        kept = await self._photos.take(path, request, visit.key)
        shown = await run_sync(show_scene, kept.result, settings)
        photo = encode_image(kept.result.shown_photo, ".jpg", quality=90)
        visit = SceneVisit(kept.key)
        return _everything(visit, language, shown, photo=keep_file(photo, "photo.jpg"))

    def _take_example(self, name: str) -> Callable[..., Awaitable[Updates]]:
        async def handler(
            visit: SceneVisit, language: Language, request: gr.Request, *values: Any
        ) -> Updates:
            path = example(name)
            if path is None:
                raise PageError("error.nophoto")
            return await self._take(visit, language, request, str(path), *values)

        return handler

    async def _change(self, visit: SceneVisit, language: Language, *values: Any) -> Updates:
        if visit.key is None:
            return _only(visit)
        settings = SceneSettings.read(*values)
        shown = await run_sync(show_scene, self._photos.get(visit.key), settings)
        return _everything(visit, language, shown, photo=gr.skip())

    async def _retell(self, visit: SceneVisit, language: Language) -> Updates:
        return _only(visit, facts=_facts(visit, language))

    def _forgotten(self, visit: SceneVisit, _: Language) -> Updates:
        self._photos.drop(visit.key)
        return [SceneVisit(), None, None, "", *_visible(there=False)]

    def _offer(self, button: gr.Button, name: str) -> None:
        """Make a file when its button is pressed, then have the browser take it."""

        async def make(visit: SceneVisit, _: Language, *values: Any) -> Any:
            result, settings = self._photos.get(visit.key), SceneSettings.read(*values)
            return await run_sync(download_scene, result, settings, name, self._stage.limits)

        button.click(
            told(make, at_error=lambda *_: None),
            inputs=[self.visit, self._stage.language, *self.settings],
            outputs=self.file,
            concurrency_limit=1,
            concurrency_id="scene-files",
            show_progress="minimal",
            show_progress_on=button,
            api_visibility="private",
        ).then(None, js=download_js("nf-scene-file"))


def _everything(visit: SceneVisit, language: Language, shown: ShownScene, photo: Any) -> Updates:
    now = replace(visit, shown=shown)
    view = gr.update(value=shown.path, camera_position=shown.seen_from)
    return [now, photo, view, _facts(now, language), *_visible(there=True)]


def _only(visit: SceneVisit, facts: Any = None) -> Updates:
    return [visit, *[gr.skip()] * 2, gr.skip() if facts is None else facts, *[gr.skip()] * 3]


def _visible(*, there: bool) -> Updates:
    return [gr.update(visible=not there), gr.update(visible=there), gr.update(visible=there)]


def _facts(visit: SceneVisit, language: Language) -> str:
    shown = visit.shown
    if shown is None:
        return ""
    lens = say(f"scene.lens.{shown.lens}", language, fov=f"{shown.fov_deg:.0f}")
    return say(
        "scene.facts.model" if shown.is_of_model else "scene.facts",
        language,
        faces=f"{shown.faces:,}",
        near=f"{shown.near_m:.3g}",
        far=f"{shown.far_m:.3g}",
        lens=lens,
    )


def _field(book: Phrasebook, key: str, elem_id: str, value: str) -> gr.Textbox:
    return book.make(
        gr.Textbox,
        {"label": key, "placeholder": "effect.none"},
        value=value,
        max_lines=1,
        max_length=12,
        elem_id=elem_id,
    )


def _slider(
    book: Phrasebook, key: str, elem_id: str, span: tuple[int, int], value: int
) -> gr.Slider:
    return book.make(
        gr.Slider,
        {"label": key},
        minimum=span[0],
        maximum=span[1],
        step=1,
        value=value,
        elem_id=elem_id,
    )
