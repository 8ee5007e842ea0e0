"""A network that gives metres, from `models add` to every command that works with depth."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from nearfar.camera import Camera
from nearfar.depth import MetricDepth, read_depth
from tests.cli.conftest import Run
from tests.models.networks import depth_anything_metric, metric3d, unidepth
from tests.video.clips import picture, write_clip

SIZED = ("--width", 56, "--height", 42, "--multiple-of", 14, "--interpolation", "area")
OWN = ("-m", "own", "--runtime", "onnxruntime", "--threads", 1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """White at the top, black at the bottom: 20.5 m above, 0.5 m below; EXIF says 35 mm."""
    rows = np.linspace(255, 0, 84).round().astype(np.uint8)
    pixels = np.broadcast_to(rows[:, None, None], (84, 112, 3))
    exif = PIL.Image.Exif()
    exif.get_ifd(34665)[41989] = 35
    path = tmp_path / "slope.png"
    PIL.Image.fromarray(np.ascontiguousarray(pixels)).save(path, exif=exif.tobytes())
    return path


def add(run: Run, folder: Path, content: bytes, *words: object) -> str:
    file = folder / "net.onnx"
    file.write_bytes(content)
    ran = run("models", "add", "own", file, *SIZED, *words)
    assert (ran.status, ran.err) == (0, "")
    return ran.out


def test_add_says_what_was_understood(run: Run, tmp_path: Path) -> None:
    said = add(run, tmp_path, unidepth(), "--output", "metres", "--resize", "stretch").splitlines()
    assert said[0].startswith("metres: depth in metres along the view axis")
    assert (
        "input K (free, 3, 3) float32: the camera's matrix, in pixels of the network's input"
        in said
    )
    assert "output depth (free, 1, 28, 42) float32: the depth map" in said
    assert "output confidence (free, 1, 28, 42) float32: not used" in said
    shown = run("models", "show", "own").out
    assert "graph.family   metres" in shown
    assert "graph.intrinsics K" in shown
    assert "graph.points" not in shown


def test_add_does_not_guess_what_several_outputs_mean(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(metric3d())
    ran = run("models", "add", "own", file)
    assert ran.status == 2
    assert ran.err.count("\n") == 1
    assert ran.err.strip().endswith("with --output")
    assert "own" not in run("models", "list").out


def test_metres_reach_files_points_scenes_effects_and_clips(
    run: Run, tmp_path: Path, photo: Path
) -> None:
    add(run, tmp_path, depth_anything_metric(), "--output", "metres")

    target = tmp_path / "map.npz"
    assert run("estimate", photo, "-o", target, "--side-by-side", *OWN).status == 0
    found = read_depth(target)
    assert isinstance(found, MetricDepth)
    assert (found.model, found.assumption) == ("own", "metres of the network")
    assert found.at(50, 83) < 1
    assert found.at(50, 0) > 19
    assert run("estimate", photo, *OWN).status == 0
    millimetres = read_depth(tmp_path / "slope-depth.png")
    assert isinstance(millimetres, MetricDepth)
    np.testing.assert_allclose(millimetres.metres, found.metres, atol=6e-4)

    near, far = map(
        json.loads, run("probe", photo, "50,83", "50,0", "--json", *OWN).out.splitlines()
    )
    assert near["metres"] == pytest.approx(found.at(50, 83), abs=1e-3)
    assert near["nearness"] == 1 > far["nearness"] == 0
    twice = [f"50,{row}={2 * found.at(50, row):.3f}m" for row in (70, 20)]
    again = run("probe", photo, *twice, "50,40", "--json", *OWN).out.splitlines()
    assert json.loads(again[2])["metres"] == pytest.approx(2 * found.at(50, 40), rel=0.02)

    cloud = run("cloud", photo, "--json", *OWN)
    assumption = "metres of the network; focal length 35 mm (35 mm equivalent)"
    assert json.loads(cloud.out)["assumption"] == assumption
    mesh = run("mesh", photo, "--json", "--near", "1m", "--far", "2m", *OWN)
    assert json.loads(mesh.out)["assumption"].startswith("nearest pixel at 1 m, farthest at 2 m")

    assert run("effect", "fog", photo, "-o", tmp_path / "fog.png", *OWN).status == 0
    fogged = np.asarray(PIL.Image.open(tmp_path / "fog.png").convert("RGB"), np.float32)
    plain = np.asarray(PIL.Image.open(photo).convert("RGB"), np.float32)
    changed = np.abs(fogged - plain).mean(axis=(1, 2))
    assert changed[:20].mean() != changed[-5:].mean()

    clip = write_clip(tmp_path / "clip.mp4", [picture(number) for number in range(4)])
    frames = tmp_path / "frames"
    assert run("video", clip, "-o", frames, "--show", "png16", *OWN).status == 0
    assert len(list(frames.glob("*.png"))) == 4


def test_the_lens_of_exif_or_of_the_user_scales_canonical_metres(
    run: Run, tmp_path: Path, photo: Path
) -> None:
    add(run, tmp_path, metric3d(), "--output", "canonical-metres")

    def metres(*words: object) -> MetricDepth:
        target = tmp_path / "map.npz"
        assert run("estimate", photo, "-o", target, "--force", *OWN, *words).status == 0
        found = read_depth(target)
        assert isinstance(found, MetricDepth)
        return found

    by_exif, by_user = metres(), metres("--fov", 90)
    assert by_exif.assumption.endswith("focal length 35 mm (35 mm equivalent)")
    assert by_user.assumption.endswith("field of view 90 deg")
    ratio = Camera.from_focal_35mm(35, (112, 84)).fx_px / Camera.from_fov(90, (112, 84)).fx_px
    np.testing.assert_allclose(by_exif.metres, by_user.metres * ratio, rtol=1e-4)


def test_a_metric_network_is_not_quantized(run: Run, tmp_path: Path, examples: Path) -> None:
    add(run, tmp_path, depth_anything_metric(), "--output", "metres")
    ran = run("quantize", "own", "--calibrate", examples)
    assert ran.status == 2
    assert "own is of the family metres" in ran.err
