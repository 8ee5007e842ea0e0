"""What the words for photos stand for, and what is said of those that are left out."""

import os
import sys
from collections.abc import Sequence
from glob import has_magic
from pathlib import Path

from nearfar.models.catalog import Purpose


def are_many(inputs: Sequence[str]) -> bool:
    """Whether there may be several photos: several words, a folder, or a pattern."""
    first = inputs[0]
    # unlike a Path's methods, these never raise
    return len(inputs) > 1 or os.path.isdir(first) or has_magic(first)  # noqa: PTH112


def purpose_of(*, many: bool) -> Purpose:
    """Say what `auto` is to suit: one photo, or several, one after another."""
    return "stream" if many else "photo"


def tell_left_out(count: int, first: Path | str, how: str = "as files") -> None:
    """Say that pictures were taken for results of an earlier run, in one line.

    Args:
        count: of them; for none nothing is said.
        first: one of them.
        how: they can be named to be taken all the same.
    """
    if count:
        pictures = f"{count} pictures" if count > 1 else "1 picture"
        print(
            f"nearfar: {pictures} left out, named as results are, such as {first}: "
            f"name them {how} to have them too",
            file=sys.stderr,
        )


def tell_warnings(sentences: Sequence[str], count: int, where: str) -> None:
    """Say what was odd about photos, a line each.

    Args:
        sentences: that are told, each with its photo's path.
        count: of all that there are.
        where: the rest stands.
    """
    for sentence in sentences:
        print(f"nearfar: warning: {sentence}", file=sys.stderr)
    if count > len(sentences):
        print(f"nearfar: warning: {count - len(sentences)} more: {where} has all", file=sys.stderr)


def tell_odd(photo: Path | str, warnings: Sequence[str]) -> None:
    """Say what was odd about one photo, a line each."""
    tell_warnings([f"{photo}: {each}" for each in warnings], len(warnings), "")
