import sys

import numpy as np
import pytest

from nearfar.errors import InferenceError
from nearfar.runtimes import benchmark
from nearfar.runtimes.base import Batch, RawDepth
from tests.fakes import FakeSession

BATCH = np.zeros((1, 3, 4, 4), np.float32)


class Clock:
    """A clock that only the sessions move."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


class Slow(FakeSession):
    """Takes the given times, one a run, the last one for ever."""

    def __init__(self, clock: Clock, *times_ms: float) -> None:
        super().__init__()
        self.clock, self.times_ms = clock, times_ms

    def run(self, batch: Batch) -> RawDepth:
        self.clock.now_s += self.times_ms[min(self.calls, len(self.times_ms) - 1)] / 1e3
        return super().run(batch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("nearfar.runtimes.benchmark.time", made)
    return made


def test_warm_up_does_not_count(clock: Clock) -> None:
    session = Slow(clock, 500, 500, 10, 30, 20)
    timing = benchmark.median_ms(session, BATCH, runs=3, warmup=2)
    assert timing.median_ms == pytest.approx(20)
    assert timing.p95_ms == pytest.approx(29)
    assert (timing.runs, session.calls) == (3, 5)


def test_each_session_is_timed_alone_and_in_turns(clock: Clock) -> None:
    sessions = {"a": Slow(clock, 10), "b": Slow(clock, 40)}
    rounds: list[int] = []
    times = benchmark.interleaved(
        sessions, BATCH, runs=6, warmup=1, tick=lambda: rounds.append(sessions["a"].calls)
    )
    assert [times[name].median_ms for name in "ab"] == pytest.approx([10, 40])
    assert rounds == [1, 2, 3, 4, 5, 6, 7]


def test_the_budget_ends_it_but_not_before_three_rounds(clock: Clock) -> None:
    slow, quick = Slow(clock, 9000), Slow(clock, 100)
    assert benchmark.interleaved({"": slow}, BATCH, runs=50, budget_s=0.95)[""].runs == 3
    assert benchmark.interleaved({"": quick}, BATCH, runs=50, warmup=2, budget_s=0.95)[""].runs == 8


def test_the_sample_is_always_the_same() -> None:
    first = benchmark.sample((2, 3, 8, 6))
    assert first.shape == (2, 3, 8, 6)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, benchmark.sample((2, 3, 8, 6)))


@pytest.mark.parametrize("threads", [None, 1])
def test_the_peak_is_a_rate(threads: int | None) -> None:
    assert 0.1 < benchmark.fp32_peak_gflops(threads) < 1e6


def test_a_peak_that_cannot_be_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InferenceError, match="exit status 1"):
        benchmark.fp32_peak_gflops(1)
