"""The 3D tab: the photo as a scene that can be turned, and its files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync
from gradio.components import Component

from nearfar.calibration import ASSUMED_M, DistanceOptions
from nearfar.geometry.options import MeshOptions
from nearfar.web.components import (
    download_buttons,
    download_js,
    heading,
    hidden_file,
    nothing_yet,
)
from nearfar.web.controls import controls
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import Language, say
from nearfar.web.show_errors import show_errors
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.scene_result import (
    DISTANCES,
    SURFACE,
    SceneSettings,
    ShownScene,
    download_scene,
    show_scene,
)

NAME: Final = "scene"
FILES: Final = ("html", "glb", "obj", "ply", "cloud")

Updates = list[Any]


@dataclass(frozen=True)
class SceneVisit:
    """State of one visitor.

    Attributes:
        key: of the photo; None before the first.
        settings: of the displayed scene.
    """

    key: str | None = None
    settings: SceneSettings | None = None


def build(stage: Stage, tab: gr.Tab) -> None:
    """Build the tab."""
    _SceneTab(stage, tab).wire()


class _SceneTab:
    """The components and their events."""

    def __init__(self, stage: Stage, tab: gr.Tab) -> None:
        self._stage, self._tab = stage, tab
        self.visit = gr.State(SceneVisit())
        self._build_output(stage.book)

    def _build_output(self, book: Phrasebook) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=7, min_width=300, elem_classes="nf-result"):
                self.view = book.make(
                    gr.HTML,
                    {"value": nothing_yet("scene.empty")},
                    padding=False,
                    elem_id="nf-scene-view",
                )
                self.facts = gr.HTML(
                    "", elem_id="nf-scene-facts", elem_classes="nf-quiet", padding=False
                )
                self.taken = gr.Column(visible=False)
                with self.taken:
                    book.make(gr.HTML, {"value": heading("scene.downloads")}, padding=False)
                    labels = {name: f"scene.download.{name}" for name in FILES}
                    self.downloads = download_buttons(book, "nf-scene-get", labels)
                    self.file = hidden_file("nf-scene-file")
            with gr.Column(scale=4, min_width=260):
                free = book.make(gr.Checkbox, {"label": "scene.free"}, elem_id="nf-scene-free")
                distances = controls(DistanceOptions, book, DISTANCES, prefix="nf-scene")
                book.make(gr.HTML, {"value": _assumed}, padding=False)
                with book.make(gr.Accordion, {"label": "scene.files"}, open=False):
                    surface = controls(MeshOptions, book, SURFACE, prefix="nf-scene")
        self.shaping: list[Any] = [free, *distances.values()]
        self.settings: list[Any] = [*self.shaping, *surface.values()]

    def wire(self) -> None:
        """Connect the events."""
        self._stage.follow_photo(
            self._tab,
            NAME,
            show_errors(self._follow),
            visit=self.visit,
            values=self.settings,
            outputs=self._outputs(),
            show_on=self.view,
        )
        for control in self.shaping:
            events: tuple[Callable[..., Any], ...]
            if isinstance(control, gr.Slider):
                events = (control.release,)
            elif isinstance(control, gr.Checkbox):
                events = (control.input,)
            else:
                events = (control.submit, control.blur)
            for event in events:
                self._on(event, show_errors(self._change), self.settings)
        for name, button in self.downloads.items():
            self._offer(button, name)

    def _outputs(self) -> list[Any]:
        return [self.view, self.facts, self.taken]

    def _on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        values: Sequence[Component],
    ) -> None:
        """Connect one event: the handler is called with visit, language and values."""
        event(
            handler,
            inputs=[self.visit, self._stage.language, *values],
            outputs=[self.visit, *self._outputs()],
            concurrency_limit=2,
            concurrency_id="scenes",
            show_progress="minimal",
            show_progress_on=self.view,
            trigger_mode="always_last",
            api_visibility="private",
        )

    async def _follow(
        self, visit: SceneVisit, language: Language, key: str | None, active: str, *values: Any
    ) -> Updates:
        if key is None or active != NAME or key == visit.key:
            return [visit, *(gr.skip() for _ in self._outputs())]
        return await self._show(SceneVisit(key), language, values)

    async def _change(self, visit: SceneVisit, language: Language, *values: Any) -> Updates:
        if visit.key is None:
            return [visit, *(gr.skip() for _ in self._outputs())]
        return await self._show(visit, language, values)

    async def _show(self, visit: SceneVisit, language: Language, values: Sequence[Any]) -> Updates:
        settings, result = SceneSettings.read(*values), self._stage.results.find(visit.key)
        if visit.settings == settings:
            return [visit, *(gr.skip() for _ in self._outputs())]
        shown = await run_sync(show_scene, result, settings)
        now = replace(visit, settings=settings)
        return [now, _frame(shown, language), _facts(shown, language), gr.update(visible=True)]

    def _offer(self, button: gr.Button, name: str) -> None:
        """Create a file when its button is pressed, then start the download in the browser."""

        async def make(visit: SceneVisit, _: Language, *values: Any) -> Any:
            result, settings = self._stage.results.find(visit.key), SceneSettings.read(*values)
            return await run_sync(download_scene, result, settings, name, self._stage.limits)

        button.click(
            show_errors(make, at_error=lambda *_: None),
            inputs=[self.visit, self._stage.language, *self.settings],
            outputs=self.file,
            concurrency_limit=1,
            concurrency_id="scene-files",
            show_progress="minimal",
            show_progress_on=button,
            api_visibility="private",
        ).then(None, js=download_js("nf-scene-file"))


def _frame(shown: ShownScene, language: Language) -> str:
    """Return the viewer in a sandboxed frame that can only run its own script."""
    title = escape(say("scene.view", language), quote=True)
    return (
        f'<iframe class="nf-scene" title="{title}" sandbox="allow-scripts"'
        f' allow="fullscreen; accelerometer; gyroscope" srcdoc="{escape(shown.html)}"></iframe>'
    )


def _facts(shown: ShownScene, language: Language) -> str:
    lens = say(f"scene.lens.{shown.lens}", language, fov=f"{shown.fov_deg:.0f}")
    return say(
        "scene.facts",
        language,
        basis=say(f"scene.basis.{shown.basis}", language),
        near=f"{shown.near_m:.4g}",
        far=f"{shown.far_m:.4g}",
        lens=lens,
    )


def _assumed(language: Language) -> str:
    near_m, far_m = ASSUMED_M
    text = say("scene.assumed", language, near=f"{near_m:g}", far=f"{far_m:g}")
    return f'<p class="nf-quiet">{escape(text)}</p>'
