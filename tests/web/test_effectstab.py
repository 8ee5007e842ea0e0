"""The tabs Effects and 3D in a real browser, with the real service behind them."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import PIL.Image
import pytest
import soundfile
import trimesh
from playwright.sync_api import BrowserContext, Page, expect

from nearfar.web.i18n.texts import say
from tests.browser import ServiceProcess, browsing, playing, service_process, visiting

WAIT_MS = 40_000
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        with service_process(page=True) as service:
            yield service


@pytest.fixture(scope="module")
def context(service: ServiceProcess) -> Iterator[BrowserContext]:
    with (
        playing() as player,
        browsing(player, *WEBGL) as browser,
        browser.new_context(
            locale="en-GB", viewport={"width": 1440, "height": 1000}, accept_downloads=True
        ) as context,
    ):
        yield context


@pytest.fixture
def visit(context: BrowserContext, service: ServiceProcess) -> Iterator[Page]:
    with visiting(context, service, wait_ms=WAIT_MS) as page:
        yield page


def open_tab(page: Page, key: str) -> None:
    page.get_by_role("tab", name=say(key, "en"), exact=True).click()


def choose(page: Page, name: str) -> None:
    page.locator("#nf-effect").get_by_label(say(f"effect.name.{name}", "en"), exact=True).check(
        force=True
    )


def source(page: Page, place: str) -> str:
    found = page.locator(place).get_attribute("src")
    assert found
    return found


def wait_for_another(page: Page, place: str, before: str) -> str:
    expect(page.locator(place)).not_to_have_attribute("src", before)
    return source(page, place)


def taken(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.locator(button).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


RESULT = "#nf-effect-picture img"


def test_photo_effect_click_slider_and_download(visit: Page) -> None:
    open_tab(visit, "common.tab.effects")
    visit.locator("#nf-source input[type=file]").set_input_files(EXAMPLES / "street.jpg")
    first = source(visit, RESULT)

    picture = visit.locator("#nf-effect-photo img")
    picture.click(position={"x": 60, "y": 200})
    clicked = wait_for_another(visit, RESULT, first)
    left = visit.locator("#nf-effect-bokeh-focus_x").get_by_role("textbox")
    expect(left).not_to_have_value("")
    assert 0 < float(left.input_value()) < 0.4

    slider = visit.locator("#nf-effect-bokeh-aperture input[type=range]")
    slider.focus()
    visit.evaluate(
        "place => { const slider = document.querySelector(place); slider.value = 6;"
        "slider.dispatchEvent(new Event('input', {bubbles: true}));"
        "slider.dispatchEvent(new PointerEvent('pointerup', {bubbles: true})); }",
        "#nf-effect-bokeh-aperture input[type=range]",
    )
    wait_for_another(visit, RESULT, clicked)

    name, content = taken(visit, "#nf-effect-get-jpg")
    assert name == "street-bokeh.jpg"
    with PIL.Image.open(io.BytesIO(content)) as made, PIL.Image.open(EXAMPLES / "street.jpg") as it:
        assert made.size == it.size


def test_clip_sound_and_plan(visit: Page) -> None:
    open_tab(visit, "common.tab.effects")
    choose(visit, "stereo")
    visit.locator("#nf-example-pet").click()
    expect(visit.locator(RESULT)).to_be_visible()
    expect(visit.locator("#nf-effect-get-wav")).to_be_hidden()

    choose(visit, "sonify")
    expect(visit.locator("#nf-effect-words")).to_contain_text("ahead: ")
    name, content = taken(visit, "#nf-effect-get-wav")
    assert name == "pet-sonify.wav"
    assert soundfile.info(io.BytesIO(content)).channels == 2

    choose(visit, "navigate")
    expect(visit.locator("#nf-effect-values")).to_contain_text("sectors")
    expect(visit.locator(RESULT)).to_be_visible()

    choose(visit, "parallax")
    video = visit.locator("#nf-effect-clip video")
    expect(video).to_be_visible()
    visit.wait_for_function("() => document.querySelector('#nf-effect-clip video').videoWidth > 0")
    assert video.evaluate("video => video.videoWidth") == 452
    name, content = taken(visit, "#nf-effect-get-mp4")
    assert name == "pet-parallax.mp4"
    with av.open(io.BytesIO(content)) as clip:
        assert clip.streams.video[0].frames == 100


def test_what_makes_no_sense_is_told_in_the_language_of_the_page(visit: Page) -> None:
    visit.locator("#nf-language label").nth(1).click()
    expect(visit.get_by_role("button", name=say("photo.choose", "zh"))).to_be_visible()
    visit.get_by_role("tab", name=say("common.tab.effects", "zh"), exact=True).click()
    visit.locator("#nf-example-pet").click()
    expect(visit.locator(RESULT)).to_be_visible()
    field = visit.locator("#nf-effect-bokeh-focus_nearness").get_by_role("textbox")
    field.fill("near")
    field.blur()
    expect(visit.locator("[data-testid=toast-body]")).to_contain_text("不是数字")
    expect(visit.locator("#nf-effect")).to_contain_text(say("effect.name.fog", "zh"))


def test_scene_is_seen_and_taken_home(visit: Page) -> None:
    open_tab(visit, "common.tab.scene")
    visit.locator("#nf-example-indoor").click()
    facts = visit.locator("#nf-scene-facts")
    expect(facts).to_contain_text("nearest point at 1 m, farthest at 5 m")
    viewer = visit.frame_locator("iframe.nf-scene").locator("canvas")
    expect(viewer).to_be_visible()
    expect(viewer).to_have_attribute("data-ready", "yes")

    far = visit.locator("#nf-scene-far_m").get_by_role("textbox")
    far.fill("8")
    far.press("Enter")
    expect(facts).to_contain_text("farthest at 8 m")
    name, content = taken(visit, "#nf-scene-get-html")
    assert name == "indoor-photo3d.html"
    assert content.startswith(b"<!DOCTYPE html>")

    name, content = taken(visit, "#nf-scene-get-glb")
    assert name == "indoor-mesh.glb"
    mesh: Any = trimesh.load(io.BytesIO(content), file_type="glb")
    depths = -mesh.to_geometry().vertices[:, 2]
    assert depths.min() == pytest.approx(1, abs=0.1)
    assert (
        4 < depths.max() <= 8.2
    )  # the background carried on behind edges may lie a little farther
    name, content = taken(visit, "#nf-scene-get-cloud")
    assert name == "indoor-cloud.ply"
    cloud: Any = trimesh.load(io.BytesIO(content), file_type="ply")
    assert len(cloud.vertices) > 10_000
