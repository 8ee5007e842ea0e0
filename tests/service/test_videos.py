"""Clips over HTTP: begin, see how far they are, take the result, give up, and leave no file."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from nearfar.service.videos.query import KINDS, QUERIES
from tests.picturefiles import noise, saved
from tests.service.clips import FRAMES, begin, ended, files
from tests.service.network import Network
from tests.service.served import Served, assert_problem, until


@pytest.fixture
def service(module_service: Served, network: Network) -> Iterator[Served]:
    """The shared service; each test leaves it without clips."""
    yield module_service
    network.let_go()
    for job in module_service.app.state.videos._store:
        module_service.client.delete(f"/v1/videos/{job.id}")
    until(lambda: files(module_service) == [])


def frames(content: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(content), "r") as film:
        return list(film.decode(video=0))


def test_clip_becomes_a_film_with_its_sound(service: Served, clip: bytes) -> None:
    answer = service.client.post(
        "/v1/videos", files={"clip": ("holiday.mp4", clip)}, params={"show": "side"}
    )
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    assert answer.json()["state"] in {"waiting", "running"}
    assert answer.json()["frames"] == FRAMES
    told = ended(service, place)
    assert told["state"] == "done"
    assert told["problem"] is None
    assert told["frames_done"] == told["frames"] == FRAMES
    assert told["model"] == "nearfar-lite"
    result = service.client.get(told["result"])
    assert result.headers["content-type"] == "video/mp4"
    assert result.headers["content-disposition"] == 'attachment; filename="holiday-depth.mp4"'
    made = frames(result.content)
    assert len(made) == FRAMES
    assert (made[0].width, made[0].height) == (128, 48)
    with av.open(io.BytesIO(result.content)) as film:
        assert film.streams.audio[0].codec_context.name == "aac"
    assert len(files(service)) == 1, "the clip itself is not kept"
    assert service.client.delete(place).status_code == 204
    assert files(service) == []
    assert_problem(service.client.get(place), 404, "not-found")
    assert_problem(service.client.get(f"{place}/result"), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "media_type", "name"),
    [
        ({"colormap": "grey", "smooth": False}, "video/mp4", "clip-depth.mp4"),
        ({"show": "grey10", "steady": False}, "video/x-matroska", "clip-depth.mkv"),
        ({"show": "fog", "density": 0.7, "input_size_px": 64}, "video/mp4", "clip-fog.mp4"),
        ({"show": "stereo", "layout": "anaglyph"}, "video/mp4", "clip-stereo.mp4"),
    ],
)
def test_kinds_of_film(
    service: Served, clip: bytes, query: dict[str, Any], media_type: str, name: str
) -> None:
    place = begin(service, clip, **query)
    assert ended(service, place)["state"] == "done"
    result = service.client.get(f"{place}/result")
    assert result.headers["content-type"] == media_type
    assert f'"{name}"' in result.headers["content-disposition"]
    assert len(frames(result.content)) == FRAMES


@pytest.mark.parametrize(("show", "suffix"), [("png16", ".png"), ("exr", ".exr")])
def test_sequence_is_a_zip(service: Served, clip: bytes, show: str, suffix: str) -> None:
    place = begin(service, clip, show=show)
    assert ended(service, place)["state"] == "done"
    result = service.client.get(f"{place}/result")
    assert result.headers["content-type"] == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(result.content)).namelist()
    expected = [f"clip-depth/{number:06}{suffix}" for number in range(FRAMES)]
    assert sorted(names) == [*expected, "clip-depth/times.csv"]
    assert len(files(service)) == 1
    service.client.delete(place)


def test_effect_takes_a_picture(service: Served, clip: bytes) -> None:
    background = saved(noise(48, 64), "PNG")
    send: dict[str, Any] = {"clip": ("a.mp4", clip), "picture": ("b.png", background)}
    query = {"show": "cutout", "background": "photo"}
    answer = service.client.post("/v1/videos", files=send, params=query)
    assert ended(service, answer.headers["location"])["state"] == "done"
    send["picture"] = ("b.png", b"none")
    refused = service.client.post("/v1/videos", files=send, params=query)
    assert_problem(refused, 415, "not-a-picture")
    assert_problem(service.client.post("/v1/videos", files=send), 400, "bad-request")


@pytest.mark.parametrize(
    "query",
    [
        {"show": "blur"},
        {"show": "sonify"},
        {"density": 0.5},
        {"show": "fog", "density": 7},
        {"show": "fog", "color": "no such"},
        {"show": "cutout", "background": "photo"},
        {"show": "stereo", "layout": "wiggle"},
        {"show": "grey10", "colormap": "inferno"},
        {"show": "sticker", "font": "/etc/hostname"},
        {"steady": "perhaps"},
        {"input_size_px": 1},
    ],
)
def test_what_makes_no_sense_is_refused(
    service: Served, clip: bytes, query: dict[str, Any]
) -> None:
    answer = service.client.post("/v1/videos", content=clip, params=query)
    assert_problem(answer, 422, "bad-option")
    assert files(service) == []


def test_unknown_model_is_refused(service: Served, clip: bytes) -> None:
    answer = service.client.post("/v1/videos", content=clip, params={"model": "no such"})
    assert_problem(answer, 422, "unknown-model")


@pytest.mark.parametrize(
    "content",
    [
        b"no clip",
        b"",
        saved(noise(8, 8), "PNG"),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile a.mp4\n",
    ],
)
def test_no_clip_is_refused_and_nothing_is_left(service: Served, content: bytes) -> None:
    answer = service.client.post("/v1/videos", content=content)
    assert_problem(answer, 415, "not-a-clip")
    assert "/" not in answer.json()["detail"]
    assert files(service) == []


def test_list_of_clips_never_leads_to_another_file(
    service: Served, clip: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(clip)
    content = f"ffconcat version 1.0\nfile {path}\n".encode()
    assert_problem(service.client.post("/v1/videos", content=content), 415, "not-a-clip")


def test_damaged_clip_fails_without_a_path(service: Served, clip: bytes) -> None:
    body = bytearray(clip)
    begun, end = body.index(b"mdat") + 4, body.index(b"moov") - 8
    body[begun:end] = bytes(end - begun)
    told = ended(service, place := begin(service, bytes(body)))
    assert told["state"] == "failed"
    assert told["problem"]["type"] == "urn:nearfar:problem:damaged-clip"
    assert told["problem"]["detail"] == "none of its frames can be decoded"
    refused = service.client.get(f"{place}/result")
    assert_problem(refused, 409, "no-result")
    assert files(service) == []


def test_model_error_fails_the_clip_only(
    service: Served, clip: bytes, photo: bytes, network: Network
) -> None:
    from nearfar.errors import InferenceError

    network.error = InferenceError("no luck at /somewhere")
    told = ended(service, begin(service, clip))
    assert told["problem"]["type"] == "urn:nearfar:problem:internal"
    assert "/somewhere" not in told["problem"]["detail"]
    network.error = None
    assert service.depth(photo).status_code == 200
    assert ended(service, begin(service, clip))["state"] == "done"


def test_running_clip_tells_how_far_it_is_and_is_cancelled(
    service: Served, clip: bytes, network: Network
) -> None:
    network.hold()
    place = begin(service, clip)
    network.wait_until_held()
    told = service.client.get(place).json()
    assert (told["state"], told["frames_done"], told["frames"]) == ("running", 0, FRAMES)
    refused = service.client.get(f"{place}/result")
    assert_problem(refused, 409, "no-result")
    assert refused.headers["retry-after"]
    calls = network.calls
    assert service.client.delete(place).status_code == 204
    network.let_go()
    until(lambda: files(service) == [])
    assert network.calls == calls + 1, "the frame that was at work is the last"
    assert_problem(service.client.delete(place), 404, "not-found")


def test_photos_are_answered_while_a_clip_is_at_work(
    service: Served, clip: bytes, photo: bytes, network: Network
) -> None:
    network.hold()
    place = begin(service, clip)
    network.wait_until_held()
    assert service.engine.running == 1, "a clip has one of the two workers"
    network.let_go()
    assert service.depth(photo).status_code == 200
    assert ended(service, place)["state"] == "done"


def test_every_kind_has_its_query_and_is_described(service: Served) -> None:
    schema = service.client.get("/openapi.json").json()["paths"]["/v1/videos"]["post"]
    parameters = {each["name"]: each for each in schema["parameters"]}
    assert parameters["show"]["schema"]["enum"] == list(KINDS)
    for model in QUERIES.values():
        for name, each in model.model_json_schema()["properties"].items():
            assert each["description"] in parameters[name]["description"]


def test_name_is_kept_and_leads_nowhere(service: Served, clip: bytes) -> None:
    name = "../../" + "海" * 120 + ".mp4"
    answer = service.client.post("/v1/videos", files={"clip": (name, clip)})
    place = answer.headers["location"]
    assert ended(service, place)["state"] == "done"
    header = service.client.get(f"{place}/result").headers["content-disposition"]
    assert httpx.URL(header.partition("UTF-8''")[2]).path == "海" * 100 + "-depth.mp4"
    service.client.delete(place)
