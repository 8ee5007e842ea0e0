"""How soon a service says that it is well, while it works for others."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.served import Served

PAUSE_S: Final = 0.1


@contextmanager
def watched(served: Served) -> Iterator[list[float]]:
    """Ask `/healthz` ten times a second, each on a connection of its own.

    Args:
        served: the service.

    Yields:
        The times until whole answers, in ms: a list that grows, and is whole at the end.

    Raises:
        RuntimeError: an answer was not 200.
    """
    ended, answers_ms, wrong = threading.Event(), list[float](), list[int]()

    def ask() -> None:
        while not ended.wait(PAUSE_S):
            begun = time.perf_counter()
            status, _ = served.get("/healthz")
            answers_ms.append(1000 * (time.perf_counter() - begun))
            if status != 200:
                wrong.append(status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers_ms
    finally:
        ended.set()
        thread.join()
    if wrong:
        raise RuntimeError(f"/healthz answered {wrong[0]}")
