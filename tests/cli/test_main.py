"""What holds for every command."""

import shlex
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from nearfar import __version__
from nearfar.cli import COMMANDS, app
from nearfar.cli._examples import EXAMPLES
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
        ("estimate", "a.jpg", "--input-size", "10"),
        ("estimate", "a.jpg", "--input-size", "many"),
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


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (("estimat", "a.jpg"), "Did you mean estimate? "),
        (("estimate", "a.jpg", "--colr"), "unknown option --colr. Did you mean --color? "),
        (("effect", "fog", "a.jpg", "--densty=1"), "Did you mean --density? "),
        (("video", "a.mp4", "--shw", "side"), "Did you mean --show? "),
        (("estimate", "a.jpg", "--input-size", "10"), "--input-size must be at least 32, not 10"),
        (("effect", "bokeh", "a.jpg", "--aperture", "99"), "--aperture must be at most 10"),
        (("estimate", "a.jpg", "--colr"), "See: nearfar estimate --help"),
    ],
)
def test_messages_name_options_as_they_are_typed(
    run: Run, tokens: tuple[str, ...], sentence: str
) -> None:
    assert sentence in run(*tokens).err.replace('"', "")  # versions of Cyclopts quote differently


def test_a_photo_in_place_of_a_command_is_estimated(
    run: Run, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cat.jpg", "-x.jpg", "doctor"):
        shutil.copy(examples / "pet.jpg", name)
    assert run("cat.jpg", "-o", "map.exr").out == "map.exr\n"
    assert run("--", "-x.jpg").out == "-x-depth.png\n"
    assert "2 of 2 photos" in run(".", "--force").err
    assert "cat" not in run("doctor", "--help").out, "a command comes first"
    assert run("none.jpg").err == "nearfar: none.jpg: No such file or directory\n"


def test_every_command_has_examples() -> None:
    assert list(EXAMPLES) == [place.partition(":")[0] for place in COMMANDS]


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_of_the_help_are_understood(run: Run, command: str) -> None:
    shown = " ".join(run(command, "--help").out.split())
    for example in EXAMPLES[command]:
        assert example[:60] in shown
        words = shlex.split(example.removeprefix('eval "$(').removesuffix(')"'))
        tokens = list(takewhile(lambda word: word not in {"<", ">"}, words))
        assert tokens[:2] == ["nearfar", command]
        app.parse_args(tokens[1:], exit_on_error=False, print_error=False)


def test_options_are_in_groups(run: Run) -> None:
    shown = run("estimate", "--help").out
    places = [shown.index(name) for name in ("Input and output", "Model", "Colors", "Limits")]
    assert places == sorted(places)


def test_completion_prints_a_script_and_installs_only_when_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "--side-by-side" in run("completion", "bash").out
    assert list(tmp_path.iterdir()) == []
    written = Path(run("completion", "bash", "--install").out.partition(":")[0])
    assert written.is_relative_to(tmp_path)
    assert "--side-by-side" in written.read_text("utf-8")


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
