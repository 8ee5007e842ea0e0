"""The page about the service says what is so, and its examples run."""

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from nearfar import read_depth
from nearfar.cli._shared import dashed
from nearfar.effects import EFFECTS
from nearfar.effects.export import suffixes_of
from nearfar.service.errors import PROBLEMS, type_of
from nearfar.service.response_formats import RESULTS, accepted
from nearfar.service.routes.effects import pictures_of
from nearfar.service.settings import PREFIX, ServiceOptions
from tests.service.served import Served

TEXT = (Path(__file__).parent.parent.parent / "docs" / "service.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:7860"


def blocks(language: str) -> list[str]:
    before_the_stream = TEXT.partition("## Live stream")[0]
    return re.findall(rf"```{language}\n(.*?)```", before_the_stream, flags=re.DOTALL)


@pytest.fixture
def engine(tmp_path: Path, street: Path) -> Path:
    shutil.copy(street, tmp_path / "street.jpg")
    return tmp_path


def test_every_setting_is_in_its_table() -> None:
    for each in fields(ServiceOptions):
        default = "" if each.default in {None, ""} else each.default
        row = (
            f"| `--{dashed(each.name)}` | `{PREFIX}{each.name.upper()}` | {default} |"
            f" {each.metadata['help']} |"
        )
        assert row in TEXT
    rows = re.findall(rf"^\| `--[\w-]+` \| `{PREFIX}", TEXT, flags=re.MULTILINE)
    assert len(rows) == len(fields(ServiceOptions)), "none is there that is no setting"


def test_every_problem_is_in_its_table() -> None:
    for slug, row in PROBLEMS.items():
        assert f"| {row.status} | `{type_of(slug)}` | {row.title} |" in TEXT


def test_every_format_is_in_its_table() -> None:
    for name, row in RESULTS.items():
        found, *others = re.findall(rf"\| `{name}` \|(.*?)\| {row.sentence} \|", TEXT) or [""]
        assert found, f"docs/service.md lacks a row of {name}"
        assert not others
        by_accept = accepted(row.media_type) == name
        assert (f"`{row.media_type}`" in found) is by_accept


def test_every_effect_is_in_its_table() -> None:
    for effect in EFFECTS:
        formats = ", ".join(f"`{each[1:]}`" for each in suffixes_of(effect))
        pictures = ", ".join(f"`{name}`" for name in pictures_of(effect.options))
        row = f"| `{effect.name}` | {effect.sentence} | {formats} | {pictures} |"
        assert row in TEXT, f"docs/service.md lacks the row {row}"


def test_python_example_runs(service: Served, engine: Path) -> None:
    (lines,) = blocks("python")
    program = lines.replace(ADDRESS, f"http://127.0.0.1:{service.port}")
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=engine, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "nearfar-lite" in ran.stdout
    assert "infer;dur=" in ran.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_examples_run(service: Served, engine: Path) -> None:
    script = "".join(block for block in blocks("sh") if block.startswith("curl"))
    script = script.replace(ADDRESS, f"http://127.0.0.1:{service.port}")
    ran = subprocess.run(
        ["sh", "-e"],
        input=script.replace("curl ", "curl -fsS "),
        cwd=engine,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert '"nearer_than_percent":' in ran.stdout
    assert (
        read_depth(engine / "street-depth.png").size_px
        == read_depth(engine / "street-depth.exr").size_px
    )
    assert (engine / "heat.jpg").read_bytes().startswith(b"\xff\xd8\xff")
