import string
from dataclasses import replace

import pytest

from nearfar import errors
from nearfar.config import OutputOptions
from nearfar.imaging.colormaps import COLORMAPS
from nearfar.models.catalog import AUTO, CATALOG
from nearfar.web.components import model_choices
from nearfar.web.controls import PAGE_EFFECTS, label_key, offered, page_options
from nearfar.web.downloads import DOWNLOADS
from nearfar.web.i18n.texts import LANGUAGES, TEXTS, say


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
    own = {
        "unexpected",
        "gone",
        "nophoto",
        "point",
        "points",
        "metres",
        "twopoints",
        "option",
        "number",
    }
    classes = {key.removeprefix("error.") for key in TEXTS if key.startswith("error.")} - own
    assert all(issubclass(getattr(errors, name), errors.NearfarError) for name in classes)


def test_every_option_and_download_has_a_text() -> None:
    assert {f"option.{name}" for name in page_options()} <= TEXTS.keys()
    assert {each.label_key for each in DOWNLOADS} <= TEXTS.keys()
    assert OutputOptions().colormap in COLORMAPS


def test_every_effect_has_a_text_and_so_has_each_of_its_options() -> None:
    names = {f"effect.name.{effect.name}" for effect in PAGE_EFFECTS}
    labels = {
        label_key(each.name, effect.name)
        for effect in PAGE_EFFECTS
        for each in offered(effect.options)
    }
    lacking = (names | labels) - TEXTS.keys()
    assert not lacking, f"web/i18n/effects.py lacks {lacking}"


def test_every_model_of_the_table_has_a_sentence_and_so_has_every_purpose() -> None:
    names = {name for order in AUTO.values() for name in order}
    int8 = {row.int8 for row in CATALOG if row.int8}
    assert {f"model.about.{name}" for name in names | int8} <= TEXTS.keys()
    assert {f"model.auto.{purpose}" for purpose in AUTO} <= TEXTS.keys()


@pytest.mark.parametrize(
    ("language", "first", "about"),
    [
        ("en", "Automatic: the lightest", "nearfar-lite: light and fast, for clips"),
        ("zh", "自动：", "nearfar-lite：轻而快"),
    ],
)
def test_models_are_offered_with_a_sentence_each(language: str, first: str, about: str) -> None:
    chosen = next(each for each in LANGUAGES if each == language)
    lite = next(row for row in CATALOG if row.name == "nearfar-lite")
    own = replace(lite, name="auto.photo", size_bytes=2_000_000)
    rows = model_choices((lite, own), "stream", chosen)
    assert [name for _, name in rows] == ["auto", "nearfar-lite", "auto.photo"]
    assert rows[0][0].startswith(first)
    assert rows[1][0].startswith(about)
    assert rows[1][0].endswith(" MB)")
    assert rows[2][0] == "auto.photo (2.0 MB)", "of one's own nothing is known"


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
