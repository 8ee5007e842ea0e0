import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from nearfar.depth import read_depth
from nearfar.errors import BusyError, CalibrationError, NotAnImageError, PointError
from nearfar.io.images import DEFAULT_LIMITS, ImageLimits, read_image
from nearfar.web.photo_source import FIRST_EXAMPLE, PhotoEvents
from nearfar.web.points import MOST, Visit
from nearfar.web.session_store import Results
from nearfar.web.show_errors import PageError
from nearfar.web.tabs.depth import DepthEvents
from nearfar.web.tabs.depth_view import OUTPUTS
from tests.web.made import FakeDoor, jpeg

SETTINGS = ("nearfar-lite", 640, False)
LOOK = ("inferno", False)
REQUEST = gr.Request(client={"host": "10.0.0.7"})


class Events:
    """The shared photo, and the tab that shows it."""

    def __init__(self, backend: FakeDoor, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        self.results = Results()
        self.photos = PhotoEvents(backend, self.results, limits)
        self.depth = DepthEvents(backend, self.results, limits)

    def take(self, path: str | None, key: str | None = None) -> str | None:
        return asyncio.run(self.photos.take(key, "en", REQUEST, path, *SETTINGS))

    def follow(self, visit: Visit, key: str | None, active: str = "depth") -> dict[str, Any]:
        return _named(asyncio.run(self.depth.follow(visit, "en", key, active, *LOOK)))


@pytest.fixture
def backend() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def both(backend: FakeDoor) -> Events:
    return Events(backend)


@pytest.fixture
def events(both: Events) -> DepthEvents:
    return both.depth


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "toy.jpg"
    path.write_bytes(jpeg())
    return str(path)


def _take(both: Events, photo: str, visit: Visit | None = None) -> dict[str, Any]:
    before = visit or Visit()
    return both.follow(before, both.take(photo, before.key))


def _named(updates: list[Any]) -> dict[str, Any]:
    return dict(zip(("visit", *OUTPUTS), updates, strict=True))


def _clicked(x: int, y: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": [x, y], "value": None})


def _click(events: DepthEvents, visit: Visit, x: int, y: int) -> dict[str, Any]:
    return _named(asyncio.run(events.click(visit, "en", _clicked(x, y), *LOOK)))


def test_a_photo_fills_the_page(
    both: Events, events: DepthEvents, backend: FakeDoor, photo: str
) -> None:
    shown = _take(both, photo)
    assert read_image(shown["map"]).shape == (48, 64, 3)
    assert len(shown["compare"]) == 2
    assert (
        "nearfar-lite · 9.8 MB · input 288 × 192 · inference 12 ms on fake · map 64 × 48"
        in shown["facts"]
    )
    assert shown["filled"]["visible"] is True
    assert [(client, model) for client, model, _ in backend.asked] == [("10.0.0.7", "nearfar-lite")]


def test_clicks_ask_the_network_nothing(
    both: Events, events: DepthEvents, backend: FakeDoor, photo: str
) -> None:
    visit = _take(both, photo)["visit"]
    shown = _click(events, visit, 63, 5)
    assert "nearer than 99 % of the picture" in shown["points"]
    assert "nearness 1.00" in shown["points"]
    assert shown["visit"].points == ((63, 5),)
    assert len(backend.asked) == 1


def test_two_distances_make_metres(both: Events, events: DepthEvents, photo: str) -> None:
    visit = _take(both, photo)["visit"]
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
    assert clean["visit"] == Visit(shown["visit"].key, photo_id=shown["visit"].photo_id)


@pytest.mark.parametrize(("first", "second"), [("", "2"), ("near", "2"), ("2", "-3"), ("2", "inf")])
def test_distances_that_are_none_are_refused(
    both: Events, events: DepthEvents, photo: str, first: str, second: str
) -> None:
    visit = _take(both, photo)["visit"]
    for x in (50, 10):
        visit = _click(events, visit, x, 20)["visit"]
    with pytest.raises(PageError, match=r"error\.metres"):
        asyncio.run(events.calibrate(visit, "en", first, second, *LOOK))
    with pytest.raises(CalibrationError):
        asyncio.run(events.calibrate(visit, "en", "10", "2", *LOOK))


def test_typed_points_are_read(both: Events, events: DepthEvents, photo: str) -> None:
    visit = _take(both, photo)["visit"]
    shown = _named(asyncio.run(events.typed(visit, "en", " 12 ,7 ", *LOOK)))
    assert shown["visit"].points == ((12, 7),)
    for text, error in (("twelve", PageError), ("64, 0", PointError)):
        with pytest.raises(error):
            asyncio.run(events.typed(visit, "en", text, *LOOK))


def test_points_are_bounded(both: Events, events: DepthEvents, photo: str) -> None:
    visit = _take(both, photo)["visit"]
    for _ in range(MOST):
        visit = _click(events, visit, 5, 5)["visit"]
    with pytest.raises(PageError, match=r"error\.points"):
        _click(events, visit, 5, 5)


def test_other_options_keep_the_points(both: Events, backend: FakeDoor, photo: str) -> None:
    visit = _click(both.depth, _take(both, photo)["visit"], 5, 5)["visit"]
    settings = ("midas-small", 320, True)
    key = asyncio.run(both.photos.estimate_again(visit.key, "en", REQUEST, *settings))
    shown = both.follow(visit, key)
    assert shown["visit"].points == visit.points
    assert shown["visit"].key == key != visit.key
    _, model, options = backend.asked[-1]
    assert (model, options.input_size_px, options.refine) == ("midas-small", 320, True)


def test_a_new_photo_has_no_points_and_replaces_the_old_one(both: Events, photo: str) -> None:
    visit = _click(both.depth, _take(both, photo)["visit"], 5, 5)["visit"]
    assert _take(both, photo, visit)["visit"].points == ()
    with pytest.raises(PageError, match=r"error\.gone"):
        _click(both.depth, visit, 5, 5)


def test_points_come_back_after_a_reload(both: Events, photo: str) -> None:
    visit = _click(both.depth, _take(both, photo)["visit"], 5, 5)["visit"]
    key = asyncio.run(both.photos.restore(visit.key, REQUEST, *SETTINGS))
    assert both.follow(Visit(), key)["visit"] == visit


def test_another_tab_shows_nothing_here(both: Events, photo: str) -> None:
    shown = both.follow(Visit(), both.take(photo), active="effects")
    assert shown["visit"] == Visit()
    assert shown["map"] == gr.skip()


def test_before_the_first_photo_nothing_happens(both: Events, backend: FakeDoor) -> None:
    assert _click(both.depth, Visit(), 5, 5)["visit"] == Visit()
    assert asyncio.run(both.photos.estimate_again(None, "en", REQUEST, *SETTINGS)) is None
    assert both.take(None, "as before") == "as before"
    assert backend.asked == []
    with pytest.raises(PageError, match=r"error\.nophoto"):
        asyncio.run(both.depth.download(Visit(), "npy", *LOOK))


def test_errors_of_the_service_come_through_and_the_old_photo_stays(
    both: Events, photo: str, tmp_path: Path
) -> None:
    busy = BusyError("full", retry_after_s=1)
    with pytest.raises(BusyError):
        Events(FakeDoor(busy)).take(photo)
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    key = both.take(photo)
    with pytest.raises(NotAnImageError):
        both.take(str(text), key)
    assert both.results.get(key) is not None


def test_an_example_is_estimated_once_for_all_visitors(both: Events, backend: FakeDoor) -> None:
    async def both_visitors() -> tuple[str, str]:
        click = both.photos.take_example("pet")
        return await asyncio.gather(
            click(None, "en", REQUEST, *SETTINGS), click(None, "en", REQUEST, *SETTINGS)
        )

    first, second = asyncio.run(both_visitors())
    assert first == second
    assert len(backend.asked) == 1
    assert "map 451 × 300" in both.follow(Visit(), first)["facts"]
    both.results.drop(first)
    assert both.results.get(first) is not None, "another visitor has it too"


def test_a_page_opens_with_an_example(both: Events) -> None:
    key = asyncio.run(both.photos.restore("", REQUEST, *SETTINGS))
    assert both.results.find(key).photo.stem == FIRST_EXAMPLE
