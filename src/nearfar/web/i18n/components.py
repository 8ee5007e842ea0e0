"""Components that change their language."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from nearfar.web.i18n.texts import LANGUAGES, TEXTS, Language, say

B = TypeVar("B", bound=Block)
Phrase = str | Callable[[Language], str]
"""A key of `TEXTS`, or what makes a text (HTML, say) in a language."""


class Phrasebook:
    """Makes components whose texts follow the language.

    The browser picks the first language by itself, from `i18n`, so nothing flickers; later
    changes, by the switch, are `updates` from the server.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[Block, dict[str, Phrase]]] = []
        self._made: dict[str, Callable[[Language], str]] = {}

    def make(self, kind: Callable[..., B], phrases: Mapping[str, Phrase], **options: Any) -> B:
        """Make a component.

        Args:
            kind: its class.
            phrases: property of the component -> what it says.
            options: its other arguments.
        """
        first = {name: I18nData(self._key(phrase)) for name, phrase in phrases.items()}
        block = kind(**first, **options)
        self._rows.append((block, dict(phrases)))
        return block

    @property
    def blocks(self) -> list[Block]:
        """The components that `updates` is for, in its order."""
        return [block for block, _ in self._rows]

    def updates(self, language: Language) -> list[dict[str, Any]]:
        """Say everything anew in a language."""
        return [
            {"__type__": "update"}
            | {name: _spoken(phrase, language) for name, phrase in phrases.items()}
            for _, phrases in self._rows
        ]

    def i18n(self) -> gr.I18n:
        """Give every text to the browser."""
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


def _spoken(phrase: Phrase, language: Language) -> str:
    return say(phrase, language) if isinstance(phrase, str) else phrase(language)
