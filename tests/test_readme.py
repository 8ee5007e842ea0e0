"""The README's commands and Python lines do what they say, in both languages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nearfar.cli import main

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
def clone(tmp_path: Path, examples: Path) -> Path:
    """A folder with the examples, as a clone has them."""
    shutil.copytree(examples, tmp_path / "examples")
    return tmp_path


@pytest.mark.parametrize("readme", READMES)
def test_readme_commands_run_in_order_in_one_folder(readme: str, clone: Path) -> None:
    ran = 0
    for command in commands(readme):
        if not command.startswith("nearfar ") or command.startswith(ELSEWHERE):
            continue
        program = "from nearfar.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, *command.split()[1:]],
            cwd=clone,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        ran += 1
    assert ran >= 12
    made = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
    assert made >= {
        "examples/pet-depth.png",
        "pet.jpg",
        "street.exr",
        "maps/portrait-depth.png",
        "examples/portrait-bokeh.jpg",
        "me.png",
        "examples/indoor-photo3d.html",
        "indoor.glb",
        "examples/clip-depth-side.mp4",
        "again.png",
    }


@pytest.mark.parametrize("readme", READMES)
def test_readme_python_runs(readme: str, clone: Path) -> None:
    (lines,) = blocks(readme, "python")
    assert len([line for line in lines.splitlines() if line]) == 4
    subprocess.run([sys.executable, "-W", "error", "-c", lines], cwd=clone, check=True)
    assert (clone / "street-depth.png").stat().st_size > 10_000


def test_the_demo_is_small() -> None:
    assert (ROOT / "docs" / "img" / "demo.webp").stat().st_size < 1_500_000


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


def test_python_page_runs(tmp_path: Path, examples: Path) -> None:
    shutil.copy(examples / "indoor.jpg", tmp_path / "photo.jpg")
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    lines = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    subprocess.run([sys.executable, "-W", "error", "-c", lines], cwd=tmp_path, check=True)
    made = {"photo-depth.png", "photo-depth.jpg", "grey.png"}
    assert made <= {path.name for path in tmp_path.iterdir()}


def test_formats_page_python_runs(tmp_path: Path, examples: Path) -> None:
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    photo = str(examples / "landscape.jpg")
    before = f"import nearfar\ndepth = nearfar.load()(nearfar.read_image({photo!r}))\n"
    subprocess.run([sys.executable, "-W", "error", "-c", before + lines], cwd=tmp_path, check=True)
    assert (tmp_path / "photo-metres.exr").exists()


ZH = ROOT / "docs" / "zh"
TRANSLATED = ("effects.md", "models.md", "service.md")
RUN = ("examples/", "estimate ", "effect ", "probe ", "cloud ", "mesh ")
"""How the arguments of a command begin that needs no further package, and ends by itself."""


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", sorted(path.name for path in ZH.glob("*.md")))
def test_links_of_chinese_pages_lead_to_pages_and_headings(name: str) -> None:
    page = ZH / name
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text("utf-8"))
    assert len(links) >= 4
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_commands_of_the_chinese_quick_start_run_in_order(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    lines = [line.removeprefix("nearfar ") for line in commands("docs/zh/quickstart.md")]
    for line in lines:
        if line.startswith(RUN):
            with pytest.raises(SystemExit) as left:
                main(line.split())
            assert left.value.code == 0, line
    made = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
    assert made >= {
        "examples/pet-depth.png",
        "pet.jpg",
        "street.exr",
        "maps/portrait-depth.png",
        "examples/portrait-bokeh.jpg",
        "me.png",
        "street.ply",
        "indoor.glb",
    }


def test_python_of_the_chinese_quick_start_runs(clone: Path) -> None:
    (lines,) = blocks("docs/zh/quickstart.md", "python")
    assert len([line for line in lines.splitlines() if line]) == 5
    subprocess.run([sys.executable, "-W", "error", "-c", lines], cwd=clone, check=True)
    assert (clone / "street-depth.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", TRANSLATED)
def test_chinese_pages_have_the_commands_of_the_english_ones(name: str) -> None:
    for language in ("python", "sh", "console", "json", "nginx"):
        chinese = [bare(block) for block in blocks(f"docs/zh/{name}", language)]
        for block in blocks(f"docs/{name}", language):
            assert bare(block) in chinese, f"docs/zh/{name} lacks: {block}"


def bare(block: str) -> list[str]:
    """Return the lines of a block without its comments, which are translated."""
    return [line.partition("  #")[0].rstrip() for line in block.splitlines()]


@pytest.mark.parametrize("name", TRANSLATED)
def test_chinese_tables_have_the_names_of_the_english_ones(name: str) -> None:
    """Names of settings, formats, errors, devices and models are in code style in both."""
    english, chinese = (
        {code for row in table_rows(page) for code in re.findall(r"`([^`]+)`", row)}
        for page in (ROOT / "docs" / name, ZH / name)
    )
    assert english - chinese == set(), f"docs/zh/{name} lacks what docs/{name} has in its tables"


def table_rows(page: Path) -> list[str]:
    return re.findall(r"^\|.*$", page.read_text("utf-8"), flags=re.MULTILINE)
