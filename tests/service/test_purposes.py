"""Over HTTP, too, photos get one model and clips and streams another."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearfar.service.app import make_app
from nearfar.service.engine import InferenceEngine
from nearfar.service.settings import ServiceOptions
from tests.service.clips import begin, ended
from tests.service.served import Served, serving
from tests.service.test_stream import answer, streaming
from tests.stores import two_networks


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that has `base`, for photos, and `lite`."""
    options = ServiceOptions(port=0, runtime="onnxruntime", workers=2)
    store = two_networks(Path(tmp_path_factory.mktemp("models")))
    with serving(
        make_app(options, engine=InferenceEngine(options, store=store), page=False)
    ) as service:
        yield service


def test_the_list_says_what_each_is_taken_for(service: Served) -> None:
    rows = service.client.get("/v1/models").json()["models"]
    assert {row["name"]: row["default_for"] for row in rows} == {
        "base": ["photo"],
        "lite": ["stream"],
    }


@pytest.mark.parametrize("path", ["depth", "effects/bokeh", "cloud", "mesh", "probe"])
@pytest.mark.parametrize("query", [{}, {"model": "auto"}])
def test_every_route_for_a_photo_takes_the_model_of_photos(
    service: Served, photo: bytes, path: str, query: dict[str, str]
) -> None:
    more = {"points": json.dumps([{"x_px": 1, "y_px": 1}])} if path == "probe" else {}
    told = service.client.post(f"/v1/{path}", content=photo, params={**query, **more})
    assert told.status_code == 200, told.text
    assert told.headers["x-nearfar-model"] == "base"


@pytest.mark.parametrize("query", [{}, {"model": "auto"}])
def test_a_clip_takes_the_model_of_streams(
    service: Served, clip: bytes, query: dict[str, str]
) -> None:
    told = ended(service, begin(service, clip, **query))
    assert (told["state"], told["model"]) == ("done", "lite")


def test_a_live_stream_takes_the_model_of_streams(
    service: Served, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, str]] = []
    model = InferenceEngine.model

    async def noted(self: InferenceEngine, name: str | None, purpose: str) -> object:
        found = await model(self, name, purpose)  # type: ignore[arg-type]
        asked.append((found.spec.name, purpose))
        return found

    monkeypatch.setattr(InferenceEngine, "model", noted)
    with streaming(service) as stream:
        stream.send(photo)
        header, _ = answer(stream)
    assert header.frame == 0
    assert asked == [("lite", "stream")]
