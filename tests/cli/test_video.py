import json
import subprocess
import sys
from pathlib import Path

import av
import pytest

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
        (["--show", "grey10", "-o", "out.mp4"], 2, "ends in .mkv"),
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


def test_an_effect_with_alpha_is_refused(run: Run, clip: Path) -> None:
    ran = run("video", clip, "--show", "cutout", *MODEL)
    assert ran.status == 1
    assert "background" in ran.err
    assert sorted(path.name for path in clip.parent.iterdir()) == ["clip.mp4"]


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
