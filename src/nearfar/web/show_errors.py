"""Show errors as one line of text."""

import functools
import html
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import gradio as gr

from nearfar.errors import NearfarError
from nearfar.web.i18n.texts import TEXTS, Language, say

FAULTS: Final = logging.getLogger("nearfar.page")
SHOWN_S: Final = 8.0


class PageError(NearfarError):
    """An error of the page: a key of its texts, and the values of the placeholders."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def sentence(error: Exception, language: Language) -> str:
    """Return the message of an error.

    It is the text of the error's class or its nearest base class; without one, the error's own
    message in English.
    """
    if isinstance(error, PageError):
        return say(error.key, language, **error.values)
    if not isinstance(error, NearfarError):
        return say("error.unexpected", language)
    for kind in type(error).__mro__:
        if (key := f"error.{kind.__name__}") in TEXTS:
            return say(key, language)
    return str(error).removeprefix("<bytes>: ")


def show_error(error: Exception, language: Language) -> None:
    """Show an error; unexpected ones are also logged."""
    if not isinstance(error, NearfarError):
        FAULTS.error("the page failed", exc_info=error)
    gr.Warning(html.escape(sentence(error, language)), duration=SHOWN_S)


def show_errors(
    handler: Callable[..., Awaitable[Any]], *, at_error: Callable[..., Any] | None = None
) -> Callable[..., Awaitable[Any]]:
    """Wrap a handler so that its errors are shown instead of raised.

    Args:
        handler: its first two arguments are the visit and the language.
        at_error: function from visit and language to the outputs after an error; default:
            unchanged.
    """

    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return await handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
            show_error(error, args[1])
            return gr.skip() if at_error is None else at_error(args[0], args[1])

    return wrapped
