"""Ten things that a newcomer does with the page, one after the other, in one visit."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from nearfar.depth import MetricDepth, read_depth
from nearfar.web.i18n.texts import say
from tests.browser import ServiceProcess, browsing, playing, service_process, visiting
from tests.picturefiles import noise, saved

WAIT_MS = 40_000
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PHOTO = "#nf-source input[type=file]"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        with service_process(page=True) as service:
            yield service


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with (
        playing() as player,
        browsing(player, *WEBGL) as browser,
        browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}) as context,
    ):
        yield context


def _tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=say(f"common.tab.{name}", "en"), exact=True).click()


def _field(page: Page, place: str) -> str:
    return f"{place} textarea, {place} input"


@pytest.mark.slow
def test_ten_things_that_a_newcomer_does(
    context: BrowserContext, service: ServiceProcess, tmp_path: Path
) -> None:
    with visiting(context, service, wait_ms=WAIT_MS) as page:
        facts, points = page.locator("#nf-facts"), page.locator("#nf-points li")

        # 1: upload after an example
        page.click("#nf-example-pet")
        expect(facts).to_contain_text("map 451 × 300")
        page.set_input_files(PHOTO, EXAMPLES / "street.jpg")
        expect(facts).to_contain_text("map 768 × 512")

        # 2: paste
        page.evaluate(
            """bytes => { const moved = new DataTransfer();
            moved.items.add(new File([new Uint8Array(bytes)], "a.png", {type: "image/png"}));
            document.body.dispatchEvent(
                new ClipboardEvent("paste", {bubbles: true, clipboardData: moved})); }""",
            list(saved(noise(64, 96), "PNG")),
        )
        expect(facts).to_contain_text("map 96 × 64")

        # 3: click, and read metres
        page.click("#nf-example-street")
        expect(facts).to_contain_text("map 768 × 512")
        picture = page.locator("#nf-photo img")
        for count, (x, y) in enumerate(((60, 60), (400, 300)), start=1):
            picture.click(position={"x": x, "y": y})
            expect(points).to_have_count(count)
        page.fill(_field(page, "#nf-first"), "9")
        page.fill(_field(page, "#nf-second"), "2")
        page.click("#nf-calibrate")
        expect(points.first).to_contain_text("9.00 m")

        # 4: download EXR
        with page.expect_download() as download:
            page.click("#nf-get-exr")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert isinstance(read_depth(path), MetricDepth)

        # 5: a wrong file loses nothing
        (tmp_path / "a.jpg").write_text("no picture")
        page.set_input_files(PHOTO, tmp_path / "a.jpg")
        toast = page.get_by_test_id("toast-body")
        expect(toast).to_contain_text(say("error.NotAnImageError", "en"))
        expect(points).to_have_count(2)

        # 6: a slider by the keyboard alone
        _tab(page, "effects")
        result = page.locator("#nf-effect-picture img")
        expect(result).to_be_visible()
        before = str(result.get_attribute("src"))
        page.locator("#nf-effect-bokeh-aperture input[type=range]").focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        expect(result).not_to_have_attribute("src", before)

        # 7: look around in 3D
        _tab(page, "scene")
        viewer = page.frame_locator("iframe.nf-scene").locator("canvas")
        expect(viewer).to_have_attribute("data-ready", "yes")
        viewer.hover(position={"x": 40, "y": 60})

        # 8: a cut-out of the example clip
        _tab(page, "video")
        name = say("effect.name.cutout", "en")
        page.locator("#nf-video-kind").get_by_label(name, exact=True).check(force=True)
        page.click("#nf-video-sample")
        expect(page.locator("#nf-video-progress")).to_contain_text(re.compile(r"of 75 frames"))
        page.click("#nf-video-cancel")
        expect(page.locator("#nf-video-start")).to_be_visible()

        # 9: Chinese, with the photo and the tab kept
        _tab(page, "depth")
        page.click("#nf-language label:has-text('中文')")
        expect(page.get_by_role("button", name=say("photo.choose", "zh"))).to_be_visible()
        expect(facts).to_contain_text("深度图 768 × 512")

        # 10: the width of a phone
        page.set_viewport_size({"width": 390, "height": 844})
        expect(page.locator("#nf-compare img").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
