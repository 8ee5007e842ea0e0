import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from nearfar.depth import read_depth
from nearfar.errors import BusyError, CalibrationError, NotAnImageError, PointError
from nearfar.io.images import DEFAULT_LIMITS, ImageLimits, read_image
from nearfar.web.points import MOST, Visit
from nearfar.web.session_store import Results
from nearfar.web.show_errors import PageError
from nearfar.web.tabs.depth import DepthEvents
from nearfar.web.tabs.depth_view import OUTPUTS
from tests.web.made import FakeDoor, jpeg

SETTINGS = ("nearfar-lite", 640, False, "inferno", False)
LOOK = ("inferno", False)
REQUEST = gr.Request(client={"host": "10.0.0.7"})


@pytest.fixture
def backend() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def events(backend: FakeDoor) -> DepthEvents:
    return DepthEvents(backend, Results(), DEFAULT_LIMITS)


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "toy.jpg"
    path.write_bytes(jpeg())
    return str(path)


def _take(events: DepthEvents, photo: str, visit: Visit | None = None) -> dict[str, Any]:
    return _named(asyncio.run(events.take(visit or Visit(), "en", REQUEST, photo, *SETTINGS)))


def _named(updates: list[Any]) -> dict[str, Any]:
    return dict(zip(("visit", *OUTPUTS), updates, strict=True))


def _clicked(x: int, y: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": [x, y], "value": None})


def _click(events: DepthEvents, visit: Visit, x: int, y: int) -> dict[str, Any]:
    return _named(asyncio.run(events.click(visit, "en", _clicked(x, y), *LOOK)))


def test_a_photo_fills_the_page(events: DepthEvents, backend: FakeDoor, photo: str) -> None:
    shown = _take(events, photo)
    assert read_image(shown["map"]).shape == (48, 64, 3)
    assert len(shown["compare"]) == 2
    assert "nearfar-lite · 9.8 MB · inference 12 ms on fake · map 64 × 48" in shown["facts"]
    assert shown["filled"]["visible"] is True
    assert [(client, model) for client, model, _ in backend.asked] == [("10.0.0.7", "nearfar-lite")]


def test_clicks_ask_the_network_nothing(events: DepthEvents, backend: FakeDoor, photo: str) -> None:
    visit = _take(events, photo)["visit"]
    shown = _click(events, visit, 63, 5)
    assert "nearer than 99 % of the picture" in shown["points"]
    assert "nearness 1.00" in shown["points"]
    assert shown["visit"].points == ((63, 5),)
    assert len(backend.asked) == 1


def test_two_distances_make_metres(events: DepthEvents, photo: str) -> None:
    visit = _take(events, photo)["visit"]
    for x in (50, 10):
        visit = _click(events, visit, x, 20)["visit"]
    shown = _named(asyncio.run(events.calibrate(visit, "en", "2", " 10,0 m", *LOOK)))
    assert "2.00 m" in shown["points"]
    assert "10.0 m" in shown["points"]
    assert "Between points 1 and 2" in shown["points"]
    assert "in metres" in shown["note"]
    assert "4.00 m" in _click(events, shown["visit"], 25, 3)["points"]
    path = asyncio.run(events.download(shown["visit"], "npy", *LOOK))
    assert Path(path).name == "toy-metres.npy"
    assert read_depth(path, kind="metres").at(25, 3) == pytest.approx(4)
    clean = _named(asyncio.run(events.clear_points(shown["visit"], "en", *LOOK)))
    assert clean["visit"] == Visit(shown["visit"].key)


@pytest.mark.parametrize(("first", "second"), [("", "2"), ("near", "2"), ("2", "-3"), ("2", "inf")])
def test_distances_that_are_none_are_refused(
    events: DepthEvents, photo: str, first: str, second: str
) -> None:
    visit = _take(events, photo)["visit"]
    for x in (50, 10):
        visit = _click(events, visit, x, 20)["visit"]
    with pytest.raises(PageError, match=r"error\.metres"):
        asyncio.run(events.calibrate(visit, "en", first, second, *LOOK))
    with pytest.raises(CalibrationError):
        asyncio.run(events.calibrate(visit, "en", "10", "2", *LOOK))


def test_typed_points_are_read(events: DepthEvents, photo: str) -> None:
    visit = _take(events, photo)["visit"]
    shown = _named(asyncio.run(events.typed(visit, "en", " 12 ,7 ", *LOOK)))
    assert shown["visit"].points == ((12, 7),)
    for text, error in (("twelve", PageError), ("64, 0", PointError)):
        with pytest.raises(error):
            asyncio.run(events.typed(visit, "en", text, *LOOK))


def test_points_are_bounded(events: DepthEvents, photo: str) -> None:
    visit = _take(events, photo)["visit"]
    for _ in range(MOST):
        visit = _click(events, visit, 5, 5)["visit"]
    with pytest.raises(PageError, match=r"error\.points"):
        _click(events, visit, 5, 5)


def test_other_options_keep_the_points(events: DepthEvents, backend: FakeDoor, photo: str) -> None:
    visit = _click(events, _take(events, photo)["visit"], 5, 5)["visit"]
    again = asyncio.run(
        events.estimate_again(visit, "en", REQUEST, "midas-small", 320, True, *LOOK)
    )
    shown = _named(again)
    assert shown["visit"].points == visit.points
    assert shown["visit"].key != visit.key
    _, model, options = backend.asked[-1]
    assert (model, options.max_side_px, options.refine) == ("midas-small", 320, True)


def test_a_new_photo_begins_anew(events: DepthEvents, photo: str) -> None:
    visit = _click(events, _take(events, photo)["visit"], 5, 5)["visit"]
    assert _take(events, photo, visit)["visit"].points == ()
    gone = asyncio.run(events.take(visit, "en", REQUEST, None, *SETTINGS))
    assert _named(gone)["visit"] == Visit()
    with pytest.raises(PageError, match=r"error\.gone"):
        _click(events, visit, 5, 5)


def test_before_the_first_photo_nothing_happens(events: DepthEvents, backend: FakeDoor) -> None:
    assert _click(events, Visit(), 5, 5)["visit"] == Visit()
    asyncio.run(events.estimate_again(Visit(), "en", REQUEST, *SETTINGS))
    assert backend.asked == []
    with pytest.raises(PageError, match=r"error\.nophoto"):
        asyncio.run(events.download(Visit(), "npy", *LOOK))


def test_texts_follow_the_language(events: DepthEvents, photo: str) -> None:
    visit = _click(events, _take(events, photo)["visit"], 63, 5)["visit"]
    shown = _named(asyncio.run(events.retell(visit, "zh", *LOOK)))
    assert "比画面中 99% 的部分更近" in shown["points"]
    assert "推理 12 毫秒" in shown["facts"]
    assert "近" in shown["bar"]


def test_errors_of_the_service_come_through(photo: str, tmp_path: Path) -> None:
    busy = BusyError("full", retry_after_s=1)
    with pytest.raises(BusyError):
        _take(DepthEvents(FakeDoor(busy), Results(), DEFAULT_LIMITS), photo)
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    with pytest.raises(NotAnImageError):
        _take(DepthEvents(FakeDoor(), Results(), ImageLimits()), str(text))


def test_examples_are_estimated(events: DepthEvents) -> None:
    taken = events.take_example("pet")(Visit(), "en", REQUEST, *SETTINGS)

    async def run() -> list[Any]:
        return await taken

    assert "map 451 × 300" in _named(asyncio.run(run()))["facts"]
