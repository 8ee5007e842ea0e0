"""Components whose texts follow the language."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from nearfar.web.i18n.texts import LANGUAGES, TEXTS, Language, say

B = TypeVar("B", bound=Block)
Phrase = str | Callable[[Language], str]
"""A key of `TEXTS`, or a function from a language to a text or HTML."""


class Phrasebook:
    """Creates components whose texts follow the language of the page.

    The browser reads the texts from `i18n`. A change of the language reloads the page.
    """

    def __init__(self) -> None:
        self._made: dict[str, Callable[[Language], str]] = {}

    def make(self, kind: Callable[..., B], phrases: Mapping[str, Phrase], **options: Any) -> B:
        """Create a component.

        Args:
            kind: its class.
            phrases: property of the component -> its text.
            options: its other arguments.
        """
        first = {name: I18nData(self._key(phrase)) for name, phrase in phrases.items()}
        return kind(**first, **options)

    def i18n(self) -> gr.I18n:
        """Return all texts, for the browser."""
        return gr.I18n(
            **{
                language: {
                    **{key: say(key, language) for key in TEXTS},
                    **{key: make(language) for key, make in self._made.items()},
                }
                for language in LANGUAGES
            }
        )

    def _key(self, phrase: Phrase) -> str:
        if isinstance(phrase, str):
            return phrase
        key = f"made.{len(self._made)}"
        self._made[key] = phrase
        return key
