"""The page in a real browser, with the real service behind it."""

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect

from nearfar.depth import DepthMap, MetricDepth, read_depth
from nearfar.io.images import read_image
from nearfar.web.i18n.texts import say
from tests.browser import ServiceProcess, browsing, playing, service_process
from tests.picturefiles import noise, saved

WAIT_MS = 30_000
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
expect.set_options(timeout=WAIT_MS)
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def player() -> Iterator[Playwright]:
    with playing() as player:
        yield player


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        with service_process(page=True) as service:
            yield service


@pytest.fixture(scope="module")
def browser(player: Playwright) -> Iterator[Browser]:
    with browsing(player, *FAKE_CAMERA) as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all visitors who speak English, so that Gradio's files are fetched once."""
    with browser.new_context(
        locale="en-GB", viewport={"width": 1440, "height": 900}, accept_downloads=True
    ) as context:
        yield context


@pytest.fixture
def visit(context: BrowserContext, service: ServiceProcess) -> Iterator[Page]:
    """A visitor who speaks English; errors in the page, and requests elsewhere, fail the test."""
    page = context.new_page()
    yield from _visited(page, service)
    page.evaluate("localStorage.clear()")
    page.close()


@pytest.fixture
def phone(browser: Browser, service: ServiceProcess) -> Iterator[Page]:
    """A visitor who speaks Chinese, on a small screen in the dark."""
    with browser.new_context(
        locale="zh-CN", viewport={"width": 390, "height": 844}, color_scheme="dark"
    ) as context:
        page = context.new_page()
        yield from _visited(page, service)


def _visited(page: Page, service: ServiceProcess) -> Iterator[Page]:
    foreign: list[str] = []
    errors: list[str] = []
    page.set_default_timeout(WAIT_MS)
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((service.address, "data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(service.address)
    expect(page.locator("#nf-language input:checked")).to_have_count(1)
    yield page
    assert foreign == []
    assert errors == []


def _upload(page: Page, path: Path) -> None:
    page.set_input_files("#nf-source input[type=file]", path)


def _send(page: Page, name: str, content: bytes) -> None:
    page.set_input_files(
        "#nf-source input[type=file]",
        {"name": name, "mimeType": "image/jpeg", "buffer": content},
    )


def _hand_over(page: Page, way: str, name: str, content: bytes) -> None:
    """Drop or paste a file, as a browser reports it."""
    page.evaluate(
        """([way, name, bytes]) => {
            const moved = new DataTransfer();
            moved.items.add(new File([new Uint8Array(bytes)], name, {type: "image/jpeg"}));
            const options = {bubbles: true, cancelable: true};
            const event = way === "drop"
                ? new DragEvent("drop", {...options, dataTransfer: moved})
                : new ClipboardEvent("paste", {...options, clipboardData: moved});
            document.querySelector("#nf-header").dispatchEvent(event);
        }""",
        [way, name, list(content)],
    )


def _take_with_camera(page: Page) -> None:
    page.click("#nf-camera")
    page.locator(".nf-camera button.nf-primary:enabled").click()


def _open_map(page: Page) -> None:
    page.get_by_role("tab", name=say("depth.map", "en")).click()


def _shown(page: Page) -> Locator:
    """The sentence on the map that is shown, which states its size."""
    return page.locator("#nf-facts")


def _map(page: Page) -> Locator:
    return page.locator("#nf-map img")


def _click(picture: Locator, x: float, y: float) -> None:
    """Click at a place in shares of the picture's width and height."""
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": box["width"] * x, "y": box["height"] * y})


def _points(page: Page) -> Locator:
    return page.locator("#nf-points li")


def _save(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click(f"#nf-get-{name}")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_page_opens_with_an_example_and_upload_replaces_it(visit: Page, tmp_path: Path) -> None:
    expect(visit.locator("#nf-compare img").first).to_be_visible()
    expect(_shown(visit)).to_contain_text("map 768 × 512")
    _upload(visit, EXAMPLES / "pet.jpg")
    expect(_shown(visit)).to_contain_text(
        re.compile(
            r"nearfar-lite · [\d.]+ MB · input 288 × 192 · inference \d+ ms on onnxruntime"
            r" · map 451 × 300"
        )
    )
    _open_map(visit)
    shot = tmp_path / "map.png"
    _map(visit).screenshot(path=shot)
    pixels = read_image(shot).reshape(-1, 3).astype(int)
    warm = (pixels[:, 0] > 200) & (pixels[:, 2] < 120)
    assert len(np.unique(pixels // 16, axis=0)) > 50
    assert 0.02 < warm.mean() < 0.9


WAYS = ("upload", "drop", "paste", "camera", "example")


def _walk() -> list[str]:
    """Every way after every way, itself included: a closed walk along all arcs."""
    left = {way: list(WAYS) for way in WAYS}
    stack, walk = [WAYS[0]], []
    while stack:
        if left[stack[-1]]:
            stack.append(left[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]


def test_every_way_in_replaces_the_photo_of_every_other_way(visit: Page) -> None:
    walk = _walk()
    assert {*pairwise(walk)} == {(one, two) for one in WAYS for two in WAYS}
    expect(_shown(visit)).to_contain_text("map 768 × 512")
    examples = {"street": "768 × 512", "pet": "451 × 300"}
    for number, way in enumerate(walk):
        size_px = (96 + 8 * number, 64)
        photo, name = saved(noise(*size_px[::-1]), "JPEG"), f"photo-{number}.jpg"
        expected = f"map {size_px[0]} × {size_px[1]}"
        before = visit.locator("#nf-photo img").get_attribute("src")
        if way == "upload":
            _send(visit, name, photo)
        elif way == "camera":
            _take_with_camera(visit)
            expected = "map 1920 × 1080"
        elif way == "example":
            chosen = "pet" if "768" in _shown(visit).inner_text() else "street"
            visit.click(f"#nf-example-{chosen}")
            expected = f"map {examples[chosen]}"
        else:
            _hand_over(visit, way, name, photo)
        expect(_shown(visit)).to_contain_text(expected)
        expect(visit.locator("#nf-photo img")).not_to_have_attribute("src", str(before))


def test_the_photo_is_shared_by_the_tabs_and_survives_a_reload(visit: Page) -> None:
    _upload(visit, EXAMPLES / "pet.jpg")
    expect(_shown(visit)).to_contain_text("map 451 × 300")
    _click(visit.locator("#nf-photo img"), 0.5, 0.5)
    expect(_points(visit)).to_have_count(1)
    visit.get_by_role("tab", name=say("common.tab.effects", "en"), exact=True).click()
    expect(visit.locator("#nf-effect-picture img")).to_be_visible()
    assert visit.url.endswith("/#effects")
    visit.reload()
    expect(visit.locator("#nf-effect-picture img")).to_be_visible()
    visit.get_by_role("tab", name=say("common.tab.depth", "en"), exact=True).click()
    expect(_shown(visit)).to_contain_text("map 451 × 300")
    expect(_points(visit)).to_have_count(1)


def test_a_large_photo_is_scaled_down_by_the_browser_and_keeps_its_lens(visit: Page) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned
    exif.get_ifd(0x8769)[0xA405] = 26
    file = io.BytesIO()
    big = np.kron(noise(750, 1125), np.ones((4, 4, 1), np.uint8))
    PIL.Image.fromarray(big).save(file, "JPEG", quality=100, exif=exif)
    assert file.tell() > 4 * 2**20
    _send(visit, "big.jpg", file.getvalue())
    expect(_shown(visit)).to_contain_text("map 2731 × 4096")
    start = visit.evaluate(
        "async () => [...new Uint8Array(await document.querySelector('#nf-source input[type=file]')"
        ".files[0].slice(0, 2 ** 16).arrayBuffer())]"
    )
    with PIL.Image.open(io.BytesIO(bytes(start))) as sent:
        assert sent.size == (2731, 4096)
        assert sent.getexif().get_ifd(0x8769)[0xA405] == 26
        assert sent.getexif()[0x0112] == 1


def test_click_calibrate_and_download(visit: Page, tmp_path: Path) -> None:
    visit.click("#nf-example-street")
    expect(visit.locator("#nf-first")).to_be_hidden()
    _open_map(visit)
    expect(_map(visit)).to_be_visible()
    relative = read_depth(_save(visit, "png16", tmp_path))
    assert isinstance(relative, DepthMap)
    assert relative.size_px == (768, 512)

    _click(_map(visit), 0.9, 0.9)
    expect(_points(visit)).to_have_count(1)
    text = _points(visit).first.inner_text()
    shown = re.search(r"nearer than (\d+) % of the picture\s+nearness ([\d.]+)", text)
    assert shown is not None
    # the picture fills its frame, but for the letterbox: what is read is what the file says
    place = _place_of(visit, 0.9, 0.9)
    assert abs(int(shown[1]) - relative.percentile(*place)) < 3
    _click(visit.locator("#nf-photo img"), 0.5, 0.3)
    expect(_points(visit)).to_have_count(2)

    visit.fill("#nf-first textarea, #nf-first input", "2")
    visit.fill("#nf-second textarea, #nf-second input", "9,5 m")
    visit.click("#nf-calibrate")
    expect(_points(visit).first).to_contain_text("2.00 m")
    expect(_points(visit).nth(1)).to_contain_text("9.50 m")
    expect(visit.locator("#nf-points")).to_contain_text("Between points 1 and 2")
    expect(visit.locator("#nf-points")).to_contain_text("assuming a field of view of 60°")
    _click(_map(visit), 0.2, 0.8)
    expect(_points(visit).nth(2)).to_contain_text(re.compile(r"[\d.]+ m\s"))
    metric = read_depth(_save(visit, "exr", tmp_path))
    assert isinstance(metric, MetricDepth)
    assert metric.at(*place) == pytest.approx(2, rel=0.05)
    cloud = _save(visit, "cloud", tmp_path).read_bytes()
    assert cloud.startswith(b"ply")
    assert b"2 points of known distance" in cloud[:2000]

    visit.click("#nf-clear")
    expect(_points(visit)).to_have_count(0)


def _place_of(page: Page, x: float, y: float) -> tuple[int, int]:
    """The pixel of the 768 x 512 photo at a place of the map's frame, letterbox included."""
    box = _map(page).bounding_box()
    assert box is not None
    scale = min(box["width"] / 768, box["height"] / 512)
    left = (x - 0.5) * box["width"] / scale + 768 / 2
    top = (y - 0.5) * box["height"] / scale + 512 / 2
    return int(left), int(top)


def test_language_follows_the_switch_and_is_remembered(visit: Page) -> None:
    expect(visit.locator("#nf-name")).to_contain_text(say("common.claim", "en"))
    visit.click("#nf-example-pet")
    expect(_shown(visit)).to_contain_text("map 451 × 300")
    _click(visit.locator("#nf-photo img"), 0.5, 0.5)
    expect(_points(visit)).to_have_count(1)
    visit.click("#nf-language label:has-text('中文')")
    expect(visit.locator("#nf-name")).to_contain_text(say("common.claim", "zh"))
    expect(visit.get_by_role("button", name=say("photo.choose", "zh"))).to_be_visible()
    expect(visit.locator("#nf-facts")).to_contain_text("推理")
    expect(visit.locator("html")).to_have_attribute("lang", "zh-CN")
    visit.reload()
    expect(visit.locator("#nf-name")).to_contain_text(say("common.claim", "zh"))


def test_phone_speaks_the_browsers_language_and_fits(phone: Page) -> None:
    expect(phone.locator("#nf-name")).to_contain_text(say("common.claim", "zh"))
    expect(phone.locator("body")).to_have_class(re.compile("dark"))
    expect(phone.locator("#nf-compare img").first).to_be_visible()
    phone.click("#nf-example-portrait")
    expect(_shown(phone)).to_contain_text("512 × 512")
    expect(phone.locator("#nf-compare")).to_be_in_viewport()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.click("#nf-theme")
    expect(phone.locator("body")).not_to_have_class(re.compile("dark"))


def test_what_is_no_photo_is_said_in_one_line_and_loses_nothing(
    visit: Page, tmp_path: Path
) -> None:
    _upload(visit, EXAMPLES / "pet.jpg")
    expect(_shown(visit)).to_contain_text("map 451 × 300")
    text = tmp_path / "notes.jpg"
    text.write_text("no picture at all")
    _upload(visit, text)
    toast = visit.get_by_test_id("toast-body")
    expect(toast).to_contain_text(say("error.NotAnImageError", "en"))
    expect(toast).not_to_contain_text("Traceback")
    expect(_shown(visit)).to_contain_text("map 451 × 300")


def test_points_without_a_mouse_and_other_options(visit: Page) -> None:
    visit.click("#nf-example-pet")
    expect(_shown(visit)).to_contain_text("map 451 × 300")
    visit.get_by_role("button", name=say("depth.typed", "en")).click()
    typed = visit.locator("#nf-typed textarea, #nf-typed input")
    typed.fill("200, 150")
    typed.press("Enter")
    expect(_points(visit)).to_have_count(1)
    typed.fill("9000, 150")
    typed.press("Enter")
    toast = visit.get_by_test_id("toast-body")
    expect(toast).to_contain_text(say("error.PointError", "en"))
    compared = visit.locator("#nf-compare img").nth(1)
    before = compared.get_attribute("src")
    visit.get_by_role("button", name=say("photo.options", "en")).click()
    visit.get_by_label(say("option.refine", "en")).check()
    expect(compared).not_to_have_attribute("src", str(before))
    expect(_points(visit)).to_have_count(1)


def test_live_tab_shows_the_live_page(visit: Page) -> None:
    visit.get_by_role("tab", name=say("common.tab.live", "en"), exact=True).click()
    frame = visit.frame_locator("iframe[allow=camera]")
    expect(frame.get_by_role("button", name=say("live.start", "en"))).to_be_visible()
