"""Which pictures make which batch, and at which size.

Everything is a pure function of the seed and the number of the step, so that a run that goes
on after a break sees what it would have seen without one.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import UsageError

LEAST_KEPT: Final = 0.5
"""A picture is trained at sizes whose aspect keeps at least this share of it, if there are."""

_PERMUTATION: Final = 0
_EPOCH: Final = 1
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class BatchPlan:
    """What a batch is made of.

    Attributes:
        size: width and height in pixels of all its pictures.
        picks: (set, picture) of each.
    """

    size: tuple[int, int]
    picks: tuple[tuple[int, int], ...]


class Mixture:
    """Several sets, mixed by weight.

    An epoch is as many batches as hold every picture of every set, times the set's weight.
    Over the epochs each set gets its share, and its pictures take turns: none comes again
    before all others of its set have come.

    The pictures of a batch share one size. Each is drawn a size among those whose aspect suits
    it, the likelier the more of the picture is kept: a wide frame is never squeezed into a
    portrait. What is left over at the end of an epoch makes batches of neighbours in aspect.
    """

    def __init__(
        self,
        aspects: Sequence[Sequence[float]],
        weights: Sequence[float],
        *,
        batch: int,
        sizes: Sequence[tuple[int, int]],
        seed: int,
    ) -> None:
        """Prepare; nothing is drawn yet.

        Args:
            aspects: width / height of each picture, by set.
            weights: of each set, over 0.
            batch: pictures a batch.
            sizes: widths and heights in pixels to train at.
            seed: 0 or more.

        Raises:
            UsageError: an argument that makes no sense.
        """
        if batch < 1 or seed < 0 or not sizes or min(map(min, sizes)) < 1:
            raise UsageError("give a batch of at least 1, a seed of 0 or more, and a size")
        if not aspects or not all(aspects) or len(aspects) != len(weights) or min(weights) <= 0:
            raise UsageError("give at least one set with pictures, and each a weight over 0")
        self._batch = batch
        self._sizes = tuple(sizes)
        self._seed = seed
        self._counts = [len(each) for each in aspects]
        self._first = np.cumsum([0, *self._counts])
        self._kept = _kept(np.concatenate(aspects), self._sizes)
        self._order = np.argsort(np.argsort(np.concatenate(aspects), kind="stable"))
        expected = np.multiply(self._counts, weights)
        self.shares = tuple(float(share) for share in expected / expected.sum())
        self.steps_per_epoch = max(1, round(float(expected.sum()) / batch))
        total = self.steps_per_epoch * batch
        self._edges = np.array([*np.cumsum((0, *self.shares[:-1])) * total, total])
        self._plans = lru_cache(maxsize=2)(self._plan_epoch)  # two: workers straddle the turn

    def plan_at(self, step: int) -> BatchPlan:
        """Say what the batch of a step is made of.

        Args:
            step: 0 or more, without end.
        """
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._plans(epoch)[place]

    def _plan_epoch(self, epoch: int) -> tuple[BatchPlan, ...]:
        rng = np.random.default_rng((self._seed, _EPOCH, epoch))
        pictures = rng.permutation(self._pictures(epoch))
        drawn = _draw(self._kept[pictures], rng)
        groups, over = [], []
        for size in range(len(self._sizes)):
            members = pictures[drawn == size]
            full = len(members) // self._batch * self._batch
            groups += [(size, group) for group in members[:full].reshape(-1, self._batch)]
            over.append(members[full:])
        rest = np.concatenate(over)
        rest = rest[np.argsort(self._order[rest], kind="stable")]
        for group in rest.reshape(-1, self._batch):
            worst = self._kept[group].min(axis=0, keepdims=True)
            groups.append((int(_draw(worst, rng)[0]), group))
        return tuple(self._plan(*groups[place]) for place in rng.permutation(len(groups)))

    def _plan(self, size: int, group: NDArray[np.intp]) -> BatchPlan:
        first = self._first.tolist()
        sets = [bisect_right(first, picture) - 1 for picture in group.tolist()]
        picks = zip(sets, group.tolist(), strict=True)
        return BatchPlan(
            self._sizes[size], tuple((each, picture - first[each]) for each, picture in picks)
        )

    def _pictures(self, epoch: int) -> NDArray[np.intp]:
        """All pictures of an epoch, numbered through all sets."""
        chosen = []
        for each, (start, stop) in enumerate(self._turns(epoch)):
            count = self._counts[each]
            for turn in range(start // count, -(-stop // count)):
                rng = np.random.default_rng((self._seed, _PERMUTATION, each, turn))
                order = rng.permutation(count) + self._first[each]
                chosen.append(order[max(0, start - turn * count) : stop - turn * count])
        return np.concatenate(chosen)

    def _turns(self, epoch: int) -> list[tuple[int, int]]:
        """From where to where each set's endless row of pictures is used in an epoch.

        What is due to a set is rounded up or down, by turns: a set of which a tenth of a
        picture is due comes every tenth epoch. The turns go by the golden ratio, which spreads
        them most evenly.
        """
        offsets = np.arange(epoch + 1) * _GOLDEN % 1
        counts = np.diff(np.floor(self._edges + offsets[:, None]), axis=1).astype(np.intp)
        stops = counts.sum(axis=0)
        return list(zip((stops - counts[-1]).tolist(), stops.tolist(), strict=True))


def _kept(aspects: NDArray[np.float64], sizes: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Share of each picture that the largest crop of each size's aspect keeps."""
    ratio = aspects[:, None] / np.array([width / height for width, height in sizes])
    kept: NDArray[np.float64] = np.minimum(ratio, 1 / ratio)
    return kept


def _draw(kept: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw a size for each row, the likelier the more is kept."""
    best = kept == kept.max(axis=1, keepdims=True)
    odds = np.where((kept >= LEAST_KEPT) | best, kept, 0).cumsum(axis=1)
    drawn = rng.random((len(kept), 1)) * odds[:, -1:]
    return np.asarray((drawn >= odds).sum(axis=1), np.intp)
