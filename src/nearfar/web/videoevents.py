"""What happens on the Video tab: each event's handler, without the layout."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync

from nearfar.config import ImageLimits
from nearfar.web.folder import keep_file, page_folder
from nearfar.web.notices import PageError, tell
from nearfar.web.texts import TEXTS, Language, say
from nearfar.web.videocontrols import read_order
from nearfar.web.videodoor import ClipDoor, ClipRefusedError, PageClip

OUTPUTS: Final = ("progress", "preview", "result", "facts", "download")
PARTS: Final = ("empty", "busy", "filled", "starting")
"""Parts of the tab that are there or not: the beginning, the work, its result, the button."""

LOOK_S: Final = 0.4
_PLAYABLE: Final = ".mp4"
_MINUTE_S: Final = 90

Updates = list[Any]


@dataclass(frozen=True)
class VideoVisit:
    """What one visitor has here.

    Attributes:
        clip: id of the clip that is worked on, or whose result is shown.
    """

    clip: str | None = None


class VideoEvents:
    """The handlers; each gives the visit, `OUTPUTS` and `PARTS`.

    Args:
        door: where clips are brought.
        limits: of pictures that belong to an effect.
    """

    def __init__(self, door: ClipDoor, limits: ImageLimits) -> None:
        self._door, self._limits = door, limits
        self._languages: dict[str, Language] = {}
        """Of the clips that are worked on, as it is now; the switch may be turned meanwhile."""

    async def start(
        self,
        visit: VideoVisit,
        language: Language,
        request: gr.Request,
        path: str | None,
        kind: str,
        *values: Any,
    ) -> AsyncIterator[Updates]:
        """Work on a clip, and tell how far it is until it is done."""
        clip: PageClip | None = None
        try:
            place = _place(path)
            order = await run_sync(read_order, kind, values, self._limits)
            await self._let_go(visit)
            client = request.client.host if request.client else "local"
            clip = await self._door.begin(place, order, client=client, root=page_folder())
            self._languages[clip.id] = language
            async for updates in self._follow(clip.id):
                yield updates
        except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
            tell(_told(error), language)
            yield _nothing()
        finally:
            # also when the visitor has gone, and Gradio closes this generator
            if clip is not None:
                self._languages.pop(clip.id, None)
                now = self._door.find(clip.id)
                if now is not None and now.state != "done":
                    await self._door.remove(clip.id)

    async def cancel(self, visit: VideoVisit, _: Language) -> Updates:
        """Give up at once."""
        await self._let_go(visit)
        return _nothing()

    async def retell(self, visit: VideoVisit, language: Language) -> str:
        """Say what is said of the result in the language of now, and what comes as well."""
        clip = self._door.find(visit.clip) if visit.clip else None
        if clip is None:
            return ""
        if clip.state == "done":
            return facts_html(clip, language)
        self._languages[clip.id] = language
        return ""

    async def _follow(self, id: str) -> AsyncIterator[Updates]:
        shown: bytes | None = None
        while (clip := self._door.find(id)) is not None and clip.state in {"waiting", "running"}:
            preview: Any = gr.skip()
            if clip.preview is not None and clip.preview is not shown:
                shown = clip.preview
                preview = await run_sync(keep_file, shown, "frame.jpg")
                preview = gr.update(value=preview, visible=True)
            progress = progress_html(clip, self._languages[id])
            yield [VideoVisit(id), progress, preview, *[gr.skip()] * 3, *_parts("busy")]
            await asyncio.sleep(LOOK_S)
        if clip is None:  # taken away by its visitor
            yield _nothing()
            return
        if clip.state == "done":
            yield _done(clip, self._languages[id])
            return
        raise clip.refusal or PageError("video.error.stopped")

    async def _let_go(self, visit: VideoVisit) -> None:
        if visit.clip is not None:
            await self._door.remove(visit.clip)


def progress_html(clip: PageClip, language: Language) -> str:
    """Say and draw how far a clip is."""
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
    """Say what came of a clip."""
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
    return gr.update(interactive=which != "busy")


def _told(error: Exception) -> Exception:
    if not isinstance(error, ClipRefusedError):
        return error
    key = f"video.error.{error.reason}"
    if key not in TEXTS:
        return error if error.detail else PageError("video.error.internal")
    return PageError(key, detail=error.detail)
