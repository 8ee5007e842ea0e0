"""The Video tab: a clip, what shall be made of it, how far that is, and the result."""

from typing import Any, Final

import gradio as gr

from nearfar.effects.frames import FRAME_EFFECTS
from nearfar.web.effectcontrols import choices, values_of
from nearfar.web.notices import told
from nearfar.web.parts import nothing_yet, quiet
from nearfar.web.phrasebook import Phrasebook
from nearfar.web.tab import Stage
from nearfar.web.texts import Language
from nearfar.web.videocontrols import KINDS, ClipControls, kinds
from nearfar.web.videoevents import OUTPUTS, PARTS, VideoEvents, VideoVisit

HEIGHT_PX: Final = 360


def build(stage: Stage) -> None:
    """Build the tab."""
    _VideoTab(stage).wire()


class _VideoTab:
    """Its components, by what they are for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._events = VideoEvents(stage.door.videos, stage.limits)
        self.visit = gr.State(VideoVisit())
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self._build_input(stage.book)
            with gr.Column(scale=6, min_width=300):
                self._build_output(stage.book)

    def _build_input(self, book: Phrasebook) -> None:
        self.clip = book.make(
            gr.Video,
            {"label": "video.clip"},
            sources=["upload", "webcam"],
            height=HEIGHT_PX,
            buttons=[],
            webcam_options=gr.WebcamOptions(mirror=False),
            elem_id="nf-video-clip",
        )
        book.make(gr.HTML, {"value": quiet("video.clip.note")}, padding=False)
        self.kind = book.make(
            gr.Radio,
            {"label": "video.choice"},
            choices=kinds("en"),
            value=KINDS[0],
            elem_id="nf-video-kind",
        )
        self.controls = ClipControls.make(self._stage)
        self.starting = book.make(
            gr.Button, {"value": "video.start"}, variant="primary", elem_id="nf-video-start"
        )

    def _build_output(self, book: Phrasebook) -> None:
        self.empty = gr.Column()
        with self.empty:
            book.make(gr.HTML, {"value": nothing_yet("video.empty")}, padding=False)
        self.busy = gr.Column(visible=False, elem_id="nf-video-busy")
        with self.busy:
            self.progress = gr.HTML("", elem_id="nf-video-progress", padding=False)
            self.preview = book.make(
                gr.Image,
                {"label": "video.preview", "alt_text": "video.preview"},
                interactive=False,
                visible=False,
                buttons=[],
                elem_id="nf-video-preview",
            )
            self.cancelling = book.make(
                gr.Button, {"value": "video.cancel"}, elem_id="nf-video-cancel"
            )
        self.filled = gr.Column(visible=False)
        with self.filled:
            self.result = book.make(
                gr.Video,
                {"label": "video.result"},
                interactive=False,
                autoplay=True,
                loop=True,
                buttons=[],
                elem_id="nf-video-result",
            )
            self.facts = gr.HTML("", elem_id="nf-video-facts", padding=False)
            self.download = book.make(
                gr.DownloadButton, {"label": "video.download"}, elem_id="nf-video-get"
            )

    def wire(self) -> None:
        """Say what happens when."""
        events = self._events
        outputs = [self.visit, *(getattr(self, name) for name in (*OUTPUTS, *PARTS))]
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.starting.click(
            events.start,
            inputs=[
                *(self.visit, self._stage.language, self.clip, self.kind),
                *self.controls.all,
            ],
            outputs=outputs,
            concurrency_limit=None,
            **quietly,
        )
        for event in (self.cancelling.click, self.clip.input):
            event(
                told(events.cancel),
                inputs=[self.visit, self._stage.language],
                outputs=outputs,
                concurrency_limit=None,
                **quietly,
            )
        columns = self.controls.columns
        shown = list(dict.fromkeys(columns.values()))
        self.kind.input(
            lambda kind: [gr.update(visible=columns.get(kind) is each) for each in shown],
            inputs=self.kind,
            outputs=shown,
            **quietly,
        )
        self._stage.language.change(
            told(events.retell),
            inputs=[self.visit, self._stage.language],
            outputs=self.facts,
            **quietly,
        )
        self._follow_language(quietly)

    def _follow_language(self, quietly: dict[str, Any]) -> None:
        """Name what can be made, and the values of options that are choices."""
        named = [
            (control, values)
            for name, controls in self.controls.effects.items()
            for option, control in controls.items()
            if (values := values_of(FRAME_EFFECTS[name], option))
        ]

        def rename(language: Language) -> list[Any]:
            renamed = [gr.update(choices=choices(values, language)) for _, values in named]
            return [gr.update(choices=kinds(language)), *renamed]

        self._stage.language.change(
            rename,
            inputs=self._stage.language,
            outputs=[self.kind, *(control for control, _ in named)],
            **quietly,
        )
