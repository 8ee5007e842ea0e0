"""Show errors as one friendly line."""

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
    """Something only the page knows: its text is a key of the texts, its gaps the values."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def sentence(error: Exception, language: Language) -> str:
    """Say what went wrong.

    The text of the error's class, or of the nearest class above it, is taken; where there is
    none, the error's own English line.
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
    """Show what went wrong; what nobody foresaw goes to the log as well."""
    if not isinstance(error, NearfarError):
        FAULTS.error("the page failed", exc_info=error)
    gr.Warning(html.escape(sentence(error, language)), duration=SHOWN_S)


def show_errors(
    handler: Callable[..., Awaitable[Any]], *, at_error: Callable[..., Any] | None = None
) -> Callable[..., Awaitable[Any]]:
    """Have a handler's errors told instead of raised.

    Args:
        handler: its first two arguments are the visit and the language.
        at_error: gives what the outputs become, of visit and language; they stay as they are
            when not given.
    """

    @functools.wraps(handler)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return await handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
            show_error(error, args[1])
            return gr.skip() if at_error is None else at_error(args[0], args[1])

    return wrapped
