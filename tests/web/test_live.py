import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Playwright, expect

from nearfar.imaging import colormaps
from nearfar.io.images import read_image
from nearfar.web.i18n.live import LIVE
from tests.browser import ServiceProcess, browsing, playing, service_process

WAIT_MS = 30_000
NUMBER = re.compile(r"\d")
RUNNING = "main[data-state=running]"
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
FRONT = Path(__file__).parent.parent.parent / "src" / "nearfar" / "web" / "live"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a camera that pans over a street and back, as Motion JPEG."""
    photo = cv2.resize(read_image(EXAMPLES / "street.jpg")[:, :, ::-1], (480, 320))
    path = tmp_path_factory.mktemp("clip") / "street.mjpeg"
    with path.open("wb") as file:
        for left in [*range(0, 160, 8), *range(160, 0, -8)]:
            frame = np.ascontiguousarray(photo[40:280, left : left + 320])
            file.write(cv2.imencode(".jpg", frame)[1].tobytes())
    return path


@pytest.fixture(scope="module")
def player() -> Iterator[Playwright]:
    with playing() as player:
        yield player


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        with service_process() as service:
            yield service


@pytest.fixture(scope="module")
def browser(player: Playwright, clip: Path) -> Iterator[Browser]:
    """A browser whose camera shows the clip."""
    source = f"--use-file-for-fake-video-capture={clip}"
    with browsing(player, *FAKE_CAMERA, source) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, service: ServiceProcess) -> Iterator[Page]:
    with opened(browser, service) as page:
        yield page


@contextmanager
def opened(
    browser: Browser, service: ServiceProcess, query: str = "", **profile: Any
) -> Iterator[Page]:
    """The live page in a new profile; its scripts must not fail."""
    errors: list[str] = []
    context = browser.new_context(**{"locale": "en-US", **profile})
    try:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{service.address}/live{query}")
        page.wait_for_selector("main[data-state=idle]")
        yield page
    finally:
        context.close()
    assert not errors


def start(page: Page) -> None:
    page.click("#toggle")
    page.wait_for_selector(RUNNING)


def frames(page: Page) -> int:
    return int(page.get_attribute("#canvas", "data-frames") or 0)


def wait_for_frames(page: Page, count: int) -> None:
    page.wait_for_function(
        "count => Number(document.getElementById('canvas').dataset.frames) >= count", arg=count
    )


def pixels(page: Page) -> NDArray[np.uint8]:
    """What the canvas shows, (height, width, 4) RGBA."""
    address = page.evaluate("document.getElementById('canvas').toDataURL('image/png')")
    data = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8)


def test_live_page_reaches_a_steady_frame_rate(page: Page) -> None:
    start(page)
    for _ in range(3):
        wait_for_frames(page, frames(page) + 10)
    shown = pixels(page)
    assert shown[..., 3].min() == 255
    assert shown[..., :3].std() > 20
    expect(page.locator("#fps")).to_have_text(NUMBER)
    expect(page.locator("#latency")).to_contain_text("ms")
    expect(page.locator("#size")).to_have_text(re.compile(r"\d+ . \d+"))
    page.click("#toggle")
    page.wait_for_selector("main[data-state=idle]")
    expect(page.locator("#fps")).not_to_have_text(NUMBER)
    before = frames(page)
    page.wait_for_timeout(300)
    assert frames(page) == before


def test_colors_are_those_of_the_library(page: Page) -> None:
    page.select_option("[name=colormap]", "viridis")
    start(page)
    shown = pixels(page)[..., :3].reshape(-1, 3).astype(int)
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    table = colormaps.apply(ramp, "viridis")[0].astype(int)
    some = shown[:: len(shown) // 500]
    away = np.abs(some[:, None] - table).max(axis=2).min(axis=1)
    assert np.quantile(away, 0.95) <= 12, "smoothing mixes neighbours, but leaves the map's colors"


@pytest.mark.parametrize(("view", "ratio"), [("heat", 4 / 3), ("side", 8 / 3), ("overlay", 4 / 3)])
def test_views(page: Page, view: str, ratio: float) -> None:
    page.check(f"[name=view][value={view}]", force=True)
    start(page)
    height, width, _ = pixels(page).shape
    assert width / height == pytest.approx(ratio, rel=0.05)
    assert page.is_visible("[name=strength]") == (view == "overlay")


def test_mirror_turns_the_picture(page: Page) -> None:
    start(page)
    assert page.is_checked("[name=mirror]"), "a camera that faces the reader is a mirror"
    page.evaluate("document.getElementById('video').pause()")
    page.wait_for_timeout(500)
    before = pixels(page)
    page.uncheck("[name=mirror]")
    after = pixels(page)
    np.testing.assert_allclose(after[:, ::-1].astype(int), before.astype(int), atol=6)


def test_frame_size_reaches_the_network(page: Page) -> None:
    page.select_option("[name=size]", "160")
    start(page)
    expect(page.locator("#size")).to_have_text("160 × 128")
    page.select_option("[name=size]", "256")
    expect(page.locator("#size")).to_have_text("256 × 192")  # all that the network is fed


def test_refused_camera_says_what_to_do(player: Playwright, service: ServiceProcess) -> None:
    with browsing(player, FAKE_CAMERA[0]) as browser:
        for locale, language in (("en-US", "en"), ("zh-CN", "zh")):
            with opened(browser, service, locale=locale) as page:
                page.click("#toggle")
                page.wait_for_selector("main[data-state=error]")
                wanted = getattr(LIVE["live.error.refused"], language)
                expect(page.get_by_role("status")).to_have_text(wanted)
                expect(page.locator("#toggle")).to_be_enabled()


def test_no_camera_says_so(player: Playwright, service: ServiceProcess) -> None:
    with (
        browsing(player, "--use-fake-ui-for-media-stream") as browser,
        opened(browser, service) as page,
    ):
        page.click("#toggle")
        page.wait_for_selector("main[data-state=error]")
        expect(page.get_by_role("status")).to_have_text(LIVE["live.error.absent"].en)


def test_insecure_page_names_the_remedy(browser: Browser, service: ServiceProcess) -> None:
    with opened(browser, service) as page:
        page.evaluate("Object.defineProperty(window, 'isSecureContext', { value: false })")
        page.click("#toggle")
        expect(page.get_by_role("status")).to_have_text(LIVE["live.error.insecure"].en)


def test_page_resumes_when_the_server_comes_back(page: Page, service: ServiceProcess) -> None:
    start(page)
    wait_for_frames(page, 3)
    service.stop()
    page.wait_for_selector("main[data-state=gone], main[data-state=restarting]")
    expect(page.get_by_role("status")).to_contain_text("Trying again in")
    before = frames(page)
    service.start()
    page.wait_for_selector(RUNNING)
    wait_for_frames(page, before + 5)


def test_language_follows_the_browser_and_the_switch(
    browser: Browser, service: ServiceProcess
) -> None:
    title = LIVE["live.title"]
    with opened(browser, service, locale="zh-CN") as page:
        expect(page.locator("h1")).to_contain_text(title.zh)
        assert page.get_attribute("html", "lang") == "zh-CN"
        page.check("[name=language][value=en]", force=True)
        expect(page.locator("h1")).to_contain_text(title.en)
        expect(page.get_by_role("status")).to_have_text(LIVE["live.status.idle"].en)
        page.reload()
        expect(page.locator("h1")).to_contain_text(title.en)
    with opened(browser, service, "?lang=zh") as page:
        expect(page.locator("h1")).to_contain_text(title.zh)


def test_no_text_is_missing_or_left_over() -> None:
    source = "".join(path.read_text("utf-8") for path in FRONT.iterdir())
    used = set(re.findall(r"live\.[a-z.]+[a-z]", source)) - {"live.js", "live.css", "live.status"}
    assert used <= LIVE.keys()
    states = {"live.status." + state for state in re.findall(r'"([a-z]+)"', source)}
    colors = {f"live.colormap.{name}" for name in colormaps.COLORMAPS}
    assert LIVE.keys() - used - states == colors


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_sticks_out(
    browser: Browser, service: ServiceProcess, width: int, language: str
) -> None:
    size = {"width": width, "height": 844}
    with opened(browser, service, f"?lang={language}", viewport=size) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_keyboard_reaches_everything_and_all_have_names(page: Page) -> None:
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert reached >= {
        "language",
        "toggle",
        "view",
        "colormap",
        "camera",
        "size",
        "model",
        "mirror",
    }
    for role, name in (
        ("button", "Start"),
        ("combobox", "Colors"),
        ("combobox", "Camera"),
        ("switch", "Mirror the picture"),
        ("radio", "Overlay"),
        ("group", "View"),
    ):
        expect(page.get_by_role(role, name=name)).to_have_count(1)  # type: ignore[arg-type]
    page.focus("#toggle")
    page.keyboard.press("Enter")
    page.wait_for_selector(RUNNING)


def test_the_page_may_reach_this_server_alone(page: Page, service: ServiceProcess) -> None:
    answer = page.request.get(f"{service.address}/live")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.request.get(f"{service.address}/live/words.py").status == 404
