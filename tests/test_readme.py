"""The README's commands and Python lines do what they say, in both languages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.video.clips import picture, write_clip

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
ELSEWHERE = (
    "nearfar models pull",
    "nearfar train",
    "nearfar evaluate",
    "nearfar quantize",
    "nearfar serve",
    "nearfar live",
    "nearfar batch",
)
"""What needs a network or minutes, or does not end: run, on a local server or on small sets, in
tests/cli, tests/models, tests/scale and tests/service."""


def blocks(readme: str, language: str) -> list[str]:
    text = (ROOT / readme).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(readme: str) -> list[str]:
    lines = "".join(blocks(readme, "sh")).splitlines()
    return [line.partition("#")[0].strip() for line in lines]


@pytest.fixture
def desk(tmp_path: Path, examples: Path) -> Path:
    """A folder with the photos that the README speaks of."""
    shutil.copy(examples / "indoor.jpg", tmp_path / "photo.jpg")
    shutil.copy(examples / "street.jpg", tmp_path / "street.jpg")
    write_clip(tmp_path / "clip.mp4", [picture(number) for number in range(5)])
    (tmp_path / "holiday" / "day 1").mkdir(parents=True)
    shutil.copy(examples / "portrait.jpg", tmp_path / "holiday" / "day 1" / "we.jpg")
    return tmp_path


@pytest.mark.parametrize("readme", READMES)
def test_readme_commands_run(readme: str, desk: Path) -> None:
    ran = 0
    for command in commands(readme):
        if not command.startswith("nearfar ") or command.startswith(ELSEWHERE):
            continue
        words = command.split()[1:]
        program = "from nearfar.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=desk,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        ran += 1
    assert ran >= 8
    made = {str(path.relative_to(desk)) for path in desk.rglob("*") if path.is_file()}
    assert made >= {
        "photo-depth.png",
        "depth.exr",
        "photo-depth-color.jpg",
        "photo-depth-side.jpg",
        "maps/day 1/we-depth.png",
        "again.png",
        "clip-depth-side.mp4",
    }


@pytest.mark.parametrize("readme", READMES)
def test_readme_python_runs(readme: str, desk: Path) -> None:
    (lines,) = blocks(readme, "python")
    assert len([line for line in lines.splitlines() if line]) == 4
    subprocess.run([sys.executable, "-W", "error", "-c", lines], cwd=desk, check=True)
    assert (desk / "street-depth.png").stat().st_size > 10_000


@pytest.mark.parametrize("readme", READMES)
def test_make_targets_are_there(readme: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [command.split()[1] for command in commands(readme) if command.startswith("make ")]
    assert targets == ["run", "test"]
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_both_languages_show_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])
    assert blocks(READMES[0], "python") == blocks(READMES[1], "python")


@pytest.mark.parametrize(
    "page",
    [*READMES, "CONTRIBUTING.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))],
)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text("utf-8"))
    missing = [link for link in links if not (path.parent / link).exists()]
    assert missing == []


def test_python_page_runs(desk: Path) -> None:
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    lines = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    subprocess.run([sys.executable, "-W", "error", "-c", lines], cwd=desk, check=True)
    made = {"photo-depth.png", "photo-depth.jpg", "grey.png"}
    assert made <= {path.name for path in desk.iterdir()}


def test_formats_page_python_runs(desk: Path, examples: Path) -> None:
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    photo = str(examples / "landscape.jpg")
    before = f"import nearfar\ndepth = nearfar.load()(nearfar.read_image({photo!r}))\n"
    subprocess.run([sys.executable, "-W", "error", "-c", before + lines], cwd=desk, check=True)
    assert (desk / "photo-metres.exr").exists()
