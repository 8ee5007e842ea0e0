"""What an idea for more speed is: two ways to do the same, with it and without."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Idea:
    """One idea.

    Attributes:
        what: in words.
        used: whether nearfar does it so.
        with_it: does the work with the idea.
        without: does the same work without it.
        remark: what else it changes, and by how much.
    """

    what: str
    used: bool
    with_it: Callable[[], object]
    without: Callable[[], object]
    remark: str = ""
