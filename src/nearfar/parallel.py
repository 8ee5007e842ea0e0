"""Work in parallel: parts of one picture in threads, and OpenCV's threads while others are busy."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from numpy.typing import NDArray


class OwnThreads:
    """OpenCV leaves work in the thread that called it, as long as any run is in the block.

    The threads of a run keep all cores busy; OpenCV's own would only wait in their way, at work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = self._before = 0

    def __enter__(self) -> None:
        import cv2

        with self._lock:
            if not self._runs:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._runs += 1

    def __exit__(self, *_: object) -> None:
        import cv2

        with self._lock:
            self._runs -= 1
            if not self._runs:
                cv2.setNumThreads(self._before)


OWN_THREADS: Final = OwnThreads()
"""The one that all share: the setting is the process's."""


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
    import cv2

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
