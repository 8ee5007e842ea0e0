import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import pytest

from nearfar.video.pipeline import map_in_order, overlapped


def doubled(items: Iterator[int]) -> Iterator[int]:
    for item in items:
        yield 2 * item


def ours() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("nearfar-")]


def test_order_is_kept() -> None:
    with overlapped(range(50), doubled, doubled) as results:
        assert list(results) == [4 * number for number in range(50)]
    assert ours() == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_a_stage_raises_is_raised_and_ends_the_others(place: int) -> None:
    def failing(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            if item >= 10:
                raise LookupError("no luck") from KeyError("cause")
            yield item

    stages = [doubled, doubled, doubled]
    stages[place] = failing
    with (
        pytest.raises(LookupError, match="no luck") as caught,
        overlapped(count(), *stages) as results,
    ):
        for _ in results:
            pass
    assert isinstance(caught.value.__cause__, KeyError)
    assert ours() == []


def test_a_failing_source_ends_the_run() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"), overlapped(source(), doubled) as results:
        list(results)


def test_leaving_early_ends_an_endless_source_and_closes_it() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from count()
        finally:
            closed.set()

    with overlapped(source(), doubled) as results:
        assert list(islice(results, 3)) == [0, 2, 4]
    assert closed.is_set()
    assert ours() == []


def test_no_stage_runs_ahead_of_its_queue() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with overlapped(source(), doubled, size=2) as results:
        next(results)
        time.sleep(0.05)
        assert len(taken) <= 10


def test_in_order_works_at_once_and_keeps_the_order() -> None:
    together = threading.Barrier(2, timeout=10)

    def work(number: int) -> int:
        if number < 2:
            together.wait()  # passes only if two are at work at once
        return number

    assert list(map_in_order(work, range(20), 2)) == list(range(20))


def test_in_order_raises_what_the_work_raised() -> None:
    def work(number: int) -> float:
        return 1 / (3 - number)

    with pytest.raises(ZeroDivisionError):
        list(map_in_order(work, range(20), 2))
