"""The Video tab in a real browser, with the real service behind it."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from nearfar.web.i18n.texts import say
from tests.browser import ServiceProcess, browsing, playing, service_process, visiting
from tests.video.clips import picture, write_clip

WAIT_MS = 60_000
FRAMES = 20


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    pictures = [picture(number, (96, 64)) for number in range(FRAMES)]
    return write_clip(path, pictures, sound="aac")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than is done before someone can press a button."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    return write_clip(path, [picture(number, (96, 64)) for number in range(2000)])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
        with service_process(page=True) as service:
            yield service


@pytest.fixture(scope="module")
def context(service: ServiceProcess) -> Iterator[BrowserContext]:
    assert service.page
    with (
        playing() as player,
        browsing(player) as browser,
        browser.new_context(
            locale="en-GB", viewport={"width": 1440, "height": 1000}, accept_downloads=True
        ) as context,
    ):
        yield context


@pytest.fixture
def visit(context: BrowserContext, service: ServiceProcess) -> Iterator[Page]:
    """A visitor on the tab."""
    with visiting(context, service, wait_ms=WAIT_MS) as page:
        page.get_by_role("tab", name=say("common.tab.video", "en"), exact=True).click()
        yield page


def put_in(page: Page, clip: Path) -> None:
    page.locator("#nf-video-clip input[type=file]").first.set_input_files(clip)
    expect(page.locator("#nf-video-clip video")).to_be_visible()


def test_clip_is_worked_on_played_and_taken_home(visit: Page, clip: Path) -> None:
    put_in(visit, clip)
    expect(visit.locator("#nf-video-clip").get_by_role("button", name="Trim")).to_have_count(0)
    visit.locator("#nf-video-start").click()
    video = visit.locator("#nf-video-result video")
    expect(video).to_be_visible()
    visit.wait_for_function(
        "() => { const film = document.querySelector('#nf-video-result video');"
        " return film.videoWidth > 0 && film.currentTime > 0; }"
    )
    assert video.evaluate("film => [film.videoWidth, film.videoHeight]") == [192, 64]
    expect(visit.locator("#nf-video-facts")).to_contain_text(f"{FRAMES} frames")
    with visit.expect_download() as waiting:
        visit.locator("#nf-video-get").click()
    assert waiting.value.suggested_filename == "walk-depth.mp4"
    content = Path(waiting.value.path()).read_bytes()
    with av.open(io.BytesIO(content), "r") as film:
        assert len(list(film.decode(video=0))) == FRAMES
    with av.open(io.BytesIO(content)) as film:
        assert film.streams.audio[0].codec_context.name == "aac"


def test_the_example_clip_is_worked_on(visit: Page) -> None:
    visit.locator("#nf-video-sample").click()
    expect(visit.locator("#nf-video-progress")).to_contain_text("of 75 frames")
    expect(visit.locator("#nf-video-start")).to_be_hidden()
    visit.locator("#nf-video-cancel").click()
    expect(visit.locator("#nf-video-start")).to_be_visible()


def test_progress_preview_and_cancel(visit: Page, long_clip: Path) -> None:
    put_in(visit, long_clip)
    visit.locator("#nf-video-kind").get_by_label(say("effect.name.fog", "en"), exact=True).check(
        force=True
    )
    expect(visit.locator("#nf-video-fog-density")).to_be_visible()
    expect(visit.locator("#nf-video-colormap")).to_be_hidden()
    visit.locator("#nf-video-start").click()
    progress = visit.locator("#nf-video-progress")
    expect(progress).to_contain_text("of 2000 frames")
    expect(progress.get_by_role("progressbar")).to_have_attribute("max", "2000")
    preview = visit.locator("#nf-video-preview img")
    expect(preview).to_be_visible()
    assert preview.evaluate("shown => shown.naturalWidth") == 192

    visit.locator("#nf-video-cancel").click()
    expect(visit.get_by_text(say("video.empty", "en"))).to_be_visible()
    expect(visit.locator("#nf-video-busy")).to_be_hidden()
    expect(visit.locator("#nf-video-start")).to_be_visible()


def test_what_is_no_clip_is_told(visit: Page, tmp_path: Path) -> None:
    visit.locator("#nf-video-start").click()
    toast = visit.locator("[data-testid=toast-body]")
    expect(toast.first).to_contain_text(say("video.error.noclip", "en"))
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no clip")
    put_in(visit, path)
    visit.locator("#nf-video-start").click()
    expect(toast.filter(has_text="not a supported clip")).to_be_visible()
