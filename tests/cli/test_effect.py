"""`nearfar effect`: every effect from a file to files that others read."""

import io
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
import soundfile
from numpy.typing import NDArray

from nearfar.cli._shared import dashed, user_language
from nearfar.cli.effect import is_result
from nearfar.effects import EFFECTS, Effect
from nearfar.effects.export import kinds_of
from tests.cli.conftest import Run

QUICK = {
    "rack-focus": ("--seconds", 0.2, "--hold", 0, "--fps", 10),
    "parallax": ("--seconds", 0.5, "--fps", 10),
    "sonify": ("--seconds", 0.5),
}


@pytest.fixture
def photo(examples: Path, tmp_path: Path) -> Path:
    path = tmp_path / "hill.jpg"
    PIL.Image.open(examples / "landscape.jpg").resize((320, 240)).save(path)
    return path


def piped(*words: object, stdin: bytes = b"") -> bytes:
    program = "from nearfar.cli import main; main()"
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def test_effects_read_and_write_standard_streams(photo: Path) -> None:
    picture = piped("effect", "fog", "-", stdin=photo.read_bytes())
    with PIL.Image.open(io.BytesIO(picture)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (320, 240))
    sound = piped("effect", "sonify", photo, "-o", "-", *QUICK["sonify"])
    assert soundfile.info(io.BytesIO(sound)).channels == 2
    target = photo.with_name("fog.webp")
    assert piped("effect", "fog", "-", "-o", target, stdin=photo.read_bytes()).strip()
    assert size_of(target) == (320, 240)


def test_the_second_of_two_words_is_the_output(run: Run, photo: Path) -> None:
    target = photo.with_name("fog.png")
    assert run("effect", "fog", photo, target).out == f"{target}\n"
    assert run("effect", "fog", photo, "fog.exr").status == 2


def size_of(path: Path) -> tuple[int, int]:
    with PIL.Image.open(path) as picture:
        return picture.size


def pixels_of(path: Path) -> NDArray[np.int16]:
    with PIL.Image.open(path) as picture:
        return np.asarray(picture, np.int16)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_every_effect_makes_a_file_that_others_open(
    run: Run, photo: Path, effect: Effect[Any, Any]
) -> None:
    ran = run("effect", effect.name, photo, "--json", *QUICK.get(effect.name, ()))

    assert ran.err == ""
    assert ran.status == 0
    row = json.loads(ran.out)
    assert (row["width_px"], row["height_px"]) == (320, 240)
    assert row["effect"] == effect.name
    first = Path(row["outputs"][0])
    assert first.name.startswith(f"hill-{effect.name}")
    kind = kinds_of(effect)[0].__name__
    if kind == "Picture":
        with PIL.Image.open(first) as picture:
            assert picture.size in {(320, 240), (640, 240)}
            assert (picture.mode == "RGBA") is (effect.name == "cutout")
    elif kind == "Clip":
        with av.open(str(first)) as clip:
            frames = list(clip.decode(video=0))
        assert len(frames) >= 2
        assert (frames[0].width, frames[0].height) == (320, 240)
    elif kind == "Sound":
        samples, rate_hz = soundfile.read(first)
        assert samples.shape == (round(0.5 * rate_hz), 2)
        assert set(row["summary"]) == {"en", "zh"}
    elif kind == "WebPage":
        assert first.read_text("utf-8").startswith("<!DOCTYPE html>")
    else:
        assert json.loads(first.read_text())["sectors"] == row["plan"]["sectors"]
        assert size_of(Path(row["outputs"][1])) == (320, 240)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_help_has_every_option_with_its_range(run: Run, effect: Effect[Any, Any]) -> None:
    text = " ".join(run("effect", effect.name, "--help").out.replace("│", " ").split())
    squeezed = text.replace(" ", "")
    for each in fields(effect.options):
        assert f"--{dashed(each.name)}" in text
        assert each.metadata["help"].replace(" ", "") in squeezed
        if {"ge", "le"} <= each.metadata.keys():
            assert f"({each.metadata['ge']:g}to{each.metadata['le']:g})" in squeezed


def test_stereo_is_named_for_players_and_wiggles(run: Run, photo: Path) -> None:
    run("effect", "stereo", photo, "--layout", "half-sbs")
    assert photo.with_name("hill-stereo_LR.jpg").exists()
    target = photo.with_name("w.gif")
    assert run("effect", "stereo", photo, "--layout", "wiggle", "-o", target).status == 0
    with PIL.Image.open(target) as picture:
        assert (sum(1 for _ in PIL.ImageSequence.Iterator(picture)), picture.size) == (
            8,
            (320, 240),
        )
        assert picture.info["loop"] == 0


def test_picture_is_given_by_its_path_and_keeps_its_alpha(run: Run, photo: Path) -> None:
    patch = np.zeros((40, 40, 4), np.uint8)
    patch[:, :10] = patch[:, 30:] = (255, 0, 0, 255)
    red = photo.with_name("red.png")
    PIL.Image.fromarray(patch).save(red)
    options = ("--x", 0.5, "--y", 0.9, "--nearness", 1, "--size", 0.8, "--shadow", 0, "--haze", 0)

    ran = run(
        "effect", "sticker", photo, "--picture", red, *options, "-o", photo.with_name("s.png")
    )

    assert ran.err == ""
    made = pixels_of(photo.with_name("s.png"))
    before = pixels_of(photo)
    assert abs(made[160, 160] - before[160, 160]).max() < 12
    assert made[160, 80, 0] > 240
    assert made[160, 80, 1:].max() < 30


def test_summary_is_in_the_language_of_the_user(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "左" in run("effect", "sonify", photo, "--seconds", 0.3).out
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert "left" in run("effect", "sonify", photo, "--seconds", 0.3, "--force").out
    assert user_language({"LANG": "zh_TW"}) == "zh"
    assert user_language({"LC_ALL": "en_US", "LANG": "zh_TW"}) == "en"
    assert user_language({}) == "en"


def test_folder_leaves_own_results_out(run: Run, photo: Path) -> None:
    assert run("effect", "fog", photo).status == 0
    out = photo.parent / "out"
    ran = run("effect", "fog", photo.parent, "-o", out, "--longest", 100)
    assert ran.status == 0
    assert [path.name for path in out.iterdir()] == ["hill-fog.jpg"]
    assert size_of(out / "hill-fog.jpg") == (100, 75)
    assert is_result(Path("a-stereo_LRF_Full_SBS.jpg"))
    assert not is_result(Path("a-fog-machine.jpg"))


def test_one_bad_photo_of_several_is_named(run: Run, photo: Path) -> None:
    bad = photo.with_name("bad.jpg")
    bad.write_bytes(b"no picture")
    ran = run("effect", "fade", photo, bad)
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "bad.jpg" in ran.err
    assert photo.with_name("hill-fade.jpg").exists()


@pytest.mark.parametrize(
    ("tokens", "status", "sentence"),
    [
        (("bokeh", "--aperture", "30"), 2, "at most 10"),
        (("bokeh", "-o", "x.mp4"), 2, ".webp"),
        (("bokeh", "--longest", "3"), 2, "at least 16"),
        (("sticker", "--picture", "nothing.png"), 1, "nothing.png"),
        (("sticker", "--text", "\U00012000"), 2, "glyph"),
        (("cutout", "-o", "x.jpg"), 2, "transparency"),
        (("blur",), 2, "blur"),
    ],
)
def test_bad_use(
    run: Run, photo: Path, tokens: tuple[str, ...], status: int, sentence: str
) -> None:
    name, *options = tokens
    ran = run("effect", name, photo, *options)
    assert ran.status == status
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in photo.parent.iterdir()] == ["hill.jpg"]


def test_what_is_there_is_kept(run: Run, photo: Path) -> None:
    for name in ("hill-navigate.jpg", "hill-parallax.mp4"):
        photo.with_name(name).write_bytes(b"mine")
    for name in ("navigate", "parallax"):
        ran = run("effect", name, photo)
        assert ran.status == 1
        assert "--force" in ran.err
    assert not photo.with_name("hill-navigate.json").exists()
    assert photo.with_name("hill-navigate.jpg").read_bytes() == b"mine"
    assert run("effect", "navigate", photo, "--force", "--quiet").out == ""
    assert photo.with_name("hill-navigate.jpg").read_bytes() != b"mine"


def test_start_up_imports_no_effect() -> None:
    script = (
        "import sys, nearfar.cli\n"
        "print([name for name in sys.modules if name.startswith('nearfar.effects')])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_effect_is_in_its_document_with_its_picture(examples: Path) -> None:
    docs = examples.parent / "docs"
    text = (docs / "effects.md").read_text("utf-8")
    for effect in EFFECTS:
        assert f"\n## {effect.name}\n" in text, f"docs/effects.md lacks {effect.name}"
    shown = re.findall(r"!\[.+?\]\((gallery/.+?\.jpg)\)", text)
    there = {f"gallery/{path.name}" for path in (docs / "gallery").glob("*.jpg")}
    assert set(shown) == there
    assert sum((docs / name).stat().st_size for name in there) < 2.5e6


def test_a_colon_in_the_name_of_a_film_is_no_protocol(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    ran = run("effect", "rack-focus", photo, "-o", "12:30.mp4", *QUICK["rack-focus"])

    assert ran.status == 0, ran.err
    with av.open("file:12:30.mp4") as film:
        assert len(list(film.decode(video=0))) >= 2
