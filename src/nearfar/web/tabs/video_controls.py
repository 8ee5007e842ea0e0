"""The options of a clip as components, and their values as the description of a job."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, get_args

import gradio as gr
from gradio.components import Component

from nearfar.config import EstimateOptions, ImageLimits, Options, OutputOptions
from nearfar.effects.frames import FRAME_EFFECTS, for_each_frame
from nearfar.video.pipeline import ClipOrder, VideoOptions
from nearfar.video.renderers import ShowName, show, show_effect
from nearfar.web.components import model_choice
from nearfar.web.controls import controls, effect_controls, offered, read_controls, read_effect
from nearfar.web.i18n.texts import TEXTS, Language, say
from nearfar.web.tabs.base import Stage

SHOWS: Final[tuple[ShowName, ...]] = get_args(ShowName)
KINDS: Final = ("side", "color", *FRAME_EFFECTS, *(each for each in SHOWS[2:]))
"""Kinds of result of a clip, in the order of the page; the first is the default."""

COLORED: Final = frozenset({"color", "side"})
PREFIX: Final = "nf-video"

_COLORMAP: Final = "colormap"


def video_options() -> set[str]:
    """Return the names of the options for every clip on the page."""
    names = (*(each.name for kind in (EstimateOptions, VideoOptions) for each in fields(kind)),)
    return {name for name in (*names, _COLORMAP) if f"option.{name}" in TEXTS}


def kinds(language: Language) -> list[tuple[str, str]]:
    """Return labels and names of the kinds of result."""
    return [(_kind(kind, language), kind) for kind in KINDS]


def _kind(kind: str, language: Language) -> str:
    return say(f"video.show.{kind}" if kind in SHOWS else f"effect.name.{kind}", language)


@dataclass(frozen=True)
class ClipControls:
    """The components.

    Attributes:
        following: of `VideoOptions`, by name.
        colormap: of the kinds in `COLORED`.
        model: its name.
        estimating: of `EstimateOptions`, by name.
        effects: of each effect, by name.
        columns: of the components of one kind, by its name.
    """

    following: dict[str, Any]
    colormap: Any
    model: Any
    estimating: dict[str, Any]
    effects: dict[str, dict[str, Component]]
    columns: dict[str, Any]

    @classmethod
    def make(cls, stage: Stage) -> "ClipControls":
        """Create a component for every option."""
        book = stage.book
        columns, effects = {}, {}
        with gr.Column(elem_classes="nf-options") as colored:
            looks = controls(OutputOptions, book, [_COLORMAP], prefix=PREFIX)
        for name, effect in FRAME_EFFECTS.items():
            columns[name] = gr.Column(visible=False, elem_classes="nf-options")
            with columns[name]:
                effects[name] = effect_controls(effect, book, PREFIX)
        with gr.Row():
            following = controls(VideoOptions, book, prefix=PREFIX)
        with book.make(gr.Accordion, {"label": "video.options"}, open=False):
            model = model_choice(stage, "stream", f"{PREFIX}-model")
            estimating = controls(EstimateOptions, book, prefix=PREFIX)
        columns |= dict.fromkeys(COLORED, colored)
        return cls(following, looks[_COLORMAP], model, estimating, effects, columns)

    @property
    def all(self) -> list[Any]:
        """All components, in the order of the arguments of `read_order`."""
        effects = [each for made in self.effects.values() for each in made.values()]
        common = [*self.following.values(), self.colormap, self.model, *self.estimating.values()]
        return [*common, *effects]


def read_order(kind: str, values: Sequence[Any], limits: ImageLimits) -> ClipOrder:
    """Create the description of a job from the components' values.

    Raises:
        NearfarError: a value is invalid.
    """
    given = iter(values)
    following = read_controls(VideoOptions, _of(VideoOptions, given))
    colormap, model = next(given), next(given)
    estimating = read_controls(EstimateOptions, _of(EstimateOptions, given))
    own: list[Any] = []
    for name, each in FRAME_EFFECTS.items():
        held = _of(each.options, given)
        own = held if name == kind else own
    if effect := FRAME_EFFECTS.get(kind):
        made = show_effect(for_each_frame(effect, read_effect(effect, own, limits)))
    else:
        made = show(next(each for each in SHOWS if each == kind), colormap)
    return ClipOrder(kind, made, following, estimating, model)


def _of(kind: type[Options], values: Iterator[Any]) -> list[Any]:
    return [next(values) for _ in offered(kind)]
