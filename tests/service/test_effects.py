"""Effects and scenes over HTTP: files that others read, and options that are refused."""

import io
import json
import zipfile
from typing import Any

import av
import numpy as np
import PIL.Image
import pytest
import soundfile
import trimesh

from nearfar.effects import EFFECTS, Clip, Effect, Picture
from nearfar.effects.export import kinds_of
from nearfar.errors import CancelledError, TimedOutError
from nearfar.service.routes.effects import CancelToken
from nearfar.service.schemas import MAX_TEXT
from tests.picturefiles import noise, saved
from tests.service.served import Served, assert_problem

QUICK: dict[str, dict[str, Any]] = {
    "rack-focus": {"seconds": 0.2, "hold": 0, "fps": 10},
    "parallax": {"seconds": 0.5, "fps": 10},
    "sonify": {"seconds": 0.5},
}


def opened(content: bytes) -> PIL.Image.Image:
    picture = PIL.Image.open(io.BytesIO(content))
    picture.load()
    return picture


def loaded(content: bytes, format: str) -> Any:
    scene: Any = trimesh.load(io.BytesIO(content), file_type=format, process=False)
    return scene.to_geometry() if isinstance(scene, trimesh.Scene) else scene


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_every_effect_answers(service: Served, photo: bytes, effect: Effect[Any, Any]) -> None:
    answer = service.client.post(
        f"/v1/effects/{effect.name}", content=photo, params=QUICK.get(effect.name, {})
    )
    assert answer.status_code == 200, answer.text
    assert f'filename="photo-{effect.name}' in answer.headers["content-disposition"]
    assert answer.headers["x-nearfar-model"] == "nearfar-lite"
    assert "finish;dur=" in answer.headers["server-timing"]
    kind, media_type = kinds_of(effect)[0], answer.headers["content-type"]
    if kind is Picture:
        picture = opened(answer.content)
        assert media_type == f"image/{str(picture.format).lower()}"
        assert picture.size in {(64, 48), (128, 48)}
    elif kind is Clip:
        assert media_type == "video/mp4"
        with av.open(io.BytesIO(answer.content), "r") as clip:
            assert len(list(clip.decode(video=0))) >= 2
    elif effect.name == "sonify":
        assert media_type == "audio/wav"
        assert soundfile.info(io.BytesIO(answer.content)).channels == 2
    elif effect.name == "photo3d":
        assert media_type == "text/html; charset=utf-8"
        assert answer.text.startswith("<!DOCTYPE html>")
    else:
        assert media_type == "application/json"
        assert len(answer.json()["sectors"]) == 5


def test_formats(service: Served, photo: bytes) -> None:
    def ask(name: str, **query: Any) -> bytes:
        answer = service.client.post(f"/v1/effects/{name}", content=photo, params=query)
        assert answer.status_code == 200, answer.text
        return answer.content

    assert opened(ask("stereo", layout="wiggle", format="gif")).format == "GIF"
    assert opened(ask("fog", format="webp", longest_px=32)).size == (32, 24)
    assert set(json.loads(ask("sonify", format="json", seconds=0.3))) == {"en", "zh"}
    names = zipfile.ZipFile(io.BytesIO(ask("navigate", format="zip"))).namelist()
    assert names[:2] == ["navigate.json", "navigate.jpg"]
    answer = service.client.post("/v1/effects/stereo?layout=half-tb", content=photo)
    assert 'filename="photo-stereo_TB.jpg"' in answer.headers["content-disposition"]


def test_pictures_are_files_of_the_form(service: Served, photo: bytes) -> None:
    green = saved(np.full((40, 40, 3), (0, 200, 0), np.uint8), "PNG")
    where: dict[str, Any] = {
        "x": 0.5,
        "y": 1,
        "nearness": 1,
        "size": 1,
        "haze": 0,
        "shadow": 0,
        "format": "png",
    }
    answer = service.client.post(
        "/v1/effects/sticker",
        files={"photo": ("a.jpg", photo), "picture": ("g.png", green)},
        params=where,
    )
    assert answer.status_code == 200, answer.text
    assert np.asarray(opened(answer.content))[24, 32].tolist() == pytest.approx([0, 200, 0], abs=2)
    files = {"photo": ("a.jpg", photo), "picture": ("g.png", b"none")}
    refused = service.client.post("/v1/effects/sticker", files=files)
    assert_problem(refused, 415, "not-a-picture")
    assert_problem(service.client.post("/v1/effects/fog", files=files), 400, "bad-request")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("effects/bokeh", {"aperture": 11}),
        ("effects/bokeh", {"bright": 1}),
        ("effects/bokeh", {"format": "mp4"}),
        ("effects/fog", {"color": "no such"}),
        ("effects/fog", {"density": "nan"}),
        ("effects/navigate", {"range_m": 1e9}),
        ("effects/navigate", {"clearance": "inf"}),
        ("effects/sticker", {"text": "a" * (MAX_TEXT + 1)}),
        ("effects/sticker", {"font": "/etc/hostname"}),
        ("effects/stereo", {"layout": "wiggle", "format": "jpg"}),
        ("cloud", {"near_m": 1}),
        ("cloud", {"near_m": 1, "far_m": 3, "camera_height_m": 2}),
        ("cloud", {"max_points": 10**9}),
        ("mesh", {"known": '[{"x_px": 1, "y_px": 1}]'}),
        ("mesh", {"format": "stl"}),
    ],
)
def test_what_makes_no_sense_is_refused(
    service: Served, photo: bytes, path: str, query: dict[str, Any]
) -> None:
    answer = service.client.post(f"/v1/{path}", content=photo, params=query)
    assert_problem(answer, 422, "bad-option")


def test_unknown_effect_is_not_there(service: Served, photo: bytes) -> None:
    assert_problem(service.client.post("/v1/effects/blur", content=photo), 404, "not-found")


@pytest.mark.parametrize("format", ["ply", "glb", "xyz"])
def test_cloud(service: Served, format: str) -> None:
    content = saved(noise(48, 64), "PNG")
    query: dict[str, Any] = {
        "format": format,
        "near_m": 2,
        "far_m": 4,
        "fov_deg": 50,
        "max_slope_deg": 90,
    }
    answer = service.client.post("/v1/cloud", content=content, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-nearfar-assumption"] == (
        "nearest pixel at 2 m, farthest at 4 m; field of view 50 deg"
    )
    points = loaded(answer.content, format).vertices
    assert points[:, 2].max() == pytest.approx(-2, abs=0.05)
    assert points[:, 2].min() == pytest.approx(-4, abs=0.05)


@pytest.mark.parametrize("format", ["glb", "obj", "ply"])
def test_mesh(service: Served, photo: bytes, format: str) -> None:
    answer = service.client.post(
        "/v1/mesh", content=photo, params={"format": format, "max_slope_deg": 90}
    )
    assert answer.status_code == 200, answer.text
    assert "(assumed)" in answer.headers["x-nearfar-assumption"]
    content = answer.content
    if format == "obj":
        assert 'filename="photo-mesh.zip"' in answer.headers["content-disposition"]
        archive = zipfile.ZipFile(io.BytesIO(content))
        assert sorted(archive.namelist()) == ["mesh-texture.jpg", "mesh.mtl", "mesh.obj"]
        content = archive.read("mesh.obj")
    # layers reach to the frame, the measured surface from middle to middle of the pixels there
    cells = 48 * 64 if format == "glb" else 47 * 63
    assert len(loaded(content, format).faces) == 2 * cells


def test_a_mesh_has_layers_only_where_they_are_wanted(service: Served, photo: bytes) -> None:
    query: dict[str, Any] = {"format": "glb", "max_slope_deg": 90, "layers": "false"}
    answer = service.client.post("/v1/mesh", content=photo, params=query)
    assert len(loaded(answer.content, "glb").faces) == 2 * 47 * 63


def test_known_points_give_metres(service: Served, photo: bytes) -> None:
    points: list[dict[str, Any]] = [
        {"x_px": 2, "y_px": 5, "metres": 5},
        {"x_px": 60, "y_px": 40, "metres": 5.0},
    ]
    answer = service.client.post(
        "/v1/cloud", files={"photo": ("a.jpg", photo)}, data={"known": json.dumps(points)}
    )
    assert_problem(answer, 422, "no-metres")
    points[0]["x_px"] = 900
    answer = service.client.post("/v1/cloud", content=photo, params={"known": json.dumps(points)})
    assert_problem(answer, 422, "bad-point")


def test_leash_ends_a_clip() -> None:
    frame = np.zeros((2, 2, 3), np.uint8)
    token = CancelToken(60)
    held = token.watched(Clip(iter([frame] * 3), 3, 25.0))
    assert isinstance(held, Clip)
    next(held.frames)
    token.cancel()
    with pytest.raises(CancelledError):
        next(held.frames)
    late = CancelToken(-1).watched(Clip(iter([frame]), 1, 25.0))
    assert isinstance(late, Clip)
    with pytest.raises(TimedOutError, match="fewer seconds"):
        next(late.frames)
    picture = Picture(frame)
    assert token.watched(picture) is picture
