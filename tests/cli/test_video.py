import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import get_args

import av
import numpy as np
import PIL.Image
import pytest

from nearfar.cli.video import _ending
from nearfar.effects.frames import FRAME_EFFECTS
from nearfar.video.capture import live_frames
from nearfar.video.renderers import ShowName
from tests.cli.conftest import Run
from tests.video.clips import picture, write_clip

MODEL = ("--model", "nearfar-lite", "--runtime", "onnxruntime", "--threads", "1")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", [picture(number) for number in range(4)])


def test_a_clip_becomes_its_depth_beside_it(run: Run, clip: Path) -> None:
    ran = run("video", clip, *MODEL)

    target = clip.with_name("clip-depth.mp4")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"{target}: 4 frames in ")
    with av.open(str(target)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_each_kind_of_result_has_its_own_name(run: Run, clip: Path) -> None:
    endings = [_ending(show) for show in (*get_args(ShowName), *FRAME_EFFECTS)]
    assert len(set(endings)) == len(endings)
    for show, name in (("side", "clip-depth-side.mp4"), ("exr", "clip-depth-exr")):
        assert run("video", clip, "--show", show, *MODEL).status == 0
        assert clip.with_name(name).exists()


def test_json(run: Run, clip: Path) -> None:
    target = clip.with_name("frames")
    ran = run("video", clip, "-o", target, "--show", "png16", "--json", *MODEL)

    row = json.loads(ran.out)
    assert row["frames"] == 4
    assert row["output"] == str(target)
    assert row["model"] == "nearfar-lite"
    assert row["warnings"] == []
    assert len(list(target.glob("*.png"))) == 4


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["--show", "grey10", "-o", "out.mp4"], 2, "end in .mkv"),
        (["--show", "nonsense"], 2, "nonsense"),
        (["--smooth", "--colormap", "none"], 2, "none"),
    ],
)
def test_wrong_use(run: Run, clip: Path, words: list[str], status: int, sentence: str) -> None:
    ran = run("video", clip, *words)
    assert ran.status == status
    assert sentence in ran.err


def test_nothing_is_replaced_unless_forced(run: Run, clip: Path) -> None:
    target = clip.with_name("clip-depth.mp4")
    target.write_bytes(b"mine")
    assert run("video", clip, *MODEL).status == 1
    assert target.read_bytes() == b"mine"
    assert run("video", clip, "--force", "--no-smooth", "--no-steady", *MODEL).status == 0
    assert target.read_bytes() != b"mine"


def test_an_effect_on_every_frame(run: Run, clip: Path) -> None:
    ran = run("video", clip, "--show", "fog", "--set", "density=0.5", *MODEL)

    assert (ran.status, ran.err) == (0, "")
    assert clip.with_name("clip-fog.mp4").exists()


@pytest.mark.parametrize("kind", [*get_args(ShowName), *FRAME_EFFECTS])
def test_everything_that_can_be_shown_works_with_its_defaults(
    run: Run, clip: Path, kind: str
) -> None:
    ran = run("video", clip, "--show", kind, *MODEL)

    assert (ran.status, ran.err) == (0, "")
    (target,) = (each for each in clip.parent.iterdir() if each != clip)
    if target.is_dir():
        assert len(list(target.glob("0*"))) == 4
        return
    with av.open(str(target)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_a_cutout_lies_on_white(run: Run, clip: Path) -> None:
    assert run("video", clip, "--show", "cutout", "--set", "cut=1", *MODEL).status == 0
    with av.open(str(clip.with_name("clip-cutout.mp4"))) as film:
        frame = next(film.decode(video=0)).to_ndarray(format="rgb24")
    assert np.median(frame) >= 253


@pytest.mark.parametrize("name", ["12:30.mp4", "2024-01-01T12:30:00.mp4", "concat:x.mp4"])
def test_a_colon_in_a_name_is_no_protocol(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(clip.parent)
    clip.rename(name)

    ran = run("video", name, "-o", f"out:{name}", *MODEL)
    assert (ran.status, ran.err) == (0, "")
    ran = run("video", f"./{name}", "-o", f"./file:{name}", "--show", "side", *MODEL)
    assert (ran.status, ran.err) == (0, "")
    names = sorted(path.name for path in clip.parent.iterdir())
    assert names == sorted([name, f"out:{name}", f"file:{name}"])
    assert next(live_frames(name, threading.Event())).shape == (48, 64, 3)


def test_deinterlacing_can_be_chosen(run: Run, clip: Path) -> None:
    for when in ("on", "off", "auto"):
        assert run("video", clip, "--deinterlace", when, "--force", *MODEL).status == 0
    assert run("video", clip, "--deinterlace", "perhaps", "--force", *MODEL).status == 2


def test_a_folder_is_no_clip(run: Run, tmp_path: Path) -> None:
    ran = run("video", tmp_path, "-o", tmp_path / "out.mp4", *MODEL)
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 1


def test_a_clip_that_cannot_be_decoded_gives_one_line(run: Run, tmp_path: Path) -> None:
    pictures = [PIL.Image.fromarray(picture(number)) for number in range(3)]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:])

    ran = run("video", tmp_path / "a.webp", *MODEL)
    assert ran.status == 1
    (line,) = ran.err.splitlines()
    assert "codec is not supported" in line
    assert [path.name for path in tmp_path.iterdir()] == ["a.webp"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--show", "sonify"], "no effect 'sonify' for a clip"),
        (["--show", "fog", "--set", "density=2"], "at most 0.99"),
        (["--show", "fog", "--set", "density=much"], "density=much"),
        (["--show", "fog", "--set", "height=2"], "fog has density"),
        (["--show", "side", "--set", "density=0.5"], "for effects"),
    ],
)
def test_wrong_settings(run: Run, clip: Path, words: list[str], sentence: str) -> None:
    ran = run("video", clip, *words, *MODEL)
    assert ran.status == 2
    assert sentence in ran.err


def test_no_clip(run: Run, tmp_path: Path) -> None:
    ran = run("video", tmp_path / "none.mp4", *MODEL)
    assert ran.status == 1
    assert "none.mp4" in ran.err


END = """
import os, signal, sys
from nearfar.cli import main
from nearfar.video import pipeline

made = pipeline.convert

def convert(*args, progress, **options):
    def ended(done, all_):
        if progress:
            progress(done, all_)
        if done == 2:
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    return made(*args, progress=ended, **options)

pipeline.convert = convert
main(sys.argv[2:])
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("show", ["color", "png16"])
def test_a_signal_leaves_nothing_half_done(
    tmp_path: Path, name: str, status: int, show: str
) -> None:
    clip = write_clip(tmp_path / "long.mp4", [picture(number % 4) for number in range(60)])
    words = ["video", str(clip), "--show", show, "-o", str(tmp_path / "out"), *MODEL]
    if show == "color":
        words[words.index(str(tmp_path / "out"))] += ".mp4"
    ran = subprocess.run(
        [sys.executable, "-c", END, name, *words], capture_output=True, timeout=240, check=False
    )
    assert ran.returncode == status, ran.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["long.mp4"]


def test_a_title_that_is_no_utf8_is_no_fault(run: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", [picture(number) for number in range(4)])
    content = clip.read_bytes()
    place = content.index(b"Lavf")
    clip.write_bytes(content[:place] + b"L\xe4vf" + content[place + 4 :])
    for _ in range(3):
        assert run("video", clip, "--force", *MODEL).status == 0
