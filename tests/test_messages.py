"""Messages of the library speak of Python's parameters; the command line adds the flags."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearfar.cli._shared import sentence_of
from nearfar.config import EstimateOptions
from nearfar.errors import NearfarError, OutputExistsError, UsageError

SOURCE = Path(__file__).parent.parent / "src" / "nearfar"

FLAG = re.compile(r"(?:^|[\s(`'\"])(?:--[a-z][a-z-]+|-[a-z](?=[\s,;:)]|$))")
"""A flag of a command line, as a message would name it."""

OTHER_PROGRAMS = ("pip install", "-frames")
"""Texts with flags of other programs."""


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Give the string constants of a module that are no docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    bare = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


def flags_in(text: str) -> list[str]:
    """Give the flags that a text names."""
    return [] if any(each in text for each in OTHER_PROGRAMS) else FLAG.findall(text)


@pytest.mark.parametrize(
    "text", ["use --force to replace it", "estimate it by itself, with -o", "(--crop none)"]
)
def test_a_flag_is_found(text: str) -> None:
    assert flags_in(text)


def test_no_message_of_the_library_names_a_flag() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text!r}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.relative_to(SOURCE).parts[0] != "cli"
        for line, text in _texts(path)
        if " " in text and flags_in(text)
    ]
    assert not found


def test_the_command_line_adds_the_flags_of_the_options() -> None:
    error = OutputExistsError("a.png is there already: overwrite it", options=("overwrite",))
    assert str(error) == "a.png is there already: overwrite it"
    assert sentence_of(error) == "a.png is there already: overwrite it (--force)"
    named = OutputExistsError("there already: overwrite=True replaces it", options=("overwrite",))
    assert sentence_of(named) == "there already: --force replaces it"
    with pytest.raises(UsageError) as caught:
        EstimateOptions(input_size_px=1)
    assert str(caught.value) == "input_size_px must be at least 32, not 1"
    assert sentence_of(caught.value) == "--input-size must be at least 32, not 1"
    several = UsageError("leave them out", options=("input_size_px", "side_by_side"))
    assert sentence_of(several) == "leave them out (--input-size, --side-by-side)"
    assert sentence_of(NearfarError("as it is")) == "as it is"


def test_an_error_keeps_its_options_from_process_to_process() -> None:
    error = OutputExistsError("there", options=("overwrite",))
    error = pickle.loads(pickle.dumps(error))  # noqa: S301 - written a line before
    assert (str(error), error.options) == ("there", ("overwrite",))
