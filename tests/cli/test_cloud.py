"""`nearfar cloud` and `nearfar mesh`: photos to 3-D files."""

import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import trimesh

from nearfar.cli._shared import parse_distance, parse_point
from nearfar.errors import UsageError
from tests.cli.conftest import Run


@pytest.fixture
def photo(examples: Path, tmp_path: Path) -> Path:
    """A small photo whose EXIF says 35 mm."""
    picture = PIL.Image.open(examples / "landscape.jpg").resize((320, 240))
    exif = PIL.Image.Exif()
    exif.get_ifd(34665)[41989] = 35
    path = tmp_path / "hill.jpg"
    picture.save(path, exif=exif.tobytes())
    return path


def test_cloud_lands_beside_the_photo_and_names_its_assumptions(run: Run, photo: Path) -> None:
    ran = run("cloud", photo)

    assert ran.status == 0
    assert ran.err == ""
    assert "nearest pixel at 1 m, farthest at 5 m (assumed)" in ran.out
    assert "35 mm equivalent" in ran.out
    head = photo.with_name("hill-cloud.ply").read_bytes()[:400]
    assert b"comment nearest pixel at 1 m, farthest at 5 m (assumed); focal length 35 mm" in head


def test_mesh_lands_beside_the_photo(run: Run, photo: Path) -> None:
    ran = run("mesh", photo, "--json", "--near", "80cm", "--far", "inf", "--fov", "50")

    row = json.loads(ran.out)
    assert row["output"] == str(photo.with_name("hill-mesh.glb"))
    assert row["faces"] > 50_000
    assert row["assumption"] == "nearest pixel at 0.8 m, farthest at inf m; field of view 50 deg"
    assert photo.with_name("hill-mesh.glb").read_bytes()[:4] == b"glTF"


def test_layers_are_for_glb_unless_it_is_said(run: Run, photo: Path, tmp_path: Path) -> None:
    size = ("--max-slope", 90, "--max-vertices", 100_000, "--quiet")
    faces = {}
    for name, options in {"a.glb": (), "b.glb": ("--no-layers",), "c.ply": ("--layers",)}.items():
        assert run("mesh", photo, "-o", tmp_path / name, *size, *options).status == 0
        scene: Any = trimesh.load(tmp_path / name, process=False)
        mesh: Any = scene.to_geometry() if isinstance(scene, trimesh.Scene) else scene
        faces[name] = len(mesh.faces)
    width, height = 320, 240
    whole, measured = 2 * width * height, 2 * (width - 1) * (height - 1)
    assert faces == {"a.glb": whole, "b.glb": measured, "c.ply": whole}


@pytest.mark.parametrize("command", ["cloud", "mesh", "probe"])
def test_odd_photos_are_taken_with_a_warning_and_cut_ones_when_that_is_asked(
    run: Run, photo: Path, command: str
) -> None:
    points = ["9,9"] * (command == "probe")
    content = photo.read_bytes()
    photo.write_bytes(content[:-2])
    ran = run(command, photo, *points, "--json")
    assert (ran.status, ran.err.count("\n")) == (0, 1), ran.err
    assert f"warning: {photo}: the end marker of the JPEG is missing" in ran.err
    if command != "probe":
        assert "end mark" in json.loads(ran.out)["warnings"][0]
    photo.write_bytes(content[: len(content) * 3 // 4])
    force = ["--force"] * (command != "probe")
    assert run(command, photo, *points, *force).status == 1
    ran = run(command, photo, *points, *force, "--allow-truncated")
    assert ran.status == 0
    assert f"warning: {photo}: the JPEG is truncated" in ran.err
    assert run(command, photo, *points, *force, "--max-pixels", "1000").status == 1


def test_known_points_and_camera_height(run: Run, photo: Path, tmp_path: Path) -> None:
    known = run("cloud", photo, "-o", tmp_path / "a.xyz", "--known", "75,225=1.5m", "75,150=5m")
    assert "2 points of known distance, 1.5 to 5 m" in known.out
    height = run(
        "mesh", photo, "-o", tmp_path / "a.obj", "--camera-height", "1.6m", "--max-vertices", 1000
    )
    assert "camera 1.60 m over a flat floor" in height.out
    assert (tmp_path / "a-texture.jpg").exists()


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (("cloud", "--near", "1m"), "both"),
        (("mesh", "--near", "1m", "--known", "1,1=1m"), "or known points"),
        (("cloud", "--known", "1,1=1m", "2,2"), "2,2=1.5m"),
        (("cloud", "--near", "near", "--far", "5m"), "150cm"),
        (("cloud", "--fov", "300"), "fov"),
        (("cloud", "--max-slope", "95"), "--max-slope must be at most 90"),
        (("cloud", "-o", "a.stl"), ".xyz"),
        (("mesh", "-o", "a.xyz"), ".obj"),
    ],
)
def test_bad_use(run: Run, photo: Path, tokens: tuple[str, ...], sentence: str) -> None:
    command, *options = tokens
    ran = run(command, photo, *options)

    assert ran.status == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in photo.parent.iterdir()] == ["hill.jpg"]


@pytest.mark.parametrize(("command", "name"), [("cloud", "c.ply"), ("mesh", "m.glb")])
def test_what_is_there_is_kept(run: Run, photo: Path, command: str, name: str) -> None:
    target = photo.with_name(name)
    target.write_bytes(b"mine")

    ran = run(command, photo, "-o", target)
    assert ran.status == 1
    assert "--force" in ran.err
    assert target.read_bytes() == b"mine"

    assert run(command, photo, "-o", target, "--force", "--quiet", "--no-refine").out == ""
    assert target.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("text", "metres"),
    [("1.5", 1.5), ("1.5m", 1.5), ("150cm", 1.5), ("2km", 2000), (".5m", 0.5), ("30mm", 0.03)],
)
def test_distances(text: str, metres: float) -> None:
    assert parse_distance(text) == pytest.approx(metres)
    assert parse_point(f"3,4={text}") == (3, 4, parse_distance(text))
    assert parse_point("3,4") == (3, 4, None)


@pytest.mark.parametrize("text", ["", "m", "-1m", "1 m", "1ft", "1e3"])
def test_no_distances(text: str) -> None:
    with pytest.raises(UsageError, match="distance"):
        parse_distance(text)
