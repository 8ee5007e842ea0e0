"""Files, opened by others: trimesh, OpenCV and plain parsing."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

from nearfar.depth import MetricDepth
from nearfar.errors import OutputExistsError, UsageError, WriteError
from nearfar.geometry import (
    CloudOptions,
    Mesh,
    MeshOptions,
    PointCloud,
    encode_cloud,
    encode_mesh,
    make_cloud,
    make_mesh,
    write_cloud,
    write_mesh,
)
from nearfar.geometry.export import CLOUD_FORMATS, MESH_FORMATS, suffix_of
from tests.geometry import scenes
from tests.geometry.scenes import CAMERA

PHOTO = scenes.photo()
NOTE = "nearest pixel at 1 m,\nfarthest at 5 m; 视角"
DEPTH = MetricDepth(scenes.box_before_wall(2, 4).metres, "m", NOTE)
LINE = " ".join(NOTE.split())


@pytest.fixture(scope="module")
def cloud() -> PointCloud:
    return make_cloud(DEPTH, PHOTO, CAMERA, CloudOptions(step_px=8, normals=True))


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return make_mesh(DEPTH, CAMERA, MeshOptions(step_px=8))


def for_viewers(points: np.ndarray) -> np.ndarray:
    """The axes of the files, by hand: y up, z towards the viewer."""
    return np.stack((points[:, 0], -points[:, 1], -points[:, 2]), axis=1)


def opened(data: bytes, suffix: str) -> Any:
    loaded: Any = trimesh.load(io.BytesIO(data), file_type=suffix[1:], process=False)
    if isinstance(loaded, trimesh.Scene):
        (loaded,) = loaded.geometry.values()
    return loaded


def document(glb: bytes) -> dict[str, Any]:
    """The JSON of a GLB, whose frame is checked by the specification's words."""
    magic, version, length = struct.unpack_from("<4sII", glb)
    assert (magic, version, length) == (b"glTF", 2, len(glb))
    size, kind = struct.unpack_from("<I4s", glb, 12)
    assert kind == b"JSON"
    assert size % 4 == 0
    binary, kind = struct.unpack_from("<I4s", glb, 20 + size)
    assert kind == b"BIN\0"
    assert 28 + size + binary == len(glb)
    found: dict[str, Any] = json.loads(glb[20 : 20 + size])
    assert found["buffers"][0]["byteLength"] == binary
    for view in found["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= binary
    return found


# Clouds


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_clouds_open_in_trimesh(cloud: PointCloud, suffix: str) -> None:
    found = opened(encode_cloud(cloud, suffix), suffix)

    np.testing.assert_allclose(found.vertices, for_viewers(cloud.xyz), rtol=1e-6)
    red, green, blue = found.colors[:, :3].T
    assert ((red > 200) == (cloud.rgb[:, 0] == 255)).all()
    assert ((green > 200) == (cloud.rgb[:, 1] == 255)).all()
    assert ((blue > 200) == (cloud.rgb[:, 2] == 255)).all()


def test_xyz_is_lines_of_six(cloud: PointCloud) -> None:
    data = encode_cloud(cloud, ".xyz")

    rows = np.loadtxt(io.BytesIO(data))
    np.testing.assert_allclose(rows[:, :3], for_viewers(cloud.xyz), rtol=1e-5)
    np.testing.assert_array_equal(rows[:, 3:], cloud.rgb)
    found = opened(data, ".xyz")
    np.testing.assert_array_equal(found.colors[:, :3], cloud.rgb)


def test_ply_by_plain_parsing(cloud: PointCloud) -> None:
    head, body = encode_cloud(cloud, ".ply").split(b"end_header\n", 1)
    lines = head.decode().splitlines()

    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert f"comment {LINE}" in lines
    assert f"element vertex {len(cloud)}" in lines
    names = [line.split()[-1] for line in lines if line.startswith("property")]
    assert names == ["x", "y", "z", "nx", "ny", "nz", "red", "green", "blue"]
    row = struct.Struct("<6f3B")
    assert len(body) == row.size * len(cloud)
    *numbers, red, green, blue = row.unpack_from(body, row.size * 7)
    assert cloud.normals is not None
    np.testing.assert_array_equal(numbers[:3], for_viewers(cloud.xyz)[7])
    np.testing.assert_array_equal(numbers[3:], for_viewers(cloud.normals)[7])
    assert (red, green, blue) == tuple(cloud.rgb[7])


def test_cloud_in_glb_is_points_in_linear_light() -> None:
    grey = PointCloud(np.ones((1, 3), np.float32), np.full((1, 3), 188, np.uint8), note=NOTE)
    glb = encode_cloud(grey, ".glb")
    found = document(glb)

    (primitive,) = found["meshes"][0]["primitives"]
    assert primitive["mode"] == 0
    assert found["scenes"][0]["extras"]["assumption"] == NOTE
    accessor = found["accessors"][primitive["attributes"]["COLOR_0"]]
    assert accessor["normalized"]
    start = found["bufferViews"][accessor["bufferView"]]["byteOffset"]
    stored = np.frombuffer(glb[-found["buffers"][0]["byteLength"] :][start:], np.uint16, 4)
    # sRGB 188 is half of the light
    np.testing.assert_allclose(stored / 65535, [0.5, 0.5, 0.5, 1], atol=0.005)


# Meshes


@pytest.mark.parametrize("suffix", MESH_FORMATS)
def test_meshes_open_in_trimesh(mesh: Mesh, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a b{suffix}"
    write_mesh(mesh, PHOTO, path)
    loaded: Any = trimesh.load(path, process=False)
    (found,) = loaded.geometry.values() if isinstance(loaded, trimesh.Scene) else (loaded,)

    assert len(found.faces) == len(mesh.faces)
    triangles = for_viewers(mesh.vertices)[mesh.faces]
    np.testing.assert_allclose(found.triangles, triangles, rtol=1e-5, atol=1e-6)
    towards = np.einsum("fc,fc->f", found.face_normals, -found.triangles.mean(axis=1))
    assert (towards > 0).all()  # the camera sees the faces' fronts


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
@pytest.mark.parametrize("texture", ["jpg", "png"])
def test_each_quadrant_has_its_color(mesh: Mesh, tmp_path: Path, suffix: str, texture: Any) -> None:
    path = tmp_path / f"scene{suffix}"
    write_mesh(mesh, PHOTO, path, options=MeshOptions(texture=texture))
    loaded: Any = trimesh.load(path, process=False)
    (found,) = loaded.geometry.values() if isinstance(loaded, trimesh.Scene) else (loaded,)

    colors = found.visual.to_color().vertex_colors[:, :3] > 128
    left, upper = found.vertices[:, 0] < 0, found.vertices[:, 1] > 0
    inner = (abs(found.vertices[:, :2] / found.vertices[:, 2:]) > 0.03).all(axis=1)
    for where, color in (
        (left & upper, (True, False, False)),
        (~left & upper, (False, True, False)),
        (left & ~upper, (False, False, True)),
        (~left & ~upper, (True, True, True)),
    ):
        assert (where & inner).sum() > 100
        assert (colors[where & inner] == color).all()


def test_ply_mesh_has_the_colors_of_its_vertices(mesh: Mesh) -> None:
    found = opened(encode_mesh(mesh, PHOTO, ".ply")["mesh.ply"], ".ply")

    left, upper = mesh.vertices[:, 0] < 0, mesh.vertices[:, 1] < 0
    assert (found.visual.vertex_colors[left & upper, :3] == (255, 0, 0)).all()
    assert (found.visual.vertex_colors[~left & upper, :3] == (0, 255, 0)).all()


def test_glb_says_what_it_is(mesh: Mesh) -> None:
    found = document(encode_mesh(mesh, PHOTO, ".glb")["mesh.glb"])

    assert found["scenes"][0]["extras"]["assumption"] == NOTE
    assert found["extensionsUsed"] == ["KHR_materials_unlit"]
    assert found["images"][0]["mimeType"] == "image/jpeg"
    (primitive,) = found["meshes"][0]["primitives"]
    position = found["accessors"][primitive["attributes"]["POSITION"]]
    corners = for_viewers(mesh.vertices)
    np.testing.assert_array_equal(position["min"], corners.min(axis=0))
    np.testing.assert_array_equal(position["max"], corners.max(axis=0))


def test_with_normals_viewers_light_it() -> None:
    lit = make_mesh(DEPTH, CAMERA, MeshOptions(step_px=8, normals=True))
    glb = encode_mesh(lit, PHOTO, ".glb")["mesh.glb"]

    assert "extensionsUsed" not in document(glb)
    assert lit.normals is not None
    np.testing.assert_allclose(
        opened(glb, ".glb").vertex_normals, for_viewers(lit.normals), atol=1e-6
    )
    text = encode_mesh(lit, PHOTO, ".obj")["mesh.obj"].decode()
    assert text.count("\nvn ") == len(lit.vertices)
    assert "property float nx" in encode_mesh(lit, PHOTO, ".ply")["mesh.ply"][:500].decode("latin")


def test_obj_and_its_companions(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "my photo.jpg").write_bytes(b"the user's own")

    write_mesh(mesh, PHOTO, tmp_path / "my photo.obj")

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"my photo.jpg", "my photo.obj", "my_photo.mtl", "my_photo-texture.jpg"}
    assert (tmp_path / "my photo.jpg").read_bytes() == b"the user's own"
    lines = (tmp_path / "my photo.obj").read_text("utf-8").splitlines()
    assert f"# {LINE}" in lines
    assert "mtllib my_photo.mtl" in lines
    assert "map_Kd my_photo-texture.jpg" in (tmp_path / "my_photo.mtl").read_text()
    texture = cv2.imread(str(tmp_path / "my_photo-texture.jpg"))
    assert texture is not None
    assert texture.shape == (240, 320, 3)


def test_large_textures_are_made_smaller(mesh: Mesh) -> None:
    options = MeshOptions(texture="png", max_texture_px=100)
    files = encode_mesh(mesh, PHOTO, ".obj", stem="a", options=options)

    texture = cv2.imdecode(np.frombuffer(files["a-texture.png"], np.uint8), cv2.IMREAD_COLOR)
    assert texture is not None
    assert texture.shape == (75, 100, 3)
    assert list(files)[-1] == "a.obj"


# Writing


@pytest.mark.parametrize("suffix", CLOUD_FORMATS)
def test_cloud_is_kept_unless_told(cloud: PointCloud, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix.upper()}"
    write_cloud(cloud, path)
    before = path.read_bytes()

    with pytest.raises(OutputExistsError, match="overwrite=True"):
        write_cloud(cloud, path, overwrite=False)
    assert path.read_bytes() == before == encode_cloud(cloud, suffix)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("there", ["a.obj", "a.mtl", "a-texture.jpg"])
def test_one_file_that_is_there_keeps_all_from_being_written(
    mesh: Mesh, tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_bytes(b"mine")

    with pytest.raises(OutputExistsError, match=there):
        write_mesh(mesh, PHOTO, tmp_path / "a.obj", overwrite=False)

    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_bytes() == b"mine"


def test_bad_places(mesh: Mesh, cloud: PointCloud, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'.stl': use .glb, .obj, .ply"):
        write_mesh(mesh, PHOTO, tmp_path / "a.stl")
    with pytest.raises(UsageError, match=r"use .ply, .glb, .xyz"):
        write_cloud(cloud, tmp_path / "a")
    with pytest.raises(WriteError, match="No such"):
        write_cloud(cloud, tmp_path / "none" / "a.ply")
    assert suffix_of("x/Y.PLY", CLOUD_FORMATS, "cloud") == ".ply"
