"""What the Video tab does at each event, with a service that is a fake."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from nearfar.config import ImageLimits
from nearfar.effects.frames import FRAME_EFFECTS
from nearfar.errors import BusyError
from nearfar.video.pipeline import ClipOrder
from nearfar.web.backend import ClipRefusedError, PageClip
from nearfar.web.controls import offered
from nearfar.web.files import page_folder
from nearfar.web.show_errors import PageError
from nearfar.web.tabs import video
from nearfar.web.tabs.video import (
    OUTPUTS,
    PARTS,
    VideoEvents,
    VideoVisit,
    facts_html,
    progress_html,
)
from nearfar.web.tabs.video_controls import KINDS, SHOWS, kinds, read_order, video_options
from tests.web.made import jpeg

NAMES = ("visit", *OUTPUTS, *PARTS)


@dataclass(frozen=True)
class FakeClip:
    """A clip at some point of its way."""

    id: str = "a"
    state: str = "running"
    frames_done: int = 0
    frames: int | None = 10
    seconds_left: float | None = None
    ahead: int = 0
    model: str | None = "nearfar-lite"
    preview: bytes | None = None
    result: Path = Path("a-depth.mp4")
    is_damaged: bool = False
    refusal: ClipRefusedError | None = None


class Clips:
    """Shows the given stages of one clip, one at every look."""

    def __init__(self, *stages: FakeClip, error: Exception | None = None) -> None:
        self._stages = list(stages)
        self.error = error
        self.orders: list[ClipOrder] = []
        self.removed: list[str] = []

    async def begin(self, path: Path, order: ClipOrder, *, client: str, root: Path) -> PageClip:
        assert (path.name, client) == ("a.mp4", "local")
        assert root == page_folder()
        self.orders.append(order)
        if self.error is not None:
            raise self.error
        return self._stages[0]

    def find(self, id: str) -> PageClip | None:
        if id in self.removed:
            return None
        return self._stages.pop(0) if len(self._stages) > 1 else self._stages[0]

    async def remove(self, id: str) -> None:
        self.removed.append(id)


def values(**own: Any) -> list[Any]:
    """What the components hold: defaults, but for the options of effects that are given."""
    common = [True, False, "on", "grey", "nearfar-lite", 640, False]
    effects = [
        own.get(f"{name}_{field.name}", field.default)
        for name, effect in FRAME_EFFECTS.items()
        for field in offered(effect.options)
    ]
    return [*common, *effects]


@pytest.fixture(autouse=True)
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What visitors are told; and no waiting between two looks."""
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    monkeypatch.setattr(video, "LOOK_S", 0)
    return told


def run(
    clips: Clips, *, path: str | None = "a.mp4", before: str | None = None
) -> list[dict[str, Any]]:
    async def all_of(updates: AsyncIterator[Any]) -> list[dict[str, Any]]:
        return [dict(zip(NAMES, each, strict=True)) async for each in updates]

    request: Any = gr.Request()
    request.client = None
    events = VideoEvents(clips, ImageLimits())
    visit = VideoVisit(before)
    return asyncio.run(all_of(events.start(visit, "en", request, path, "side", *values())))


def is_shown(update: dict[str, Any], part: str) -> bool:
    shown: bool = update[part]["visible"]
    return shown


def test_clip_is_followed_to_its_result(tmp_path: Path, warnings: list[str]) -> None:
    result = tmp_path / "a-depth.mp4"
    result.write_bytes(bytes(2**20))
    clip = FakeClip()
    done = replace(clip, state="done", frames_done=10, result=result)
    half = replace(clip, frames_done=5, seconds_left=3.2, preview=jpeg())
    waiting = replace(clip, state="waiting", ahead=2)
    clips = Clips(waiting, waiting, clip, half, done)
    updates = run(clips, before="before")
    assert clips.removed == ["before"], "the result before makes room"
    assert clips.orders[0].kind == "side"
    assert "2 clips come first" in updates[0]["progress"]
    assert is_shown(updates[0], "busy")
    assert updates[0]["starting"]["visible"] is False
    assert "first frames" in updates[2]["progress"]
    assert "5 of 10 frames · 50 % · about 3 s left" in updates[3]["progress"]
    assert Path(updates[3]["preview"]["value"]).read_bytes() == jpeg()
    last = updates[-1]
    assert last["visit"] == VideoVisit("a")
    assert last["result"]["value"] == last["download"] == str(result)
    assert "10 frames · 1.0 MiB · nearfar-lite" in last["facts"]
    assert is_shown(last, "filled")
    assert last["starting"]["visible"] is True
    assert warnings == []


def test_cancel_forgets_the_clip_and_ends_the_following() -> None:
    clips = Clips(FakeClip())
    events = VideoEvents(clips, ImageLimits())
    request: Any = gr.Request()
    request.client = None

    async def scene() -> tuple[list[Any], list[Any]]:
        updates = events.start(VideoVisit(), "en", request, "a.mp4", "color", *values())
        await anext(updates)
        cancelled = await events.cancel(VideoVisit("a"), "en")
        return cancelled, [each async for each in updates]

    cancelled, rest = asyncio.run(scene())
    assert clips.removed == ["a"]
    assert cancelled[0] == VideoVisit()
    assert dict(zip(NAMES, cancelled, strict=True))["empty"]["visible"] is True
    assert rest == [cancelled]


def test_visitor_who_leaves_ends_the_clip() -> None:
    clips = Clips(FakeClip())
    request: Any = gr.Request()
    request.client = None

    async def scene() -> None:
        events = VideoEvents(clips, ImageLimits())
        updates: Any = events.start(VideoVisit(), "en", request, "a.mp4", "color", *values())
        await anext(updates)
        await updates.aclose()

    asyncio.run(scene())
    assert clips.removed == ["a"]


@pytest.mark.parametrize(
    ("clips", "path", "sentence"),
    [
        (Clips(), None, "There is no clip yet"),
        (Clips(error=ClipRefusedError("not-a-clip")), "a.mp4", "not a supported clip"),
        (Clips(error=BusyError("full")), "a.mp4", "The service is busy"),
        (Clips(error=ValueError("?")), "a.mp4", "Something went wrong"),
        (Clips(FakeClip(), FakeClip(state="cancelled")), "a.mp4", "was stopped"),
        (
            Clips(
                FakeClip(),
                FakeClip(state="failed", refusal=ClipRefusedError("damaged-clip", "too odd")),
            ),
            "a.mp4",
            "can&#x27;t be processed: too odd",
        ),
        (Clips(error=ClipRefusedError("internal")), "a.mp4", "went wrong here, not with your clip"),
    ],
)
def test_what_fails_is_told_and_the_tab_is_as_at_first(
    clips: Clips, path: str | None, sentence: str, warnings: list[str]
) -> None:
    last = run(clips, path=path)[-1]
    assert is_shown(last, "empty")
    assert last["visit"] == VideoVisit()
    assert len(warnings) == 1
    assert sentence in warnings[0]


def test_language_is_followed_while_the_work_goes_on() -> None:
    clip = FakeClip(frames_done=3, seconds_left=200)
    assert "3 帧，共 10 帧" in progress_html(clip, "zh")
    assert "about 3 min left" in progress_html(clip, "en")
    assert 'value="3" max="10"' in progress_html(clip, "en")
    unknown = progress_html(replace(clip, frames=None), "en")
    assert "3 frames so far" in unknown
    assert "value=" not in unknown
    assert "writing the end" in progress_html(replace(clip, frames_done=10), "en")


def test_facts_of_what_browsers_can_not_play(tmp_path: Path) -> None:
    result = tmp_path / "a-depth.mkv"
    result.touch()
    clip = FakeClip(state="done", frames_done=3, result=result, is_damaged=True)
    facts = facts_html(clip, "en")
    assert "download it" in facts
    assert "Parts of the clip are missing" in facts


def test_order_is_made_of_the_components() -> None:
    order = read_order("fog", values(fog_density=0.9), ImageLimits())
    assert order.kind == order.what == "fog"
    assert (order.following.steady, order.following.smooth) == (True, False)
    assert order.following.deinterlace == "on"
    assert order.model == "nearfar-lite"
    assert order.estimating.input_size_px == 640
    assert read_order("exr", values(), ImageLimits()).suffix == ".zip"
    with pytest.raises(PageError):
        read_order("fog", values(fog_density=7.0), ImageLimits())


def test_every_kind_is_offered_in_both_languages() -> None:
    assert set(KINDS) == {*SHOWS, *FRAME_EFFECTS}
    assert len(KINDS) == len(set(KINDS))
    for language in ("en", "zh"):
        assert [kind for _, kind in kinds(language)] == list(KINDS)
    assert {"steady", "smooth", "deinterlace", "colormap"} <= video_options()
    assert KINDS[0] == "side"
