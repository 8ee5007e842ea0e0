"""Parallel function in threads, and control of OpenCV's own threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from numpy.typing import NDArray


class SingleThreadedOpenCV:
    """Context manager that limits OpenCV to one thread while any thread is inside the block.

    The threads of the caller use all cores already; OpenCV's own would compete with them.
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


SINGLE_THREADED_OPENCV: Final = SingleThreadedOpenCV()
"""The shared instance, because OpenCV's setting applies to the whole process."""


Result = TypeVar("Result")

_STRIP_VALUES: Final = 2**18
"""Number of values per strip: with fewer, Python's overhead shows; more exceed a core's cache."""


def run_parallel(*functions: Callable[[], Result]) -> list[Result]:
    """Call functions in parallel that do not depend on each other.

    If OpenCV is limited to one thread, as in a service whose workers use all cores, they are
    called one after the other.

    Returns:
        Their results, in order.
    """
    import cv2

    threads = min(len(functions), cv2.getNumThreads()) - 1
    if threads < 1:
        return [function() for function in functions]
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(threads, thread_name_prefix="nearfar-effect") as pool:
        futures = [pool.submit(function) for function in functions]
        # the pool starts with the first function and this thread with the last, until they meet
        for index in reversed(range(len(functions))):
            if not futures[index].cancel():
                break
            results[index] = functions[index]()
        return [results[i] if i in results else future.result() for i, future in enumerate(futures)]


def row_strips(values: NDArray[Any]) -> list[slice]:
    """Split the rows of (H, ...) into strips that fit into a core's cache.

    All strips except the last have an even number of rows.
    """
    rows = max(2, _STRIP_VALUES * len(values) // max(1, values.size) // 2 * 2)
    return [slice(top, min(top + rows, len(values))) for top in range(0, len(values), rows)]


def for_each_strip(function: Callable[[slice], None], values: NDArray[Any]) -> None:
    """Call a function for all rows, strip by strip, in two threads.

    Args:
        function: called with a slice of rows; must write only these.
        values: (H, ...), whose shape determines the strips.
    """
    parts = row_strips(values)

    def run_half(share: int) -> None:
        for rows in parts[share::2]:
            function(rows)

    if len(parts) > 1:
        run_parallel(lambda: run_half(0), lambda: run_half(1))
    else:
        run_half(0)
