"""Find the photos and the output that the words of a command mean, `-` among them."""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

from cyclopts import Parameter

from nearfar.cli._shared import FILES, UnknownFlagError, are_many, is_pattern
from nearfar.errors import DepthFileError, ImageNotFoundError, UsageError

if TYPE_CHECKING:
    from nearfar.io.find_images import Found

STREAM: Final = "-"
"""Standard input or output."""


def _no_options(_: type, inputs: list[str]) -> None:
    """Refuse unknown options, which the parser takes for photos since `-` is one."""
    for text in inputs:
        if text.startswith("-") and text != STREAM:
            raise UnknownFlagError(text)


Inputs = Annotated[
    list[str],
    Parameter(
        name=["--input", "-i"],
        negative="",
        allow_leading_hyphen=True,
        validator=_no_options,
        group=FILES,
    ),
]
Output = Annotated[
    str | None, Parameter(name=["--output", "-o"], allow_leading_hyphen=True, group=FILES)
]
Recursive = Annotated[
    bool,
    Parameter(
        name=["--recursive", "-r"],
        negative="",
        group=FILES,
        help="Search the folders in folders too.",
    ),
]


def split_output(
    inputs: list[str], output: str | None, suffixes: Callable[[], Collection[str]]
) -> tuple[list[str], str | None]:
    """Take the second of two words as the output, as `cp` does, where it can be no photo.

    Args:
        inputs: the words of the command.
        output: that of `-o`, which excludes this.
        suffixes: returns those of results, in small letters; called for two words only.

    Returns:
        The photos, and the output.

    Raises:
        UsageError: the second word is neither a file that is there nor the name of a result.
    """
    if output is not None or len(inputs) != 2:
        return inputs, output
    photo, second = inputs
    if second == STREAM or is_pattern(second):
        return inputs, None
    is_result = Path(second).suffix.lower() in suffixes()
    if os.path.exists(second):  # noqa: PTH110 - a Path's raises for some names
        return ([photo], second) if is_result and _is_depth(second) else (inputs, None)
    if is_result:
        return [photo], second
    raise UsageError(f"{second}: no such photo; a result is named with -o: -o {second}")


def photos(
    inputs: Sequence[str],
    *,
    recursive: bool,
    on_skip: Callable[[Path], None] = lambda _: None,
) -> "Iterator[Found]":
    """Find photos as `nearfar.io.find_images.find` does, and `-`, which is standard input.

    Yields:
        A photo, or an error: a folder without any is one.
    """
    from nearfar.io.find_images import Found, find

    for text in inputs:
        if text == STREAM:
            yield Found(Path("stdin"), stream=sys.stdin.buffer)
            continue
        is_empty = True
        for found in find([text], recursive=recursive, on_skip=on_skip):
            is_empty = False
            yield found
        if is_empty:
            remedy = "nor in those inside it" if recursive else "-r also searches those inside it"
            error = ImageNotFoundError(f"{text}: no photo is in this folder; {remedy}")
            yield Found(Path(text), error=error)


def binary_output() -> BinaryIO:
    """Return standard output for bytes.

    Raises:
        UsageError: it is a terminal.
    """
    if sys.stdout.isatty():
        raise UsageError(
            "binary data is not written to a terminal: redirect it with > FILE, or use -o FILE"
        )
    return sys.stdout.buffer


def is_to_stdout(inputs: Sequence[str], output: str | None, *, json_lines: bool) -> bool:
    """Return whether the result is written to standard output; refuse a terminal early.

    Raises:
        UsageError: standard output is a terminal, has to take JSON too, or several results.
    """
    if output != STREAM and (output is not None or list(inputs) != [STREAM]):
        return False
    if json_lines:
        raise UsageError("--json and the result can't both be written to standard output: use -o")
    if are_many(inputs):
        raise UsageError("standard output takes the result of one photo: give a folder with -o")
    binary_output()
    return True


def _is_depth(path: str) -> bool:
    """Return whether a file states that it is a depth map, and so no photo."""
    from nearfar.io.depth_files import read_samples

    try:
        return read_samples(path)[1] is not None or Path(path).suffix.lower() in {".npy", ".pfm"}
    except DepthFileError:
        return False
