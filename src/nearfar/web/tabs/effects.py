"""The Effects tab: an effect of the photo, its options and its files."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync
from gradio.components import Component

from nearfar.config import ImageLimits
from nearfar.effects import Effect, find
from nearfar.io.images import encode_image
from nearfar.web.components import (
    download_buttons,
    download_js,
    heading,
    hidden_file,
    nothing_yet,
    photo_view,
    quiet,
)
from nearfar.web.controls import (
    PAGE_EFFECTS,
    choices,
    effect_controls,
    offered,
    places,
    read_effect,
    values_of,
)
from nearfar.web.files import keep_file
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import Language, say
from nearfar.web.points import draw_markers
from nearfar.web.session_store import Result, Results
from nearfar.web.show_errors import show_errors
from nearfar.web.tabs.base import Stage
from nearfar.web.tabs.effect_result import Shown, download, show

OUTPUTS: Final = (
    *("photo", "picture", "clip", "sound", "words", "values"),
    *("empty", "filled", "taken"),
)
"""Outputs of a handler after the visit, in this order; the download buttons are last."""

SUFFIXES: Final = (".jpg", ".png", ".webp", ".mp4", ".gif", ".wav", ".json", ".zip")
"""Suffixes of downloads: one button each, visible if available."""

Updates = list[Any]


@dataclass(frozen=True)
class EffectVisit:
    """State of one visitor; immutable.

    Attributes:
        key: of the photo; None before the first.
        clicks: number of clicks on the photo for this effect.
    """

    key: str | None = None
    clicks: int = 0


class EffectEvents:
    """The handlers; the first arguments are visit and language; they return `OUTPUTS`.

    Args:
        results: photos with their maps, of all visitors.
        limits: of pictures.
    """

    def __init__(self, results: Results, limits: ImageLimits) -> None:
        self._results = results
        self._limits = limits

    async def follow(
        self,
        visit: EffectVisit,
        language: Language,
        key: str | None,
        active: str,
        name: str,
        *values: Any,
    ) -> Updates:
        """Apply the effect to the shared photo."""
        if key is None or active != NAME or key == visit.key:
            return _only(visit)
        result, effect = self._results.find(key), find(name)
        return await self._show(EffectVisit(key), language, effect, result, _of(effect, values))

    async def choose(
        self, visit: EffectVisit, language: Language, name: str, *values: Any
    ) -> Updates:
        """Apply another effect."""
        effect = find(name)
        now = replace(visit, clicks=0)
        if visit.key is None:
            return _only(now)
        result = self._results.find(visit.key)
        return await self._show(now, language, effect, result, _of(effect, values))

    def change(self, effect: Effect[Any, Any]) -> Callable[..., Awaitable[Updates]]:
        """Return the handler of an effect's controls."""

        async def handler(visit: EffectVisit, language: Language, *values: Any) -> Updates:
            if visit.key is None:
                return _only(visit)
            result = self._results.find(visit.key)
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
        """Set a position of the effect; the last outputs are the values of its controls."""
        effect = find(name)
        own = list(_of(effect, values))
        pairs = places(effect.options)
        if visit.key is None or not pairs:
            return [*_only(visit), *(gr.skip() for _ in values)]
        result = self._results.find(visit.key)
        names = [each.name for each in offered(effect.options)]
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
            for each in PAGE_EFFECTS
            for value in (own if each is effect else [gr.skip()] * len(offered(each.options)))
        ]
        return [*updates, *controls]

    async def download(self, visit: EffectVisit, suffix: str, name: str, *values: Any) -> str:
        """Create a file.

        Returns:
            Its path.
        """
        result, effect = self._results.find(visit.key), find(name)
        options = await run_sync(read_effect, effect, _of(effect, values), self._limits)
        return await run_sync(download, effect, result, options, suffix, self._limits)

    async def _show(
        self,
        visit: EffectVisit,
        language: Language,
        effect: Effect[Any, Any],
        result: Result,
        values: Sequence[Any],
    ) -> Updates:
        options = await run_sync(read_effect, effect, values, self._limits)
        shown = await run_sync(show, effect, result, options)
        marked = await run_sync(_marked, effect, result, options)
        return _everything(visit, language, shown, marked)


def _of(effect: Effect[Any, Any], values: Sequence[Any]) -> Sequence[Any]:
    """Select an effect's values from those of all effects."""
    start = 0
    for each in PAGE_EFFECTS:
        count = len(offered(each.options))
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
    """Draw the effect's positions on the photo."""
    height_px, width_px = result.shown_photo.shape[:2]
    points = []
    for across, down in places(effect.options):
        x, y = getattr(options, across), getattr(options, down)
        if x is not None and y is not None:
            points.append(
                (min(int(x * width_px), width_px - 1), min(int(y * height_px), height_px - 1))
            )
    photo = draw_markers(result.shown_photo, points, size_px=(width_px, height_px))
    return keep_file(encode_image(photo, ".jpg", quality=90), "photo.jpg")


NAME: Final = "effects"
HEIGHT_PX: Final = 440
PHOTO_PX: Final = 320
_FIRST: Final = PAGE_EFFECTS[0]


def build(stage: Stage, tab: gr.Tab) -> None:
    """Build the tab."""
    _EffectsTab(stage, tab).wire()


class _EffectsTab:
    """The components, by what they are for."""

    def __init__(self, stage: Stage, tab: gr.Tab) -> None:
        self._stage, self._tab = stage, tab
        self._events = EffectEvents(stage.results, stage.limits)
        self.visit = gr.State(EffectVisit())
        book = stage.book
        self.choice = book.make(
            gr.Radio,
            {"label": "effect.choice"},
            choices=_names("en"),
            value=_FIRST.name,
            elem_id="nf-effect",
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=300, elem_classes="nf-result"):
                self._build_output(book)
            with gr.Column(scale=5, min_width=300):
                self._build_input(book)

    def _build_input(self, book: Phrasebook) -> None:
        self.photo = photo_view(book, "nf-effect-photo", "effect.photo.alt", PHOTO_PX)
        self.hints = {
            effect.name: book.make(
                gr.HTML,
                {"value": quiet(f"effect.click.{effect.name}")},
                padding=False,
                visible=effect is _FIRST,
            )
            for effect in PAGE_EFFECTS
            if places(effect.options)
        }
        self.columns: dict[str, gr.Column] = {}
        self.controls: dict[str, dict[str, Component]] = {}
        for effect in PAGE_EFFECTS:
            column = gr.Column(visible=effect is _FIRST, elem_classes="nf-options")
            with column:
                self.controls[effect.name] = effect_controls(effect, book)
            self.columns[effect.name] = column

    def _build_output(self, book: Phrasebook) -> None:
        self.empty = book.make(gr.HTML, {"value": nothing_yet("effect.empty")}, padding=False)
        self.filled = gr.Column(visible=False)
        with self.filled:
            self.picture = book.make(
                gr.Image,
                {"label": "effect.result", "alt_text": "effect.result.alt"},
                interactive=False,
                height=HEIGHT_PX + 120,
                buttons=["fullscreen"],
                image_mode=None,
                elem_id="nf-effect-picture",
                elem_classes="nf-picture",
            )
            self.clip = book.make(
                gr.Video,
                {"label": "effect.result"},
                interactive=False,
                autoplay=True,
                loop=True,
                height=HEIGHT_PX + 60,
                buttons=[],
                elem_id="nf-effect-clip",
            )
            self.sound = book.make(
                gr.Audio,
                {"label": "effect.result"},
                interactive=False,
                autoplay=True,
                buttons=[],
                elem_id="nf-effect-sound",
            )
            self.words = gr.HTML("", elem_id="nf-effect-words", padding=False)
            self.values = book.make(
                gr.Code,
                {"label": "effect.download.json"},
                language="json",
                interactive=False,
                max_lines=12,
                elem_id="nf-effect-values",
            )
        self.taken = gr.Column(visible=False)
        with self.taken:
            book.make(gr.HTML, {"value": heading("effect.downloads")}, padding=False)
            self.downloads = download_buttons(
                book,
                "nf-effect-get",
                {each[1:]: f"effect.download.{each[1:]}" for each in SUFFIXES},
            )
            self.file = hidden_file("nf-effect-file")

    def wire(self) -> None:
        """Connect the events."""
        events = self._events
        every = [each for controls in self.controls.values() for each in controls.values()]
        settings = [self.choice, *every]
        self._stage.follow_photo(
            self._tab,
            NAME,
            show_errors(events.follow),
            visit=self.visit,
            values=settings,
            outputs=[*(getattr(self, name) for name in OUTPUTS), *self.downloads.values()],
            show_on=[self.picture, self.clip],
        )
        self.choice.input(
            lambda chosen: [
                gr.update(visible=name == chosen) for name in (*self.columns, *self.hints)
            ],
            inputs=self.choice,
            outputs=[*self.columns.values(), *self.hints.values()],
            show_progress="hidden",
            api_visibility="private",
        )
        self._on(self.choice.input, show_errors(events.choose), settings)
        self._on(self.photo.select, show_errors(events.click), settings, more=every)
        for effect in PAGE_EFFECTS:
            controls = list(self.controls[effect.name].values())
            for control in controls:
                self._on(_changed(control), show_errors(events.change(effect)), controls)
        self._follow_language()
        for name, button in self.downloads.items():
            self._offer(button, f".{name}", settings)

    def _on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        values: Sequence[Component],
        *,
        more: Sequence[Component] = (),
    ) -> None:
        """Connect one event: the handler is called with visit, language and values."""
        outputs = [getattr(self, name) for name in OUTPUTS]
        event(
            handler,
            inputs=[self.visit, self._stage.language, *values],
            outputs=[self.visit, *outputs, *self.downloads.values(), *more],
            concurrency_limit=2,
            concurrency_id="effects",
            show_progress="minimal",
            show_progress_on=[self.picture, self.clip],
            trigger_mode="always_last",
            api_visibility="private",
        )

    def _follow_language(self) -> None:
        """Translate the names of effects and of options' choices."""
        named = [
            (self.controls[effect.name][name], values)
            for effect in PAGE_EFFECTS
            for name in self.controls[effect.name]
            if (values := values_of(effect.options, name))
        ]

        def rename(language: Language) -> list[Any]:
            renamed = [gr.update(choices=choices(values, language)) for _, values in named]
            return [gr.update(choices=_names(language)), *renamed]

        self._stage.language.change(
            rename,
            inputs=self._stage.language,
            outputs=[self.choice, *(control for control, _ in named)],
            show_progress="hidden",
            api_visibility="private",
        )

    def _offer(self, button: gr.Button, suffix: str, settings: Sequence[Component]) -> None:
        """Create a file when its button is pressed, then start the download in the browser."""

        async def make(visit: EffectVisit, _: Language, *values: Any) -> Any:
            return await self._events.download(visit, suffix, *values)

        button.click(
            show_errors(make, at_error=lambda *_: None),
            inputs=[self.visit, self._stage.language, *settings],
            outputs=self.file,
            concurrency_limit=1,
            concurrency_id="effect-files",
            show_progress="minimal",
            show_progress_on=button,
            api_visibility="private",
        ).then(None, js=download_js("nf-effect-file"))


def _changed(control: Any) -> Callable[..., Any]:
    """Return the event of a control for a complete new value."""
    name = "input"
    if isinstance(control, gr.Slider):
        name = "release"
    elif isinstance(control, gr.Textbox):
        name = "blur"
    event: Callable[..., Any] = getattr(control, name)
    return event


def _names(language: Language) -> list[tuple[str, str]]:
    return [(say(f"effect.name.{effect.name}", language), effect.name) for effect in PAGE_EFFECTS]
