"""Parts of one effect side by side, on the cores that OpenCV may use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")

_STRIP_BYTES: Final = 2**18
"""Of the values of a strip: what is made of it stays in a core's cache."""


def together(*works: Callable[[], Result]) -> list[Result]:
    """Do works that do not depend on each other.

    Where OpenCV is held to one thread, as in a service whose workers are the threads, they are
    done one after the other.

    Returns:
        Their results, in order.
    """
    threads = min(len(works), cv2.getNumThreads())
    if threads < 2:
        return [work() for work in works]
    with ThreadPoolExecutor(threads, thread_name_prefix="nearfar-effect") as pool:
        return list(pool.map(lambda work: work(), works))


def in_strips(work: Callable[[slice], None], values: NDArray[np.float32]) -> None:
    """Do a work on rows, some at a time.

    Args:
        work: called with the rows; each does its own and no others.
        values: (H, ...), which say how many rows there are, and how much a row is.
    """
    rows = max(1, _STRIP_BYTES * len(values) // max(1, values.nbytes))
    strips = [slice(top, top + rows) for top in range(0, len(values), rows)]

    def go(share: int) -> None:
        for strip in strips[share::2]:
            work(strip)

    together(lambda: go(0), lambda: go(1))
