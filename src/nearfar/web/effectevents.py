"""What happens on the Effects tab: each event's handler, without the layout."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync

from nearfar.config import EstimateOptions, ImageLimits
from nearfar.effects import EFFECTS, Effect, find
from nearfar.io.images import encode_image
from nearfar.web.door import Door
from nearfar.web.effectcontrols import offered, places, read_controls
from nearfar.web.effectrender import Shown, download, show
from nearfar.web.examples import example
from nearfar.web.folder import keep_file
from nearfar.web.markers import draw_markers
from nearfar.web.notices import PageError
from nearfar.web.photos import Photos
from nearfar.web.results import Result
from nearfar.web.texts import Language

OUTPUTS: Final = (
    *("photo", "picture", "clip", "sound", "words", "values"),
    *("empty", "filled", "taken"),
)
"""What a handler gives after the visit, in this order; the download buttons come last."""

SUFFIXES: Final = (".jpg", ".png", ".webp", ".mp4", ".gif", ".wav", ".json", ".zip")
"""Of every file that can be taken home: a button each, shown where it fits."""

KEPT_BYTES: Final = 384 * 2**20

Updates = list[Any]


@dataclass(frozen=True)
class EffectVisit:
    """What one visitor has done so far; a new one is made at every step.

    Attributes:
        key: of the photo; None before the first.
        clicks: how often the photo was clicked for this effect.
        words: what the last result says, by language code.
    """

    key: str | None = None
    clicks: int = 0
    words: tuple[tuple[str, str], ...] = ()


class EffectEvents:
    """The handlers; each gets the visit and the language first, and gives `OUTPUTS`.

    Args:
        door: where depth is asked for.
        limits: what is too large to be read.
    """

    def __init__(self, door: Door, limits: ImageLimits) -> None:
        self._photos = Photos(door, limits, EstimateOptions(), most_bytes=KEPT_BYTES)
        self._limits = limits

    async def take(
        self,
        visit: EffectVisit,
        language: Language,
        request: gr.Request,
        path: str | None,
        name: str,
        *values: Any,
    ) -> Updates:
        """Estimate a new photo and apply the effect; `path` is None when it was taken away."""
        if path is None:
            return self.forgotten(visit, language)
        kept = await self._photos.take(path, request, visit.key)
        now = EffectVisit(kept.key)
        effect = find(name)
        return await self._show(now, language, effect, kept.result, _of(effect, values))

    def take_example(self, name: str) -> Callable[..., Awaitable[Updates]]:
        """Give the handler of one example's button."""

        async def handler(
            visit: EffectVisit, language: Language, request: gr.Request, *values: Any
        ) -> Updates:
            path = example(name)
            if path is None:
                raise PageError("error.nophoto")
            return await self.take(visit, language, request, str(path), *values)

        return handler

    async def choose(
        self, visit: EffectVisit, language: Language, name: str, *values: Any
    ) -> Updates:
        """Apply another effect."""
        effect = find(name)
        now = replace(visit, clicks=0)
        if visit.key is None:
            return _only(now)
        result = self._photos.get(visit.key)
        return await self._show(now, language, effect, result, _of(effect, values))

    def change(self, effect: Effect[Any, Any]) -> Callable[..., Awaitable[Updates]]:
        """Give the handler of an effect's controls."""

        async def handler(visit: EffectVisit, language: Language, *values: Any) -> Updates:
            if visit.key is None:
                return _only(visit)
            result = self._photos.get(visit.key)
            return await self._show(visit, language, effect, result, values)

        return handler

    async def click(
        self,
        visit: EffectVisit,
        language: Language,
        event: gr.SelectData,
        name: str,
        *values: Any,
    ) -> Updates:
        """Set a place of the effect; gives its controls' values after all the rest."""
        effect = find(name)
        own = list(_of(effect, values))
        pairs = places(effect)
        if visit.key is None or not pairs:
            return [*_only(visit), *(gr.skip() for _ in values)]
        result = self._photos.get(visit.key)
        names = [each.name for each in offered(effect)]
        height_px, width_px = result.shown_photo.shape[:2]
        for part, at, side in zip(
            pairs[visit.clicks % len(pairs)], event.index, (width_px, height_px), strict=True
        ):
            place = round(min(max((at + 0.5) / side, 0), 1), 3)
            is_text = getattr(effect.options, part) is None  # its default
            own[names.index(part)] = f"{place:g}" if is_text else place
        if visit.clicks % len(pairs) == 0:
            for part in (part for pair in pairs[1:] for part in pair):
                own[names.index(part)] = None
        now = replace(visit, clicks=visit.clicks + 1)
        updates = await self._show(now, language, effect, result, own)
        controls = [
            value
            for each in EFFECTS
            for value in (own if each is effect else [gr.skip()] * len(offered(each)))
        ]
        return [*updates, *controls]

    async def retell(self, visit: EffectVisit, language: Language) -> Updates:
        """Say what the result says in the language of now."""
        return _only(visit, words=_words_html(dict(visit.words), language))

    def forgotten(self, visit: EffectVisit, _: Language) -> Updates:
        """Go back to the beginning."""
        self._photos.drop(visit.key)
        return _only(
            EffectVisit(),
            photo=None,
            empty=gr.update(visible=True),
            filled=gr.update(visible=False),
            taken=gr.update(visible=False),
        )

    async def download(self, visit: EffectVisit, suffix: str, name: str, *values: Any) -> str:
        """Make a file.

        Returns:
            Its path.
        """
        result, effect = self._photos.get(visit.key), find(name)
        options = await run_sync(read_controls, effect, _of(effect, values), self._limits)
        return await run_sync(download, effect, result, options, suffix, self._limits)

    async def _show(
        self,
        visit: EffectVisit,
        language: Language,
        effect: Effect[Any, Any],
        result: Result,
        values: Sequence[Any],
    ) -> Updates:
        options = await run_sync(read_controls, effect, values, self._limits)
        shown = await run_sync(show, effect, result, options)
        marked = await run_sync(_marked, effect, result, options)
        now = replace(visit, words=tuple(shown.words.items()))
        return _everything(now, language, shown, marked)


def _of(effect: Effect[Any, Any], values: Sequence[Any]) -> Sequence[Any]:
    """Take an effect's values out of those of all effects."""
    start = 0
    for each in EFFECTS:
        count = len(offered(each))
        if each is effect:
            return values[start : start + count]
        start += count
    raise ValueError(effect.name)


def _only(visit: EffectVisit, **updates: Any) -> Updates:
    skipped = [gr.skip() for _ in SUFFIXES]
    return [visit, *(updates.get(name, gr.skip()) for name in OUTPUTS), *skipped]


def _everything(visit: EffectVisit, language: Language, shown: Shown, photo: Any) -> Updates:
    values = "" if shown.values is None else json.dumps(shown.values, indent=1)
    outputs = {
        "photo": photo,
        "picture": gr.update(value=shown.picture, visible=shown.picture is not None),
        "clip": gr.update(value=shown.clip, visible=shown.clip is not None),
        "sound": gr.update(value=shown.sound, visible=shown.sound is not None),
        "words": _words_html(shown.words, language),
        "values": gr.update(value=values, visible=bool(values)),
        "empty": gr.update(visible=False),
        "filled": gr.update(visible=True),
        "taken": gr.update(visible=True),
    }
    buttons = [gr.update(visible=suffix in shown.suffixes) for suffix in SUFFIXES]
    return [visit, *(outputs[name] for name in OUTPUTS), *buttons]


def _words_html(words: dict[str, str], language: Language) -> str:
    if not words:
        return ""
    parts = escape(words[language]).replace("; ", "<br>").replace("；", "<br>")
    return f'<p class="nf-words" role="status" aria-live="polite">{parts}</p>'


def _marked(effect: Effect[Any, Any], result: Result, options: Any) -> str:
    """Draw the effect's places on the photo."""
    height_px, width_px = result.shown_photo.shape[:2]
    points = []
    for across, down in places(effect):
        x, y = getattr(options, across), getattr(options, down)
        if x is not None and y is not None:
            points.append(
                (min(int(x * width_px), width_px - 1), min(int(y * height_px), height_px - 1))
            )
    photo = draw_markers(result.shown_photo, points, size_px=(width_px, height_px))
    return keep_file(encode_image(photo, ".jpg", quality=90), "photo.jpg")
