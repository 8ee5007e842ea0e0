"""The live page for the ear: what the tone is, heard in Chromium's own audio graph."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Playwright, expect

from nearfar.effects._ground import phrases
from nearfar.effects._ground.phrases import Surroundings, in_words
from nearfar.effects.sonify import _PULSES_HZ, _TONES_HZ
from nearfar.io.images import read_image
from nearfar.web.i18n.live import LIVE
from tests.browser import ServiceProcess, browsing, playing, service_process

RATE_HZ = 44_100
EXAMPLES = Path(__file__).parent.parent.parent / "examples"

COUNTING = """
window.contexts = [];
const Own = window.AudioContext;
window.AudioContext = class extends Own {
  constructor() { super(); this.tones = []; contexts.push(this); }
};
const Oscillator = window.OscillatorNode;
window.OscillatorNode = class extends Oscillator {
  constructor(context, options) { super(context, options); context.tones?.push(this); }
};
"""
"""Lets the test see the page's audio contexts, and their oscillators: tone, pulse, tone ..."""

RENDER = """
async ([around, hasSides, seconds]) => {
  const { Tone } = await import("/live/tone.js");
  const context = new OfflineAudioContext(2, 44100 * seconds, 44100);
  const tone = new Tone(() => context);
  tone.resume = () => {};
  tone.volume = 1;
  tone.hasSides = hasSides;
  context.resume = () => {};
  tone.start();
  tone.play(around);
  const heard = await context.startRendering();
  return [0, 1].map((ear) => Array.from(heard.getChannelData(ear)));
}
"""

LOOK = """
async ([width, height, levels, isMirrored]) => {
  const { lookAround } = await import("/live/tone.js");
  return lookAround({ width, height, levels: new Uint8Array(levels) }, isMirrored);
}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        with service_process() as service:
            yield service


@pytest.fixture(scope="module")
def player() -> Iterator[Playwright]:
    with playing() as player:
        yield player


@pytest.fixture(scope="module")
def browser(player: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose camera shows a street."""
    path = tmp_path_factory.mktemp("clip") / "street.mjpeg"
    photo = cv2.resize(read_image(EXAMPLES / "street.jpg")[:, :, ::-1], (320, 240))
    path.write_bytes(cv2.imencode(".jpg", photo)[1].tobytes())
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browsing(player, *camera, f"--use-file-for-fake-video-capture={path}") as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, service: ServiceProcess) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")
    errors: list[str] = []
    try:
        page = context.new_page()
        page.add_init_script(COUNTING)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{service.address}/live")
        page.wait_for_selector("main[data-state=idle]")
        yield page
    finally:
        context.close()
    assert not errors


def rendered(
    page: Page, around: Any, *, sides: bool = False, seconds: float = 1
) -> NDArray[np.float32]:
    """What is heard, (2, N)."""
    return np.array(page.evaluate(RENDER, [around, sides, seconds]), np.float32)


def strongest_hz(sound: NDArray[np.float32]) -> float:
    sound = sound[RATE_HZ // 4 :]  # by then it has glided to its pitch
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * RATE_HZ / sound.size)


def test_the_nearer_the_higher_the_faster_and_the_louder(page: Page) -> None:
    free, blocked = (rendered(page, [0, near, 0], seconds=2)[0] for near in (0, 1))
    assert strongest_hz(free) == pytest.approx(_TONES_HZ[0], abs=2)
    assert strongest_hz(blocked) == pytest.approx(_TONES_HZ[1], abs=2)
    assert 0 < np.abs(free).max() < 0.3 * np.abs(blocked).max()
    loud = np.abs(blocked[RATE_HZ // 2 : RATE_HZ])
    loud = np.convolve(loud, np.ones(441) / 441, "same")
    swells = np.abs(np.fft.rfft(loud - loud.mean()))
    assert np.argmax(swells) * 2 == pytest.approx(_PULSES_HZ[1], abs=2)


def test_sides_are_heard_at_their_ears_and_only_when_asked(page: Page) -> None:
    around = [0.9, 0, 0]
    plain, wide = rendered(page, around), rendered(page, around, sides=True)
    np.testing.assert_allclose(plain[0], plain[1], atol=1e-6)
    left, right = np.abs(wide[:, RATE_HZ // 2 :]).max(axis=1)
    assert left > 3 * right


def test_without_new_maps_it_falls_silent(page: Page) -> None:
    heard = np.abs(rendered(page, [0, 1, 0], seconds=3)[0])
    assert heard[RATE_HZ // 2 : RATE_HZ].max() > 0.5
    assert heard[-RATE_HZ // 2 :].max() < 0.01
    assert not rendered(page, None).any()


def test_one_near_pixel_and_the_floor_do_not_count(page: Page) -> None:
    levels = np.zeros((40, 30), np.uint8)
    levels[5, 15] = 255
    levels[30:] = 255
    levels[:20, 20:] = 204
    assert page.evaluate(LOOK, [30, 40, levels.ravel().tolist(), False]) == [0, 0, 0.8]
    assert page.evaluate(LOOK, [30, 40, levels.ravel().tolist(), True]) == [0.8, 0, 0]
    assert page.evaluate(LOOK, [30, 40, [7] * 1200, False]) is None


def test_words_and_limits_are_those_of_the_effect(page: Page) -> None:
    limits = page.evaluate(
        "import('/live/tone.js').then(({ NEAR, FREE }) => [NEAR, FREE])",
    )
    assert limits == [phrases.NEAR, phrases.FREE]
    wanted = in_words(Surroundings(0.1, 0.9, 0.5))
    for language in ("en", "zh"):
        grades = [
            getattr(LIVE[key], language)
            for key in ("live.heard.free", "live.near", "live.heard.off")
        ]
        sentence = getattr(LIVE["live.heard"], language)
        for name, grade in zip(("left", "ahead", "right"), grades, strict=True):
            sentence = sentence.replace(f"{{{name}}}", grade)
        assert sentence == wanted[language]
        equal = getattr(LIVE["live.heard.equal"], language)
        assert equal == in_words(Surroundings(0, 0, 0), flat=True)[language]


def test_the_tone_begins_and_ends_with_its_switch(page: Page) -> None:
    page.click("#toggle")
    page.wait_for_selector("main[data-state=running]")
    assert page.evaluate("contexts.length") == 0, "nobody asked for sound yet"
    expect(page.get_by_role("slider", name="Volume")).to_have_count(0)
    page.get_by_role("switch", name=LIVE["live.tone"].en).check()
    # as functions: the page's own policy forbids that a string is evaluated there
    page.wait_for_function("() => contexts.length === 1 && contexts[0].state === 'running'")
    page.wait_for_function(
        "() => contexts[0].tones.length === 6 && contexts[0].tones[2].frequency.value > 340"
    )
    assert page.evaluate("contexts[0].tones[2].frequency.value") <= _TONES_HZ[1]
    assert page.evaluate("contexts[0].tones[3].frequency.value") <= _PULSES_HZ[1]
    expect(page.get_by_role("slider", name="Volume")).to_be_visible()
    page.get_by_role("switch", name=LIVE["live.tone"].en).uncheck()
    page.wait_for_function("() => contexts[0].state === 'suspended'")
    page.reload()
    page.wait_for_selector("main[data-state=idle]")
    expect(page.get_by_role("switch", name=LIVE["live.tone"].en)).not_to_be_checked()


def test_it_is_told_in_the_language_of_the_page_and_not_too_often(page: Page) -> None:
    told = page.locator("#told")
    expect(told).to_have_attribute("aria-live", "polite")
    page.get_by_role("switch", name=LIVE["live.telling"].en).check()
    page.click("#toggle")
    expect(told).to_contain_text("ahead: ")
    page.check("[name=language][value=zh]", force=True)
    expect(told).to_contain_text("前方：")
    page.click("#toggle")
    expect(told).to_have_text("")
    times = page.evaluate(
        """import('/live/tone.js').then(({ Telling }) => {
          const place = document.createElement("p"), telling = new Telling(place), said = [];
          for (let ms = 0; ms <= 6000; ms += 500) {
            telling.tell(String(ms), ms);
            if (said.at(-1) !== place.textContent) said.push(place.textContent);
          }
          return said;
        })"""
    )
    assert times == ["0", "2500", "5000"]
