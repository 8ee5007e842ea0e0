import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from nearfar.parallel import for_each_strip, run_parallel


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(request.param)
    yield request.param
    cv2.setNumThreads(before)


def test_results_come_in_order(threads: int) -> None:
    seen: set[int] = set()
    both = threading.Barrier(threads, timeout=30)

    def work(number: int) -> int:
        both.wait()
        seen.add(threading.get_ident())
        return number

    assert run_parallel(lambda: work(1), lambda: work(2)) == [1, 2]
    assert len(seen) == threads
    assert threading.get_ident() in seen, "the caller's own thread works too"


def test_unequal_works_share_the_threads() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    done = threading.Event()

    def slow() -> int:
        assert done.wait(30), "the others waited for the first"
        return 0

    def last_of_all() -> int:
        done.set()
        return 1

    try:
        assert run_parallel(slow, last_of_all, lambda: 2, lambda: 3) == [0, 1, 2, 3]
    finally:
        cv2.setNumThreads(before)


@pytest.mark.usefixtures("threads")
def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        run_parallel(lambda: 1, lambda: 1 // 0)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("shape", [(1, 1), (3, 70_000), (1000, 700, 3), (5000, 7)])
def test_every_row_is_worked_on_once(shape: tuple[int, ...]) -> None:
    times = np.zeros(shape, np.float32)

    def work(rows: slice) -> None:
        times[rows] += 1

    for_each_strip(work, times)
    assert (times == 1).all()
