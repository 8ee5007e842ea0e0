"""`nearfar estimate`, from one photo to a folder with bad ones."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

import nearfar
from nearfar import read_depth
from nearfar.depth import DepthMap
from tests.cli.conftest import Run


@pytest.fixture
def photo(tmp_path: Path, examples: Path) -> Path:
    return Path(shutil.copy(examples / "pet.jpg", tmp_path / "cat.jpg"))


def test_map_lies_beside_its_photo(run: Run, photo: Path) -> None:
    ran = run("estimate", photo)
    target = photo.with_name("cat-depth.png")
    assert (ran.status, ran.out, ran.err) == (0, f"{target}\n", "")
    with Pillow.open(target) as picture:
        assert picture.mode.startswith("I")
        assert picture.size == (451, 300)
    depth = read_depth(target)
    assert isinstance(depth, DepthMap)
    estimator = nearfar.load()
    assert depth.model == estimator.spec.name
    expected = estimator(nearfar.read_image(photo)).inverse_depth
    step = (expected.max() - expected.min()) / 65535
    np.testing.assert_allclose(depth.inverse_depth, expected, atol=2 * step)


def test_nothing_is_overwritten_unless_forced(run: Run, photo: Path) -> None:
    target = photo.with_name("cat-depth.png")
    target.write_bytes(b"mine")
    ran = run("estimate", photo)
    assert ran.status == 1
    assert "--force" in ran.err
    assert target.read_bytes() == b"mine"
    assert run("estimate", photo, "--force").status == 0
    assert target.read_bytes() != b"mine"


@pytest.mark.parametrize("name", ["a.png", "a.exr", "a.pfm", "a.tiff", "a.tif", "a.npy", "a.npz"])
def test_suffix_of_the_output_is_its_format(run: Run, photo: Path, name: str) -> None:
    target = photo.parent / "new folder" / name
    assert run("estimate", photo, "-o", target).status == 0
    assert isinstance(read_depth(target, kind="inverse_depth"), DepthMap)


def test_format_option_sets_the_suffix(run: Run, photo: Path) -> None:
    assert run("estimate", photo, "--format", "exr").out.strip().endswith("cat-depth.exr")
    run("estimate", photo, "--format", "png8")
    with Pillow.open(photo.with_name("cat-depth.png")) as picture:
        assert picture.mode == "L"


def test_unknown_suffix_names_the_known(run: Run, photo: Path) -> None:
    ran = run("estimate", photo, "-o", photo.parent / "a.gif")
    assert ran.status == 1
    assert ".exr" in ran.err


def test_picture_suffix_means_the_colors(run: Run, photo: Path) -> None:
    target = photo.parent / "heat.jpg"
    assert run("estimate", photo, "-o", target, "--colormap", "grey").out == f"{target}\n"
    picture = cv2.imread(str(target))
    assert picture is not None
    assert picture.shape == (300, 451, 3)
    assert not photo.with_name("heat-depth.png").exists()


def test_color_and_side_by_side(run: Run, photo: Path) -> None:
    ran = run("estimate", photo, "--color", "--side-by-side", "--robust", "--format", "png16")
    assert [Path(line).name for line in ran.out.splitlines()] == [
        "cat-depth.png",
        "cat-depth-color.jpg",
        "cat-depth-side.jpg",
    ]
    color, side = (
        cv2.imread(str(photo.with_name(f"cat-depth-{name}.jpg"))) for name in ("color", "side")
    )
    assert color is not None
    assert side is not None
    assert side.shape[0] == 300
    assert side.shape[1] > 2 * 451
    near = cv2.imread(str(photo.with_name("cat-depth.png")), cv2.IMREAD_UNCHANGED)
    assert near is not None
    brightness = color.astype(int).sum(axis=2)
    assert np.corrcoef(near.ravel(), brightness.ravel())[0, 1] > 0.9  # near = bright


def test_pictures_alone_leave_the_map_out(run: Run, photo: Path) -> None:
    assert run("estimate", photo, "--color").out == f"{photo.with_name('cat-depth-color.jpg')}\n"
    assert run("estimate", photo, "--side-by-side").out.endswith("cat-depth-side.jpg\n")
    assert not photo.with_name("cat-depth.png").exists()
    named = photo.with_name("map.exr")
    both = run("estimate", photo, "-o", named, "--color").out.splitlines()
    assert both == [str(named), str(photo.with_name("map-depth-color.jpg"))]
    alone = run("estimate", photo, "-o", photo.with_name("b.jpg"), "--side-by-side", "--color").out
    assert [Path(line).name for line in alone.splitlines()] == ["b.jpg", "b-depth-side.jpg"]


def test_the_second_of_two_words_is_the_output(run: Run, photo: Path) -> None:
    target = photo.with_name("map.png")
    assert run("estimate", photo, target).out == f"{target}\n"
    assert isinstance(read_depth(target), DepthMap)
    again = run("estimate", photo, target)
    assert (again.status, again.out) == (1, "")
    assert again.err.endswith("is there already: choose another name, or --force\n")
    assert run("estimate", photo, target, "--force").out == f"{target}\n"
    refused = run("estimate", photo, "map.gif")
    assert refused.status == 2
    assert "a result is named with -o: -o map.gif" in refused.err
    two = run("estimate", photo, shutil.copy(photo, photo.with_name("dog.jpg")))
    assert "2 of 2 photos" in two.err


def test_a_folder_without_photos_is_an_error(run: Run, tmp_path: Path, photo: Path) -> None:
    folder = tmp_path / "outer"
    (folder / "inner").mkdir(parents=True)
    for command in (("estimate",), ("effect", "fog")):
        ran = run(*command, folder)
        assert ran.status == 1
        assert f"{folder}: no photo is in this folder; -r also searches those inside it" in ran.err
    assert "nor in those inside it" in run("estimate", folder, "-r").err
    shutil.copy(photo, folder / "inner")
    assert "1 of 1 photos" in run("estimate", folder, "-r").err


def test_brackets_are_a_pattern_or_stand_for_themselves(run: Run, photo: Path) -> None:
    for name in ("a[1].jpg", "a1.jpg", "a2.jpg", "b1.jpg"):
        shutil.copy(photo, photo.with_name(name))
    assert run("estimate", photo.with_name("a[1].jpg")).out.endswith("a[1]-depth.png\n")
    assert "2 of 2 photos" in run("estimate", photo.with_name("a[12].jpg")).err
    assert "3 of 3 photos" in run("estimate", photo.with_name("[ab][12].jpg"), "--force").err


def test_refined_map_differs_and_has_the_same_size(run: Run, photo: Path) -> None:
    run("estimate", photo, "-o", photo.parent / "plain.npy")
    run("estimate", photo, "-o", photo.parent / "refined.npy", "--refine")
    plain, refined = (np.load(photo.parent / name) for name in ("plain.npy", "refined.npy"))
    assert plain.shape == refined.shape == (300, 451)
    assert 0 < np.abs(plain - refined).max() < plain.max() / 2


def test_json_line(run: Run, photo: Path) -> None:
    row = json.loads(run("estimate", photo, "--json").out)
    assert row.pop("ms") > 0
    assert row == {
        "input": str(photo),
        "model": nearfar.load().spec.name,
        "depth": str(photo.with_name("cat-depth.png")),
        "width_px": 451,
        "height_px": 300,
    }


@pytest.fixture
def trip(tmp_path: Path, examples: Path) -> Path:
    folder = tmp_path / "trip"
    (folder / "day 2").mkdir(parents=True)
    for index in range(5):
        shutil.copy(examples / "pet.jpg", folder / f"{index}.jpg")
    shutil.copy(examples / "street.jpg", folder / "day 2" / "a.jpg")
    return folder


def test_folder_goes_to_a_folder_with_its_tree(run: Run, trip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("estimate", trip, "-r", "-o", out)
    assert ran.status == 0
    assert ran.out == ""
    assert "6 of 6 photos" in ran.err
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert made == [*(f"{index}-depth.png" for index in range(5)), "day 2/a-depth.png"]


def test_many_give_the_same_as_one(run: Run, trip: Path, tmp_path: Path) -> None:
    # many get a thread each, with which auto may find the other network to be the faster one
    named = ("-m", "nearfar-lite")
    run("estimate", trip, "-o", tmp_path / "many", "--format", "npy", *named)
    run("estimate", trip / "0.jpg", "-o", tmp_path / "one.npy", *named)
    one = np.load(tmp_path / "one.npy")
    many = np.load(tmp_path / "many" / "0-depth.npy")
    np.testing.assert_allclose(many, one, rtol=1e-5, atol=1e-5 * one.max())


def test_own_results_are_not_photos(run: Run, trip: Path) -> None:
    assert "5 of 5 photos" in run("estimate", trip, "--color").err
    assert "5 of 5 photos" in run("estimate", trip, "--color", "--force").err


def test_skip_existing_goes_on_where_it_stood(run: Run, trip: Path) -> None:
    run("estimate", trip)
    (trip / "3-depth.png").unlink()
    ran = run("estimate", trip, "--skip-existing")
    assert ran.status == 0
    assert "1 of 5 photos" in ran.err
    assert "4 were there already" in ran.err


def test_bad_files_are_named_and_skipped(run: Run, trip: Path) -> None:
    (trip / "1.jpg").write_bytes(b"")
    (trip / "2.jpg").write_bytes(b"hello, I am no picture at all")
    whole = (trip / "3.jpg").read_bytes()
    (trip / "3.jpg").write_bytes(whole[: len(whole) // 2])
    ran = run("estimate", trip, "--json")
    assert ran.status == 1
    rows = {Path(row["input"]).name: row for row in map(json.loads, ran.out.splitlines())}
    assert [name for name, row in rows.items() if "error" in row] == ["1.jpg", "2.jpg", "3.jpg"]
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        assert f"{trip / name}: " in ran.err
    assert "2 of 5 photos" in ran.err
    assert "3 failed, named above" in ran.err
    made = sorted(path.name for path in trip.iterdir() if path.suffix == ".png")
    assert made == ["0-depth.png", "4-depth.png"]


def test_folder_can_t_go_into_a_file(run: Run, trip: Path) -> None:
    ran = run("estimate", trip, "-o", trip / "0.jpg")
    assert ran.status == 1
    assert "give a folder" in ran.err
    assert (trip / "0.jpg").stat().st_size > 1000


def test_two_photos_of_one_stem_don_t_replace_each_other(
    run: Run, trip: Path, examples: Path
) -> None:
    Pillow.open(examples / "street.jpg").save(trip / "0.webp")
    for force in ((), ("--force",)):
        ran = run("estimate", trip / "0.jpg", trip / "0.webp", *force)
        assert ran.status == 1
        assert "0.webp: another photo of this run is written to" in ran.err
        assert "1 of 2 photos" in ran.err
        assert read_depth(trip / "0-depth.png").size_px == (451, 300)


def test_full_disk_leaves_no_half_file(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    ran = run("estimate", photo)
    assert ran.status == 1
    assert "No space left on device" in ran.err
    assert [path.name for path in photo.parent.iterdir()] == ["cat.jpg"]


def piped(*tokens: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = "from nearfar.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, tokens)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_standard_input_to_standard_output(photo: Path) -> None:
    ran = piped("estimate", "-", stdin=photo.read_bytes())
    assert (ran.returncode, ran.stderr) == (0, b"")
    with Pillow.open(io.BytesIO(ran.stdout)) as picture:
        assert picture.size == (451, 300)


def test_standard_input_to_a_file(photo: Path) -> None:
    target = photo.parent / "b.npy"
    assert piped("estimate", "-", "-o", target, stdin=photo.read_bytes()).returncode == 0
    assert np.load(target).shape == (300, 451)


def test_file_to_standard_output(photo: Path) -> None:
    ran = piped("estimate", photo, "-o", "-", "--format", "npy")
    assert np.load(io.BytesIO(ran.stdout)).shape == (300, 451)


def test_color_to_standard_output(photo: Path) -> None:
    ran = piped("estimate", photo, "-o", "-", "--color")
    with Pillow.open(io.BytesIO(ran.stdout)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (451, 300))


@pytest.mark.parametrize("command", [("estimate",), ("effect", "fog")])
def test_nothing_binary_is_written_to_a_terminal(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    assert run(*command, photo, "-o", "-", "--json").status == 2
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ran = run(*command, photo, "-o", "-")
    assert (ran.status, ran.out) == (2, "")
    assert "redirect it with > FILE, or use -o FILE" in ran.err


def test_bad_standard_input_is_one_line() -> None:
    ran = piped("estimate", "-", stdin=b"no picture")
    assert ran.returncode == 1
    assert ran.stdout == b""
    assert ran.stderr.count(b"\n") == 1
    assert b"Traceback" not in ran.stderr


def test_second_photo_for_standard_output_is_refused(run: Run, photo: Path) -> None:
    assert run("estimate", photo, photo, "-o", "-").status == 2
