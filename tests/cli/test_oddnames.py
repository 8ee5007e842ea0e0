"""Names and outputs that are odd: long, Chinese, beginning with a dash, no text at all."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nearfar import read_depth
from nearfar.depth import DepthMap
from tests.cli.conftest import Run

MAIN = "from nearfar.cli import main; main()"


def command(*words: str, encoding: str, cwd: Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_chinese_name_is_printed_on_any_output(
    encoding: str, tmp_path: Path, examples: Path
) -> None:
    for name in ("照片 é.jpg", "😀.jpg"):
        shutil.copy(examples / "pet.jpg", tmp_path / name)
    ran = command("estimate", "照片 é.jpg", encoding=encoding, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    accent = b"\xe9" if encoding == "cp1252" else b"\\xe9"
    assert ran.stdout.split() == [rb"\u7167\u7247", accent + b"-depth.png"]
    ran = command("estimate", ".", "--force", "--json", encoding=encoding, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.decode(encoding).splitlines()]
    assert [row["input"] for row in rows] == ["照片 é.jpg", "😀.jpg"]
    assert b"1 picture left out, named as results are" in ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_of_bytes_is_printed_as_it_is(tmp_path: Path, examples: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(examples / "pet.jpg", tmp_path / name)
    ran = command("estimate", name, encoding="utf-8", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, b"caf\xe9-depth.png\n")
    ran = command("estimate", name, "--json", "--force", encoding="utf-8", cwd=tmp_path)
    assert os.fsencode(json.loads(ran.stdout)["depth"]) == b"caf\xe9-depth.png"


def test_long_names_and_bad_photos_are_rows_and_the_rest_is_made(
    run: Run, tmp_path: Path, examples: Path
) -> None:
    names = ["a.jpg", "b" * 242 + ".jpg", "c" * 251 + ".jpg", "照" * 83 + ".jpg", "z.jpg"]
    for name in names:
        shutil.copy(examples / "pet.jpg", tmp_path / name)
    (tmp_path / "m.jpg").write_bytes(b"no photo")
    (tmp_path / "n.jpg").symlink_to("n.jpg")  # a circle: OSError, too many levels
    ran = run("estimate", tmp_path, "--json", "--color", "--format", "png16")
    assert ran.status == 1
    rows = {Path(row["input"]).name: row for row in map(json.loads, ran.out.splitlines())}
    assert sorted(name for name, row in rows.items() if "error" in row) == ["m.jpg", "n.jpg"]
    for name in names:
        assert isinstance(read_depth(rows[name]["depth"]), DepthMap)
        assert Path(rows[name]["color"]).exists()
        assert len(os.fsencode(Path(rows[name]["color"]).name)) <= 255


def test_effects_of_long_names_are_made_too(run: Run, tmp_path: Path, examples: Path) -> None:
    for name in ("c" * 251 + ".jpg", "z.jpg"):
        shutil.copy(examples / "pet.jpg", tmp_path / name)
    (tmp_path / "m.jpg").write_bytes(b"no photo")
    ran = run("effect", "fog", tmp_path, "--json")
    assert ran.status == 1
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert ["error" in row for row in rows] == [False, True, False]
    assert all(Path(row["outputs"][0]).exists() for row in rows if "outputs" in row)


def test_words_behind_two_dashes_are_files(
    run: Run, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-x.jpg", "--debug"):
        shutil.copy(examples / "pet.jpg", name)
    assert run("estimate", "--", "-x.jpg").status == 0
    assert Path("-x-depth.png").exists()
    assert run("effect", "fog", "--", "--debug").status == 0
    assert Path("--debug-fog.jpg").exists()
    assert run("probe", "--", "-x.jpg", "3,4").status == 0
    assert run("estimate", "-x.jpg").status == 2


@pytest.mark.parametrize(
    "words",
    [
        *(("cloud", name) for name in ("", "/", ".")),
        *(("mesh", name) for name in ("", "/", "..")),
        *(("video", name) for name in (".", "/")),
        ("estimate", ""),
        ("estimate", "x" * 300),
        ("estimate", "x" * 5000, "x", "y"),
        ("effect", "fog", ""),
        ("effect", "fog", "x" * 300),
        ("cloud", "x" * 300 + ".jpg"),
        ("mesh", "a.jpg", "-o", "x" * 300 + ".glb"),
        ("probe", "", "1,1"),
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_what_is_no_file_is_told_in_one_line(run: Run, words: tuple[str, ...]) -> None:
    ran = run(*words)
    assert ran.status in {1, 2}
    assert "Traceback" not in ran.err
    lines = [line for line in ran.err.splitlines() if not line.startswith("0 of ")]
    assert len(lines) == len(words) - 1 if words[-1] == "y" else len(lines) == 1
    assert lines[0].startswith("nearfar: ")


def test_a_cut_photo_is_taken_when_asked_and_the_warning_told(
    run: Run, tmp_path: Path, examples: Path
) -> None:
    data = (examples / "pet.jpg").read_bytes()
    cut, unended = tmp_path / "cut.jpg", tmp_path / "unended.jpg"
    cut.write_bytes(data[: len(data) // 2])
    unended.write_bytes(data[: data.rindex(b"\xff\xd9")])
    ran = run("estimate", unended)
    assert ran.status == 0
    assert "warning" in ran.err
    assert "end marker of the" in ran.err
    ran = run("effect", "fog", cut)
    assert ran.status == 1
    assert "--allow-truncated" in run("effect", "fog", "--help").out
    ran = run("effect", "fog", cut, "--allow-truncated", "--json")
    assert ran.status == 0
    assert json.loads(ran.out)["warnings"]
