"""Parts of one effect side by side, on the cores that OpenCV may use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import cv2
from numpy.typing import NDArray

Result = TypeVar("Result")

_STRIP_VALUES: Final = 2**18
"""Of a strip: less, and Python's part of the work shows; more leaves a core's cache."""


def together(*works: Callable[[], Result]) -> list[Result]:
    """Do works that do not depend on each other.

    Where OpenCV is held to one thread, as in a service whose workers are the threads, they are
    done one after the other.

    Returns:
        Their results, in order.
    """
    helpers = min(len(works), cv2.getNumThreads()) - 1
    if helpers < 1:
        return [work() for work in works]
    own: dict[int, Result] = {}
    with ThreadPoolExecutor(helpers, thread_name_prefix="nearfar-effect") as pool:
        asked = [pool.submit(work) for work in works]
        # the helpers begin at the front and this thread at the back, until they meet
        for index in reversed(range(len(works))):
            if not asked[index].cancel():
                break
            own[index] = works[index]()
        return [own[i] if i in own else future.result() for i, future in enumerate(asked)]


def strips(values: NDArray[Any]) -> list[slice]:
    """Part the rows of (H, ...) into strips so small that what is made of them stays in cache.

    Their ends are even, but that of the last.
    """
    rows = max(2, _STRIP_VALUES * len(values) // max(1, values.size) // 2 * 2)
    return [slice(top, min(top + rows, len(values))) for top in range(0, len(values), rows)]


def in_strips(work: Callable[[slice], None], values: NDArray[Any]) -> None:
    """Do a work on all rows, strip by strip.

    Args:
        work: called with the rows; each does its own and no others.
        values: (H, ...), which say how many rows there are, and how much a row is.
    """
    parts = strips(values)

    def go(share: int) -> None:
        for rows in parts[share::2]:
            work(rows)

    if len(parts) > 1:
        together(lambda: go(0), lambda: go(1))
    else:
        go(0)
