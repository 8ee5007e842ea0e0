import asyncio
import logging
from typing import Any

import pytest

from nearfar.errors import (
    CheckpointError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    MissingExtraError,
)
from nearfar.web.i18n.texts import say
from nearfar.web.points import Visit
from nearfar.web.show_errors import PageError, sentence, show_errors


@pytest.mark.parametrize("language", ["en", "zh"])
def test_errors_are_said_in_the_language(language: Any) -> None:
    error = ImageTooLargeError("<bytes>: 9 x 9 are more than 3 pixels")
    assert sentence(error, language) == say("error.ImageTooLargeError", language)
    assert sentence(CorruptImageError("x"), language) == say("error.CorruptImageError", language)
    assert sentence(PageError("error.points", most=9), language).count("9") == 1


def test_the_class_above_speaks_for_those_below() -> None:
    class OddImageError(ImageError):
        pass

    assert sentence(OddImageError("x"), "zh") == say("error.ImageError", "zh")


def test_without_a_text_the_english_line_is_shown() -> None:
    assert sentence(CheckpointError("<bytes>: foreign names"), "zh") == "foreign names"
    extra = MissingExtraError("pillow_heif is not installed: pip install 'nearfar[heif]'")
    assert "nearfar[heif]" in sentence(extra, "zh")


def test_what_nobody_foresaw_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_visit: Visit, _language: str) -> None:
        raise RuntimeError("secret path /etc")

    safe = show_errors(handler, at_error=lambda *_: "as before")
    with (
        caplog.at_level(logging.ERROR),
        pytest.warns(UserWarning, match=say("error.unexpected", "en")),
    ):
        assert asyncio.run(safe(Visit(), "en")) == "as before"  # type: ignore[arg-type] # a coroutine
    assert "secret" in caplog.text
