import threading
from pathlib import Path

import cv2
import pytest

from nearfar.errors import DatasetError, UsageError
from nearfar.training.data.batches import TrainingBatch, TrainingSet
from nearfar.training.data.cache import TrainingCache, open_caches
from nearfar.training.data.prefetch import Prefetcher
from tests.training.mixed import SIZES, digest, training_set
from tests.training.pairsets import write_set


@pytest.mark.parametrize(("workers", "depth"), [(1, 1), (2, 4), (3, 1)])
def test_prefetched_batches_come_in_order(
    caches: tuple[TrainingCache, ...], workers: int, depth: int
) -> None:
    data = training_set(caches)
    with Prefetcher(data, 3, workers=workers, depth=depth) as batches:
        seen = [digest(next(batches)) for _ in range(9)]
    assert seen == [digest(data.batch_at(step)) for step in range(3, 12)]


def test_no_more_is_made_ahead_than_asked(
    caches: tuple[TrainingCache, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = training_set(caches)
    asked: list[int] = []
    make = data.batch_at

    def noted(step: int, *, low_res: bool) -> TrainingBatch:
        asked.append(step)
        return make(step, low_res=low_res)

    monkeypatch.setattr(data, "batch_at", noted)
    with Prefetcher(data, 0, workers=2, depth=3) as batches:
        next(batches)
        next(batches)
    assert set(asked) <= set(range(5))


def test_an_error_in_a_worker_comes_up_and_ends_it(caches: tuple[TrainingCache, ...]) -> None:
    data = training_set(caches)

    class Broken:
        def batch_at(self, step: int, *, low_res: bool) -> TrainingBatch:
            if step == 2:
                raise DatasetError("x.pair: gone from the cache")
            return data.batch_at(step, low_res=low_res)

    batches = Prefetcher(Broken(), workers=2, depth=4)  # type: ignore[arg-type]  # stands in
    next(batches)
    next(batches)
    with pytest.raises(DatasetError, match="gone from the cache"):
        next(batches)
    assert list(batches) == []


def test_closing_leaves_no_thread_and_gives_opencv_its_own_back(
    caches: tuple[TrainingCache, ...],
) -> None:
    before = cv2.getNumThreads(), threading.active_count()
    with Prefetcher(training_set(caches), workers=3) as batches:
        next(batches)
        assert cv2.getNumThreads() == 1
        assert threading.active_count() > before[1]
    assert (cv2.getNumThreads(), threading.active_count()) == before
    batches.close()
    assert list(batches) == []


def test_interrupted_it_closes(caches: tuple[TrainingCache, ...]) -> None:
    before = threading.active_count()

    def interrupted() -> None:
        with Prefetcher(training_set(caches), workers=2) as batches:
            for _ in batches:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before


def test_no_worker_is_refused(caches: tuple[TrainingCache, ...]) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Prefetcher(training_set(caches), workers=0)


def test_a_lost_cache_is_told_by_the_batch(tmp_path: Path) -> None:
    cache = open_caches(tmp_path / "cache", [write_set(tmp_path / "set", 2)])[0]
    data = TrainingSet([(cache, 1.0)], batch=2, sizes=SIZES)
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    with Prefetcher(data) as batches, pytest.raises(DatasetError, match="start again"):
        next(batches)
