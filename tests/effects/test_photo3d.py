"""A 3D photo in one HTML file: what is in it, and what a browser shows of it."""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Frame, Page

import nearfar
from nearfar.depth import DepthMap
from nearfar.effects._photo3d.page import packed
from nearfar.effects.photo3d import Photo3dOptions, photo3d, photo3d_html
from nearfar.errors import UsageError
from nearfar.io.images import Image
from tests.browser import browsing, playing

WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def scene() -> tuple[Image, DepthMap]:
    """A red disc before a smooth wall, 360 x 240."""
    y, x = np.mgrid[:240, :360].astype(np.float32)
    photo = np.stack((60 + x / 4, 90 + y / 3, 200 - x / 5), axis=2).astype(np.uint8)
    inside = (x - 180) ** 2 + (y - 120) ** 2 < 50**2
    photo[inside] = (200, 30, 20)
    return photo, DepthMap(np.where(inside, 1, 0.2).astype(np.float32))


def values_in(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script id="scene" type="application/json">(.*?)</script>', html)
    values: dict[str, Any] = json.loads(text)
    return values


def unpacked(text: str) -> NDArray[np.uint32]:
    """What the viewer does, in other words."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(4, -1)
    deltas = planes.T.copy().view("<u4").reshape(3, -1)
    return np.asarray(np.cumsum(deltas, axis=1, dtype=np.uint32).T)


def test_tables_survive_packing() -> None:
    table = np.random.default_rng(0).integers(0, 2**32, (1000, 3), np.uint32)
    assert np.array_equal(unpacked(packed(table)), table)


def test_front_and_background_are_in_the_page_and_nothing_is_outside_it() -> None:
    html = photo3d(*scene(), Photo3dOptions(title='A "disc" <b>')).html

    scene_values = values_in(html)
    back, front = scene_values["layers"]
    points = unpacked(front["points"])
    assert scene_values["frame"] == [1440, 960]
    assert points.max(axis=0).tolist() == [1440, 960, 65535]
    faces = points[unpacked(front["faces"]).astype(int)]
    assert np.ptp(faces[..., 2].astype(int), axis=1).max() == 0  # no face spans the step
    assert unpacked(back["points"])[:, 2].max() < 100
    assert scene_values["turn_deg"] == 20
    assert "<title>A &quot;disc&quot; &lt;b&gt;</title>" in html
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
    assert not re.findall(r"https?://|fetch\(|XMLHttpRequest|import\(", html)


def test_camera_and_metres_are_taken_where_they_are_known() -> None:
    photo, depth = scene()

    values = values_in(photo3d_html(photo, depth, fov_deg=90, near_m=2, far_m=8))

    assert values["focal"] == pytest.approx(720)
    assert values["inverse"] == [0.25, 1]
    assert values_in(photo3d_html(photo, depth))["inverse"] == [0.5, 1]
    with pytest.raises(UsageError, match="fov_deg must be at most 170"):
        photo3d_html(photo, depth, fov_deg=171)


def test_a_flat_map_has_a_front_alone() -> None:
    photo, _ = scene()
    flat = DepthMap(np.full((240, 360), 0.5, np.float32))
    assert [row["picture"] for row in values_in(photo3d_html(photo, flat))["layers"]] == ["photo"]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (50, 1), (33, 200)])
def test_photos_of_any_shape_become_pages(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(0)
    photo = chance.integers(0, 256, (*shape, 3), np.uint8)
    depth = DepthMap(chance.random(shape).astype(np.float32))
    points = unpacked(values_in(photo3d_html(photo, depth))["layers"][-1]["points"])
    assert points.max(axis=0)[:2].tolist() == [4 * shape[1], 4 * shape[0]]


def test_a_photo_of_twelve_megapixels_stays_small(examples: Path) -> None:
    small = nearfar.read_image(examples / "street.jpg")
    photo = np.asarray(cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC), np.uint8)
    noise = np.random.default_rng(0).normal(0, 0.01, (300, 400)).astype(np.float32)
    steps = (np.arange(400) // 40 % 2 + np.linspace(0.5, 1.5, 300)[:, None]).astype(np.float32)
    depth = DepthMap(np.asarray(cv2.resize(steps + noise, (4000, 3000)), np.float32))
    assert len(photo3d(photo, depth, Photo3dOptions()).html) < 1.5e6


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playing() as player, browsing(player, *WEBGL) as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "disc.html"
    path.write_text(photo3d(*scene(), Photo3dOptions()).html, "utf-8")
    return path


def wait_for_yaw(page: Page | Frame, condition: str) -> None:
    """Wait until the angle to which the view is turned meets a condition, as `> 1`."""
    page.wait_for_function(f"Number(document.querySelector('canvas').dataset.yaw) {condition}")


def pixels(png: bytes) -> NDArray[np.int64]:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(picture).astype(np.int64)


def test_a_browser_shows_the_photo_and_then_another_view(browser: Browser, file: Path) -> None:
    requests: list[str] = []
    errors: list[str] = []
    with browser.new_context(
        viewport={"width": 400, "height": 300}, locale="zh-CN", reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.on("request", lambda each: requests.append(each.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector("canvas[data-ready]")
        wait_for_yaw(page, "=== 0")
        assert page.title() == "三维照片"
        assert "方向键" in str(page.get_attribute("canvas", "aria-label"))
        assert page.get_attribute("html", "lang") == "zh"
        page.add_style_tag(content="#hint, button { display: none } #photo { visibility: hidden }")
        first = pixels(page.screenshot())
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        wait_for_yaw(page, "=== 8")
        turned = pixels(page.screenshot())
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        wait_for_yaw(page, "=== 20")
        page.mouse.move(100, 150)  # half way to the left
        wait_for_yaw(page, "=== -10")
        page.keyboard.press("Home")
        wait_for_yaw(page, "=== 0")
        assert np.abs(pixels(page.screenshot()) - first).max() <= 2
    assert [each for each in requests if not each.startswith("data:")] == [file.as_uri()]
    assert errors == []

    photo, _ = scene()
    shown = cv2.resize(photo, (400, 267), interpolation=cv2.INTER_AREA).astype(int)
    view = first[17:283]  # the whole photo, centred
    y, x = np.mgrid[:266, :400]
    rim = np.abs(np.hypot(y - 132.5, x - 199.5) - 55.6) < 3
    difference = np.abs(view - shown[:266]).max(axis=2)
    assert np.median(difference) <= 3
    assert difference[~rim].max() <= 20
    assert first[:14].max() < 40  # nothing of it beyond its frame
    is_red = (turned[..., 0] > 150) & (turned[..., 1] < 80)
    middle = np.nonzero(is_red)[1].mean()
    assert 165 < middle < 197  # the eye went to the right: what is near moved to the left
    hole = turned[60:240, 60:340].max(axis=2) < 45
    assert not hole.any()


def test_it_swings_until_somebody_moves_also_in_a_closed_frame(
    browser: Browser, file: Path
) -> None:
    with browser.new_context(locale="en-GB", has_touch=True) as context:
        page = context.new_page()
        page.set_content("<iframe sandbox='allow-scripts' width=400 height=300></iframe>")
        page.evaluate("html => document.querySelector('iframe').srcdoc = html", file.read_text())
        frame = page.frame_locator("iframe").locator("canvas[data-ready]")
        frame.wait_for()
        inside = page.frames[1]
        wait_for_yaw(inside, "> 1")
        assert inside.title() == "3D photo"
        frame.press("Home")
        wait_for_yaw(inside, "=== 0")
        tilt = "gamma => dispatchEvent(Object.assign(new Event('deviceorientation'), gamma))"
        for degrees in (0, -10):
            inside.evaluate(tilt, {"beta": 40, "gamma": degrees})
        wait_for_yaw(inside, "> 5")
        frame.press("Home")
        wait_for_yaw(inside, "=== 0")
        for kind, x in (("pointerdown", 200), ("pointermove", 280)):
            frame.dispatch_event(kind, {"pointerType": "touch", "clientX": x, "clientY": 150})
        wait_for_yaw(inside, "< -5")


def test_without_webgl_the_photo_itself_is_shown(browser: Browser, file: Path) -> None:
    with browser.new_context(locale="en-GB") as context:
        context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        page = context.new_page()
        page.goto(file.as_uri())
        page.wait_for_selector("canvas", state="detached")
        assert "no WebGL" in page.inner_text("#hint")
        assert page.locator("#photo").evaluate("image => image.naturalWidth") == 360
