"""The service over HTTP, where all goes well, and where the caller asks for what can't be."""

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from nearfar import DepthMap, load, read_depth
from nearfar.calibration import KnownPoint
from nearfar.config import OutputOptions
from nearfar.service.response_formats import RESULTS, accepted, encode
from tests.picturefiles import saved
from tests.service.served import Served, assert_problem, served, until

GREY = saved(np.full((48, 64, 3), 90, np.uint8), "PNG")
"""Of this the fake network makes a ramp: far at the top, near at the bottom."""


@pytest.mark.parametrize("name", RESULTS)
def test_every_format_holds_the_map(service: Served, name: str) -> None:
    answer = service.depth(GREY, format=name, colormap="grey")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == RESULTS[name].media_type
    if RESULTS[name].is_picture:
        picture = np.asarray(PIL.Image.open(BytesIO(answer.content)))
        assert picture.shape == (48, 64, 3)
        assert picture[0].mean() < 5
        assert picture[-1].mean() > 250
        return
    depth = read_depth(answer.content, kind="inverse_depth")
    assert isinstance(depth, DepthMap)
    assert depth.size_px == (64, 48)
    nearness = depth.nearness()
    assert (nearness[0] == 0).all()
    assert (nearness[-1] == 1).all()
    assert (np.diff(nearness[:, 0]) >= 0).all()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, "png16"),
        ("*/*", "png16"),
        ("image/*", "png16"),
        ("image/png", "png16"),
        ("image/jpeg", "jpeg"),
        ("IMAGE/WEBP", "webp"),
        ("application/x-npy", "npy"),
        ("application/*", "npy"),
        ("image/avif, image/webp;q=0.8, image/png;q=0.5", "webp"),
        ("image/png;q=0.2, image/jpeg;q=0.9, */*;q=0.1", "jpeg"),
        ("image/*, image/png;q=0", "exr"),
        ("text/html, */*;q=0.8", "png16"),
        ("text/html", None),
        ("image/png;q=none", None),
        ("", "png16"),
        (",;", None),
    ],
)
def test_accept_chooses_the_format(header: str | None, name: str | None) -> None:
    assert accepted(header) == name


def test_accept_and_format_over_http(service: Served) -> None:
    jpeg = {"Accept": "image/jpeg"}
    answer = service.client.post("/v1/depth", content=GREY, headers=jpeg)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["vary"] == "Accept"
    answer = service.client.post("/v1/depth?format=pfm", content=GREY, headers=jpeg)
    assert answer.content.startswith(b"Pf\n64 48\n")
    answer = service.client.post("/v1/depth", content=GREY, headers={"Accept": "text/html"})
    assert_problem(answer, 406, "not-acceptable")


def test_form_and_bare_body_are_answered_alike(service: Served) -> None:
    form = service.client.post("/v1/depth", files={"photo": ("my photo.png", GREY, "image/png")})
    bare = service.depth(GREY)
    assert form.content == bare.content
    assert "photo-depth.png" in bare.headers["content-disposition"]
    assert "my%20photo-depth.png" in form.headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b.jpg", 'attachment; filename="a.b-depth.exr"'),
        ("../../etc/passwd", 'attachment; filename="passwd-depth.exr"'),
        ("C:\\photos\\cat.jpg", 'attachment; filename="cat-depth.exr"'),
        (
            "街.jpg",
            "attachment; filename=\"photo-depth.exr\"; filename*=UTF-8''%E8%A1%97-depth.exr",
        ),
    ],
)
def test_answer_is_named_after_the_photo(service: Served, name: str, expected: str) -> None:
    answer = service.client.post("/v1/depth?format=exr", files={"photo": (name, GREY)})
    assert answer.headers["content-disposition"] == expected


def test_headers_say_who_answered_and_where_the_time_went(service: Served) -> None:
    headers = service.depth(GREY).headers
    assert headers["x-nearfar-model"] == "nearfar-lite"
    assert headers["x-nearfar-runtime"] == "onnxruntime"
    assert len(headers["x-request-id"]) == 16
    stages = [part.strip() for part in headers["server-timing"].split(",")]
    assert [stage.partition(";")[0] for stage in stages] == [
        "queue",
        "prepare",
        "infer",
        "finish",
    ]
    assert all(float(stage.partition("dur=")[2]) >= 0 for stage in stages)


def test_answer_is_what_the_library_gives(street: Path) -> None:
    with served() as service:
        answer = service.depth(street.read_bytes(), format="npy", input_size_px=320)
        picture = service.depth(street.read_bytes(), format="png", colormap="turbo", robust=True)
    depth = read_depth(answer.content, kind="inverse_depth")
    assert isinstance(depth, DepthMap)
    from nearfar.io.images import ImageFile

    with ImageFile(street) as file:
        expected = load(
            "nearfar-lite", runtime="onnxruntime", threads=1, input_size_px=320
        ).from_file(file)
        shown = load("nearfar-lite", runtime="onnxruntime", threads=1).from_file(file)
    np.testing.assert_allclose(depth.inverse_depth, expected.inverse_depth, rtol=1e-5, atol=1e-5)
    options = OutputOptions(colormap="turbo", robust=True)
    wanted = np.asarray(PIL.Image.open(BytesIO(encode(shown, "png", options))), np.int16)
    given = np.asarray(PIL.Image.open(BytesIO(picture.content)), np.int16)
    assert np.mean(np.abs(wanted - given) > 8) < 0.001


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"input_size_px": 1}, "input_size_px"),
        ({"input_size_px": "many"}, "input_size_px"),
        ({"colormap": "jet"}, "colormap"),
        ({"format": "gif"}, "format"),
        ({"refine": "perhaps"}, "refine"),
        ({"side_by_side": True}, "side_by_side"),
        ({"frobnicate": 1}, "frobnicate"),
    ],
)
def test_bad_options_are_named(service: Served, query: dict[str, Any], fault: str) -> None:
    answer = service.depth(GREY, **query)
    assert_problem(answer, 422, "bad-option")
    assert list(answer.json()["faults"]) == [fault]
    assert fault in answer.json()["detail"]


def test_unknown_model_is_refused(service: Served) -> None:
    assert_problem(service.depth(GREY, model="no-such"), 422, "unknown-model")
    known_but_not_here = service.depth(GREY, model="midas-small")
    assert_problem(known_but_not_here, 422, "unknown-model")


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"", 415, "not-a-picture"),
        (b"hello", 415, "not-a-picture"),
        (b"%PDF-1.7 ...", 415, "not-a-picture"),
        (GREY[:60], 422, "damaged-picture"),
        (b"\xff\xd8\xff\xe0 and no more", 422, "damaged-picture"),
    ],
)
def test_what_is_no_picture_is_refused(
    service: Served, body: bytes, status: int, slug: str
) -> None:
    for answer in (
        service.depth(body),
        service.client.post("/v1/depth", files={"photo": ("a.jpg", body)}),
    ):
        assert_problem(answer, status, slug)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "multipart/form-data"}, b"--x\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nno form"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n"),
    ],
)
def test_damaged_forms_are_refused(service: Served, headers: dict[str, str], body: bytes) -> None:
    answer = service.client.post("/v1/depth", content=body, headers=headers)
    assert_problem(answer, 400, "bad-request")


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"picture": GREY}},
        {"files": {"photo": GREY}, "data": {"format": "exr"}},
        {"files": [("photo", GREY), ("photo", GREY)]},
        {"data": {"photo": "text"}, "files": {"other": GREY}},
    ],
)
def test_forms_of_other_fields_are_refused(service: Served, form: dict[str, Any]) -> None:
    assert_problem(service.client.post("/v1/depth", **form), 400, "bad-request")


def test_probe_reads_points(service: Served) -> None:
    points = [{"x_px": 3, "y_px": 0}, {"x_px": 3, "y_px": 47}]
    form = service.client.post(
        "/v1/probe", files={"photo": GREY}, data={"points": json.dumps(points)}
    )
    assert form.status_code == 200, form.text
    answer = form.json()
    assert (answer["model"], answer["width_px"], answer["height_px"]) == ("nearfar-lite", 64, 48)
    assert answer["assumption"] is None
    far, near = answer["points"]
    assert (far["nearness"], near["nearness"]) == (0, 1)
    assert far["nearer_than_percent"] < 3
    assert near["nearer_than_percent"] > 97
    assert far["metres"] is near["metres"] is None
    assert near["inverse_depth"] > far["inverse_depth"]
    bare = service.client.post("/v1/probe", content=GREY, params={"points": json.dumps(points)})
    assert bare.json() == answer
    assert "infer;dur=" in bare.headers["server-timing"]


def test_probe_gives_metres_when_two_points_are_known(service: Served) -> None:
    known = [KnownPoint(10, 4, 8.0), KnownPoint(10, 40, 2.0)]
    points = [{"x_px": 50, "y_px": 22}, *(vars(point) for point in known)]
    answer = service.client.post("/v1/probe", content=GREY, params={"points": json.dumps(points)})
    between, far, near = (row["metres"] for row in answer.json()["points"])
    assert far == pytest.approx(8, rel=0.01)
    assert near == pytest.approx(2, rel=0.01)
    # half way in the map is half way in 1/metres: 2 / (1/8 + 1/2)
    assert between == pytest.approx(3.2, rel=0.05)
    assert "2 points of known distance" in answer.json()["assumption"]


@pytest.mark.parametrize(
    ("points", "slug", "word"),
    [
        (None, "bad-option", "points="),
        ("", "bad-option", ""),
        ("[]", "bad-option", ""),
        ("[1]", "bad-option", ""),
        ('[{"x_px": 1}]', "bad-option", ""),
        ('[{"x_px": 1.5, "y_px": 1}]', "bad-option", ""),
        ('[{"x_px": 1, "y_px": 1, "metres": -2}]', "bad-option", ""),
        ('[{"x_px": 1, "y_px": 1, "metres": Infinity}]', "bad-option", ""),
        ('[{"x_px": 64, "y_px": 1}]', "bad-point", "64,1 is outside"),
        ('[{"x_px": 1, "y_px": 1, "metres": 2}]', "no-metres", "two points"),
        (json.dumps([{"x_px": 1, "y_px": 1}] * 101), "bad-option", ""),
    ],
)
def test_bad_points_are_refused(service: Served, points: str | None, slug: str, word: str) -> None:
    query = {} if points is None else {"points": points}
    answer = service.client.post("/v1/probe", content=GREY, params=query)
    assert_problem(answer, 422, slug)
    assert word in answer.json()["detail"]


def test_models_are_listed(service: Served) -> None:
    (row,) = [
        row for row in service.client.get("/v1/models").json()["models"] if row["default_for"]
    ]
    assert (row["name"], row["default_for"]) == ("nearfar-lite", ["photo", "stream"])
    assert row["size_bytes"] > 1_000_000
    assert row["licence"]


def test_health(service: Served) -> None:
    for path in ("/healthz", "/readyz"):
        answer = service.client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_metrics_count_requests(service: Served) -> None:
    service.depth(GREY)
    service.depth(b"nothing")
    counts = [
        'nearfar_requests_total{method="POST",route="/v1/depth",status="200"} ',
        'nearfar_requests_total{method="POST",route="/v1/depth",status="415"} ',
        'nearfar_stage_seconds_count{stage="infer"} ',
        "nearfar_running 0.0",
    ]
    # a request is counted once its answer is sent
    until(lambda: all(count in service.client.get("/metrics").text for count in counts))
    assert service.client.get("/metrics").headers["content-type"].startswith("text/plain")


def test_wrong_paths_and_methods_are_problems(service: Served) -> None:
    assert_problem(service.client.get("/nothing"), 404, "not-found")
    assert_problem(service.client.get("/v1/nothing"), 404, "not-found")
    assert_problem(service.client.post("/v1/depth/", content=GREY), 404, "not-found")
    answer = service.client.get("/v1/depth")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    assert_problem(service.client.delete("/healthz"), 405, "method-not-allowed")


def test_without_a_page_its_place_says_so(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert service.client.get("/").text == "The service is at /v1: see /docs."
    monkeypatch.setitem(sys.modules, "gradio", None)
    with served(page=True) as bare:
        answer = bare.client.get("/")
    assert (answer.status_code, answer.text.count("\n")) == (200, 0)
    assert "pip install 'nearfar[web]'" in answer.text


def test_a_picture_too_long_for_its_format_is_the_requests_fault(service: Served) -> None:
    long = saved(np.zeros((1, 17_000, 3), np.uint8), "PNG")
    assert_problem(service.depth(long, format="webp"), 422, "format-too-small")
