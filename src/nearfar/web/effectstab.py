"""The Effects tab: a photo, an effect with its options, and what it makes, at once."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import gradio as gr
from gradio.components import Component

from nearfar.effects import EFFECTS
from nearfar.web.effectcontrols import choices, make_controls, places, values_of
from nearfar.web.effectevents import OUTPUTS, SUFFIXES, EffectEvents, EffectVisit
from nearfar.web.notices import told
from nearfar.web.parts import (
    download_buttons,
    download_js,
    example_buttons,
    heading,
    hidden_file,
    nothing_yet,
    photo_input,
    quiet,
)
from nearfar.web.phrasebook import Phrasebook
from nearfar.web.tab import Stage
from nearfar.web.texts import Language, say

HEIGHT_PX: Final = 440
_FIRST: Final = EFFECTS[0]


def build(stage: Stage) -> None:
    """Build the tab."""
    _EffectsTab(stage).wire()


class _EffectsTab:
    """Its components, by what they are for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._events = EffectEvents(stage.door, stage.limits)
        self.visit = gr.State(EffectVisit())
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self._build_input(stage.book)
            with gr.Column(scale=6, min_width=300):
                self._build_output(stage.book)

    def _build_input(self, book: Phrasebook) -> None:
        self.choice = book.make(
            gr.Radio,
            {"label": "effect.choice"},
            choices=_names("en"),
            value=_FIRST.name,
            elem_id="nf-effect",
        )
        self.photo = photo_input(book, "nf-effect-photo", "effect.photo.alt", HEIGHT_PX)
        self.hints = {
            effect.name: book.make(
                gr.HTML,
                {"value": quiet(f"effect.click.{effect.name}")},
                padding=False,
                visible=effect is _FIRST,
            )
            for effect in EFFECTS
            if places(effect)
        }
        self.examples = example_buttons(book, "nf-effect-example")

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
        self.columns: dict[str, gr.Column] = {}
        self.controls: dict[str, dict[str, Component]] = {}
        for effect in EFFECTS:
            column = gr.Column(visible=effect is _FIRST, elem_classes="nf-options")
            with column:
                self.controls[effect.name] = make_controls(effect, book)
            self.columns[effect.name] = column
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
        """Say what happens when."""
        events = self._events
        every = [each for controls in self.controls.values() for each in controls.values()]
        settings = [self.choice, *every]
        self._on(
            self.photo.input, told(events.take, at_error=events.forgotten), [self.photo, *settings]
        )
        for name, button in self.examples.items():
            self._on(button.click, told(events.take_example(name)), settings)
        self.choice.input(
            lambda chosen: [
                gr.update(visible=name == chosen) for name in (*self.columns, *self.hints)
            ],
            inputs=self.choice,
            outputs=[*self.columns.values(), *self.hints.values()],
            show_progress="hidden",
            api_visibility="private",
        )
        self._on(self.choice.input, told(events.choose), settings)
        self._on(self.photo.select, told(events.click), settings, more=every)
        for effect in EFFECTS:
            controls = list(self.controls[effect.name].values())
            for control in controls:
                self._on(_changed(control), told(events.change(effect)), controls)
        self._on(self._stage.language.change, told(events.retell), [])
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
        """Wire one event: the handler gets visit, language and values."""
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
        """Name the effects, and the values of options that are choices."""
        named = [
            (self.controls[effect.name][name], values)
            for effect in EFFECTS
            for name in self.controls[effect.name]
            if (values := values_of(effect, name))
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
        """Make a file when its button is pressed, then have the browser take it."""

        async def make(visit: EffectVisit, _: Language, *values: Any) -> Any:
            return await self._events.download(visit, suffix, *values)

        button.click(
            told(make, at_error=lambda *_: None),
            inputs=[self.visit, self._stage.language, *settings],
            outputs=self.file,
            concurrency_limit=1,
            concurrency_id="effect-files",
            show_progress="minimal",
            show_progress_on=button,
            api_visibility="private",
        ).then(None, js=download_js("nf-effect-file"))


def _changed(control: Any) -> Callable[..., Any]:
    """Give the event by which a control tells of a new value, once that is whole."""
    name = "input"
    if isinstance(control, gr.Slider):
        name = "release"
    elif isinstance(control, gr.Textbox):
        name = "blur"
    event: Callable[..., Any] = getattr(control, name)
    return event


def _names(language: Language) -> list[tuple[str, str]]:
    return [(say(f"effect.name.{effect.name}", language), effect.name) for effect in EFFECTS]
