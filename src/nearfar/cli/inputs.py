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


def tell_left_out(paths: Sequence[Path]) -> None:
    """Say which pictures were taken for results of an earlier run, in one line."""
    if paths:
        count = f"{len(paths)} pictures" if len(paths) > 1 else "1 picture"
        print(
            f"nearfar: {count} left out, named as results are, such as {paths[0]}: "
            "name them as files to have them too",
            file=sys.stderr,
        )
