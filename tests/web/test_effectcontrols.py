"""Options of effects as components, and back."""

from dataclasses import fields
from typing import Any

import gradio as gr
import pytest

from nearfar.effects import EFFECTS, Effect, find
from nearfar.effects._render.fonts import chinese_font, is_latin
from nearfar.io.images import DEFAULT_LIMITS
from nearfar.web.controls import (
    effect_controls,
    label_key,
    offered,
    places,
    read_effect,
    values_of,
)
from nearfar.web.gradio_app import in_a_loop
from nearfar.web.i18n.components import Phrasebook
from nearfar.web.i18n.texts import TEXTS
from nearfar.web.show_errors import PageError
from nearfar.web.tabs.effect_result import MOST_FRAMES, show
from nearfar.web.tabs.scene_result import SceneSettings, show_scene
from tests.web.made import result


def controls(effect: Effect[Any, Any]) -> dict[str, Any]:
    def build() -> dict[str, Any]:
        with gr.Blocks():
            return effect_controls(effect, Phrasebook())

    return in_a_loop(build)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_every_option_has_a_component_a_label_and_its_default(effect: Effect[Any, Any]) -> None:
    made = controls(effect)
    assert set(made) == {each.name for each in fields(effect.options)} - {"font"}
    assert f"effect.name.{effect.name}" in TEXTS
    if places(effect.options):
        assert f"effect.click.{effect.name}" in TEXTS
    for each in offered(effect.options):
        assert label_key(each.name, effect.name) in TEXTS
        assert made[each.name].value == each.default
        assert all(
            f"effect.value.{value}" in TEXTS for value in values_of(effect.options, each.name)
        )
        if isinstance(made[each.name], gr.Slider):
            assert made[each.name].minimum <= each.default <= made[each.name].maximum
    defaults = [each.default for each in offered(effect.options)]
    options = read_effect(effect, defaults, DEFAULT_LIMITS)
    assert options == effect.options(**dict(zip(made, defaults, strict=True)))


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_every_effect_is_shown(effect: Effect[Any, Any]) -> None:
    shown = show(effect, result(), effect.options())
    assert sum(each is not None for each in (shown.picture, shown.clip, shown.sound)) == 1
    assert shown.suffixes


def read(name: str, **given: Any) -> Any:
    effect = find(name)
    values = [given.get(each.name, each.default) for each in offered(effect.options)]
    return read_effect(effect, values, DEFAULT_LIMITS)


def test_values_are_read_as_components_give_them() -> None:
    assert read("bokeh", focus_x="0,25", focus_y="").focus_x == 0.25
    assert read("relight", color="rgba(255, 16.2, 0, 1)").color == "#ff1000"
    assert read("fog", color="").color is None
    assert read("bokeh", blades=6.0).blades == 6


@pytest.mark.parametrize(
    ("name", "given", "key"),
    [
        ("bokeh", {"focus_x": "left"}, "error.number"),
        ("bokeh", {"focus_x": "3"}, "error.option"),
        ("cutout", {"background": "photo"}, "effect.error.nobackground"),
    ],
)
def test_what_makes_no_sense_has_a_text(name: str, given: dict[str, Any], key: str) -> None:
    with pytest.raises(PageError) as caught:
        read(name, **given)
    assert caught.value.key == key


def test_chinese_letters_get_a_font_or_a_sentence() -> None:
    assert is_latin("Grüße, 12 %")
    assert not is_latin("你好")
    assert read("sticker", text="Hello").font is None
    if chinese_font() is None:
        with pytest.raises(PageError, match="nofont"):
            read("sticker", text="你好")
    else:
        assert read("sticker", text="你好").font == chinese_font()


def test_clips_have_an_end() -> None:
    with pytest.raises(PageError, match="longclip"):
        show(find("parallax"), result(), read("parallax", seconds=30, fps=60))
    assert MOST_FRAMES < 30 * 60


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        (("5", "1", "", 0, ""), "scene.error.range"),
        (("9", "", "", 0, ""), "scene.error.range"),
        (("0", "", "", 0, ""), "error.option"),
        (("", "", "", 0, "200"), "error.option"),
        (("a", "", "", 0, ""), "error.number"),
        (("nan", "", "", 0, ""), "error.option"),
        (("1", "2", "1.5", 0, ""), "error.option"),
    ],
)
def test_scene_settings_that_make_no_sense(typed: tuple[Any, ...], key: str) -> None:
    with pytest.raises(PageError) as caught:
        SceneSettings.read(False, *typed, 75, 1)
    assert caught.value.key == key


def test_scene_says_what_its_metres_and_its_lens_are() -> None:
    scene = show_scene(result(), SceneSettings.read(False, "2", "4", "", 0, "50", 90, 1))
    assert (scene.near_m, scene.far_m, scene.basis) == (2, 4, "range")
    assert (round(scene.fov_deg), scene.lens) == (50, "given")


def test_scene_can_be_turned_all_the_way_round_on_request() -> None:
    bounded, free = (
        show_scene(result(), SceneSettings.read(is_free, "", "", "", 0, "", 90, 1)).html
        for is_free in (False, True)
    )
    assert bounded != free
    assert len(bounded) == pytest.approx(len(free), abs=20), "one number differs"


def test_scene_says_when_its_lens_is_assumed() -> None:
    assert show_scene(result(), SceneSettings()).lens == "assumed"
