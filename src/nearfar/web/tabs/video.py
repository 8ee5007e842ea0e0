"""The Video tab: a clip, the kind of result, progress, and the result."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync

from nearfar.config import ImageLimits
from nearfar.effects.frames import FRAME_EFFECTS
from nearfar.web.backend import ClipBackend, ClipRefusedError, PageClip
from nearfar.web.components import nothing_yet, quiet
from nearfar.web.controls import choices, values_of
from nearfar.web.examples import example_clip
from nearfar.web.files import keep_file, page_folder
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import TEXTS, Language, say
from nearfar.web.show_errors import PageError, show_error, show_errors
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.video_controls import KINDS, ClipControls, kinds, read_order

OUTPUTS: Final = ("progress", "preview", "result", "facts", "download")
PARTS: Final = ("empty", "busy", "filled", "starting")
"""Parts of the tab that are visible or hidden: the start, progress, the result, the button."""

LOOK_S: Final = 0.4
_PLAYABLE: Final = ".mp4"
_MINUTE_S: Final = 90

Updates = list[Any]


@dataclass(frozen=True)
class VideoVisit:
    """State of one visitor.

    Attributes:
        clip: id of the clip in progress, or of the displayed result.
    """

    clip: str | None = None


class VideoEvents:
    """The handlers; each returns the visit, `OUTPUTS` and `PARTS`.

    Args:
        backend: processes clips.
        limits: of an effect's pictures.
    """

    def __init__(self, backend: ClipBackend, limits: ImageLimits) -> None:
        self._backend, self._limits = backend, limits

    async def start(
        self,
        visit: VideoVisit,
        language: Language,
        request: gr.Request,
        path: str | None,
        kind: str,
        *values: Any,
    ) -> AsyncIterator[Updates]:
        """Process a clip, and report progress until it is done."""
        clip: PageClip | None = None
        try:
            place = _place(path)
            order = await run_sync(read_order, kind, values, self._limits)
            await self._let_go(visit)
            client = request.client.host if request.client else "local"
            clip = await self._backend.begin(place, order, client=client, root=page_folder())
            async for updates in self._follow(clip.id, language):
                yield updates
        except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
            show_error(_told(error), language)
            yield _nothing()
        finally:
            # also if the visitor has left, and Gradio closes this generator
            if clip is not None:
                now = self._backend.find(clip.id)
                if now is not None and now.state != "done":
                    await self._backend.remove(clip.id)

    async def cancel(self, visit: VideoVisit, _: Language) -> Updates:
        """Cancel immediately."""
        await self._let_go(visit)
        return _nothing()

    async def _follow(self, id: str, language: Language) -> AsyncIterator[Updates]:
        shown: bytes | None = None
        while (clip := self._backend.find(id)) is not None and clip.state in {"waiting", "running"}:
            preview: Any = gr.skip()
            if clip.preview is not None and clip.preview is not shown:
                shown = clip.preview
                preview = await run_sync(keep_file, shown, "frame.jpg")
                preview = gr.update(value=preview, visible=True)
            progress = progress_html(clip, language)
            yield [VideoVisit(id), progress, preview, *[gr.skip()] * 3, *_parts("busy")]
            await asyncio.sleep(LOOK_S)
        if clip is None:  # deleted by its visitor
            yield _nothing()
            return
        if clip.state == "done":
            yield _done(clip, language)
            return
        raise clip.refusal or PageError("video.error.stopped")

    async def _let_go(self, visit: VideoVisit) -> None:
        if visit.clip is not None:
            await self._backend.remove(visit.clip)


def progress_html(clip: PageClip, language: Language) -> str:
    """Return a clip's progress, as text and bar."""
    done, all_ = clip.frames_done, clip.frames
    if clip.state == "waiting":
        words = say("video.waiting", language, ahead=clip.ahead)
    elif not done:
        words = say("video.begun", language)
    elif all_ is None:
        words = say("video.frames.unknown", language, done=done)
    else:
        words = say("video.frames", language, done=done, all=all_, percent=100 * done // all_)
        words += " · " + _left(clip, language)
    known = f' value="{done}" max="{all_}"' if done and all_ else ""
    label = escape(say("video.progress", language), quote=True)
    return (
        f'<div class="nf-progress"><progress aria-label="{label}"{known}></progress>'
        f"<p>{escape(words.removesuffix(' · '))}</p></div>"
    )


def facts_html(clip: PageClip, language: Language) -> str:
    """Return the facts of a clip's result."""
    size = f"{clip.result.stat().st_size / 2**20:.1f} MiB"
    sentences = [say("video.facts", language, frames=clip.frames_done, size=size, model=clip.model)]
    if clip.is_damaged:
        sentences.append(say("video.damaged", language))
    if clip.result.suffix != _PLAYABLE:
        sentences.append(say("video.unplayable", language))
    return "".join(f'<p class="nf-quiet">{escape(each)}</p>' for each in sentences)


def _place(path: str | None) -> Path:
    if path is None:
        raise PageError("video.error.noclip")
    return Path(path)


def _left(clip: PageClip, language: Language) -> str:
    seconds = clip.seconds_left
    if clip.frames_done == clip.frames:
        return say("video.finishing", language)
    if seconds is None:
        return ""
    if seconds < _MINUTE_S:
        return say("video.left.seconds", language, seconds=max(1, round(seconds)))
    return say("video.left.minutes", language, minutes=round(seconds / 60))


def _done(clip: PageClip, language: Language) -> Updates:
    path = str(clip.result)
    film = gr.update(value=path, visible=True)
    if clip.result.suffix != _PLAYABLE:
        film = gr.update(value=None, visible=False)
    facts = facts_html(clip, language)
    return [VideoVisit(clip.id), "", None, film, facts, path, *_parts("filled")]


def _nothing() -> Updates:
    preview = gr.update(value=None, visible=False)
    return [VideoVisit(), "", preview, None, "", None, *_parts("empty")]


def _parts(which: str) -> Updates:
    visible = {"empty": which == "empty", "busy": which == "busy", "filled": which == "filled"}
    return [*(gr.update(visible=visible[name]) for name in PARTS[:3]), _start_button(which)]


def _start_button(which: str) -> Any:
    return gr.update(visible=which != "busy")


def _told(error: Exception) -> Exception:
    if not isinstance(error, ClipRefusedError):
        return error
    key = f"video.error.{error.reason}"
    if key not in TEXTS:
        return error if error.detail else PageError("video.error.internal")
    return PageError(key, detail=error.detail)


NAME: Final = "video"
HEIGHT_PX: Final = 360


def build(stage: Stage, tab: gr.Tab) -> None:
    """Build the tab."""
    _VideoTab(stage).wire()
    tab.select(lambda: NAME, outputs=stage.active, show_progress="hidden", api_visibility="private")


class _VideoTab:
    """Its components."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._events = VideoEvents(stage.backend.videos, stage.limits)
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
        if example_clip():
            self.sample = book.make(
                gr.Button, {"value": "video.sample"}, size="sm", elem_id="nf-video-sample"
            )
        self.kind = book.make(
            gr.Radio,
            {"label": "video.choice"},
            choices=kinds("en"),
            value=KINDS[0],
            elem_id="nf-video-kind",
        )
        self.starting = book.make(
            gr.Button, {"value": "video.start"}, variant="primary", elem_id="nf-video-start"
        )
        self.busy = gr.Column(visible=False, elem_id="nf-video-busy")
        with self.busy:
            self.progress = gr.HTML("", elem_id="nf-video-progress", padding=False)
            self.cancelling = book.make(
                gr.Button, {"value": "video.cancel"}, elem_id="nf-video-cancel"
            )
        self.controls = ClipControls.make(self._stage)

    def _build_output(self, book: Phrasebook) -> None:
        self.empty = gr.Column()
        with self.empty:
            book.make(gr.HTML, {"value": nothing_yet("video.empty")}, padding=False)
        self.preview = book.make(
            gr.Image,
            {"label": "video.preview", "alt_text": "video.preview"},
            interactive=False,
            visible=False,
            buttons=[],
            elem_id="nf-video-preview",
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
        """Connect the events."""
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
        if path := example_clip():

            async def start(
                visit: VideoVisit, language: Language, request: gr.Request, *values: Any
            ) -> AsyncIterator[Updates]:
                async for updates in events.start(visit, language, request, str(path), *values):
                    yield updates

            self.sample.click(
                start,
                inputs=[self.visit, self._stage.language, self.kind, *self.controls.all],
                outputs=outputs,
                concurrency_limit=None,
                **quietly,
            )
        for event in (self.cancelling.click, self.clip.input):
            event(
                show_errors(events.cancel),
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
        self._follow_language(quietly)

    def _follow_language(self, quietly: dict[str, Any]) -> None:
        """Translate the names of kinds of result and of options' choices."""
        named = [
            (control, values)
            for name, controls in self.controls.effects.items()
            for option, control in controls.items()
            if (values := values_of(FRAME_EFFECTS[name].options, option))
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
