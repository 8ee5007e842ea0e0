"""What holds for every command."""

import subprocess
import sys
from pathlib import Path

import pytest

from nearfar import __version__
from nearfar.cli import COMMANDS
from tests.cli.conftest import Run


def test_version(run: Run) -> None:
    ran = run("--version")
    assert (ran.status, ran.out.strip()) == (0, __version__)


@pytest.mark.parametrize("command", [place.partition(":")[0] for place in COMMANDS])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    assert command in run("--help").out
    ran = run(command, "--help")
    assert ran.status == 0
    assert len(ran.out) > 100


@pytest.mark.parametrize(
    "tokens",
    [
        ("frobnicate",),
        ("estimate",),
        ("estimate", "a.jpg", "--frobnicate"),
        ("estimate", "a.jpg", "--max-side", "10"),
        ("estimate", "a.jpg", "--max-side", "many"),
        ("estimate", "a.jpg", "--colormap", "jet"),
        ("estimate", "a.jpg", "--format", "gif"),
        ("estimate", "a.jpg", "--threads", "0"),
        ("estimate", "a.jpg", "--runtime", "cuda"),
        ("estimate", "a.jpg", "-m", "no-such-model"),
        ("probe", "a.jpg", "here"),
        ("export", "a.pt", "--size", "large"),
        ("models", "show", "no-such-model"),
    ],
)
def test_bad_use_is_one_line_and_status_2(run: Run, tokens: tuple[str, ...]) -> None:
    ran = run(*tokens)
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("nearfar: ")
    assert ran.err.count("\n") == 1


def test_failure_is_one_line_and_status_1(run: Run, tmp_path: Path) -> None:
    ran = run("estimate", tmp_path / "none.jpg")
    assert ran.status == 1
    assert ran.err == f"nearfar: {tmp_path / 'none.jpg'}: No such file or directory\n"


def test_debug_adds_the_traceback(run: Run) -> None:
    ran = run("models", "show", "no-such-model", "--debug")
    assert ran.status == 2
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith("nearfar: ")


def test_reader_that_goes_away_is_no_traceback() -> None:
    program = "import sys; from nearfar.cli import main; main(['models', 'list'])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in {0, 1}
