import string

import pytest

from nearfar import errors
from nearfar.choices import OutputOptions
from nearfar.colormaps import COLORMAPS
from nearfar.web.downloads import DOWNLOADS
from nearfar.web.options import page_options
from nearfar.web.texts import LANGUAGES, TEXTS, say


def _gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_has_both_languages() -> None:
    for key, text in TEXTS.items():
        for language in LANGUAGES:
            assert getattr(text, language).strip(), f"{key} says nothing in {language}"
        assert _gaps(text.en) == _gaps(text.zh), f"{key} has other gaps in the other language"


def test_chinese_is_chinese() -> None:
    names = {"EXR", "PFM", "TIFF", "NPY", "NPZ"}
    for key, text in TEXTS.items():
        is_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in text.zh)
        assert is_chinese or text.zh in names or text.zh == text.en, key


def test_texts_for_errors_are_of_real_classes() -> None:
    own = {"unexpected", "gone", "nophoto", "point", "points", "metres", "twopoints"}
    classes = {key.removeprefix("error.") for key in TEXTS if key.startswith("error.")} - own
    assert all(issubclass(getattr(errors, name), errors.NearfarError) for name in classes)


def test_every_option_and_download_has_a_text() -> None:
    assert {f"option.{name}" for name in page_options()} <= TEXTS.keys()
    assert {each.label_key for each in DOWNLOADS} <= TEXTS.keys()
    assert OutputOptions().colormap in COLORMAPS


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "nearer than 83 % of the picture"),
        ("zh", "比画面中 83% 的部分更近"),
    ],
)
def test_say_fills_the_gaps(language: str, text: str) -> None:
    chosen = next(each for each in LANGUAGES if each == language)
    assert say("depth.point.rank", chosen, percent=83) == text
