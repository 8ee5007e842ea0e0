"""Choose the images and the size of each batch.

Everything is a pure function of the seed and the step, so that a resumed run sees the same
batches as an uninterrupted one.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import UsageError

MIN_KEPT: Final = 0.5
"""An image is trained only at sizes whose crop keeps this share of it, if there are any."""

_PERMUTATION: Final = 0
_EPOCH: Final = 1
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class BatchPlan:
    """Contents of a batch.

    Attributes:
        size: width and height of all its images in pixels.
        picks: (data set, image) of each.
    """

    size: tuple[int, int]
    picks: tuple[tuple[int, int], ...]


class Mixture:
    """Several data sets, mixed by weight.

    An epoch has as many batches as are needed for every image of every set, times the set's
    weight. Over all epochs each set gets its share, and no image of a set is repeated before all
    others have been used.

    The images of a batch share one size. For each image a size with a suitable aspect ratio is
    drawn, with a probability proportional to the share of the image that its crop keeps. The
    remaining images of an epoch are grouped by aspect ratio.
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
        """Prepare the sampling; nothing is drawn yet.

        Args:
            aspects: width / height of each image, by set.
            weights: of each set, above 0.
            batch: batch size.
            sizes: training sizes in pixels (width, height).
            seed: 0 or more.

        Raises:
            UsageError: an argument is out of range.
        """
        if batch < 1 or seed < 0 or not sizes or min(map(min, sizes)) < 1:
            raise UsageError("use a batch size of at least 1, a seed of 0 or more, and a size")
        if not aspects or not all(aspects) or len(aspects) != len(weights) or min(weights) <= 0:
            raise UsageError("use at least one non-empty data set, with a weight above 0 each")
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
        # two: workers prepare batches of two epochs at the change
        self._plans = lru_cache(maxsize=2)(self._plan_epoch)

    def plan_at(self, step: int) -> BatchPlan:
        """Return the contents of a step's batch.

        Args:
            step: 0 or more, without an upper limit.
        """
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._plans(epoch)[place]

    def _plan_epoch(self, epoch: int) -> tuple[BatchPlan, ...]:
        rng = np.random.default_rng((self._seed, _EPOCH, epoch))
        pictures = rng.permutation(self._pictures(epoch))
        drawn = _draw(self._kept[pictures], rng)
        groups, leftover = [], []
        for size in range(len(self._sizes)):
            members = pictures[drawn == size]
            full = len(members) // self._batch * self._batch
            groups += [(size, group) for group in members[:full].reshape(-1, self._batch)]
            leftover.append(members[full:])
        rest = np.concatenate(leftover)
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
        """Return all images of an epoch, numbered across all sets."""
        chosen = []
        for each, (start, stop) in enumerate(self._ranges(epoch)):
            count = self._counts[each]
            for turn in range(start // count, -(-stop // count)):
                rng = np.random.default_rng((self._seed, _PERMUTATION, each, turn))
                order = rng.permutation(count) + self._first[each]
                chosen.append(order[max(0, start - turn * count) : stop - turn * count])
        return np.concatenate(chosen)

    def _ranges(self, epoch: int) -> list[tuple[int, int]]:
        """Return the range of each set's endless sequence of images that an epoch uses.

        Fractional shares are rounded up in some epochs and down in others: a set with a tenth of
        an image per epoch appears every tenth epoch. The golden ratio spreads these epochs most
        evenly.
        """
        offsets = np.arange(epoch + 1) * _GOLDEN % 1
        counts = np.diff(np.floor(self._edges + offsets[:, None]), axis=1).astype(np.intp)
        stops = counts.sum(axis=0)
        return list(zip((stops - counts[-1]).tolist(), stops.tolist(), strict=True))


def _kept(aspects: NDArray[np.float64], sizes: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return the share of each image that the largest crop of each size's aspect ratio keeps."""
    ratio = aspects[:, None] / np.array([width / height for width, height in sizes])
    kept: NDArray[np.float64] = np.minimum(ratio, 1 / ratio)
    return kept


def _draw(kept: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw a size for each row, with a probability proportional to the share that is kept."""
    best = kept == kept.max(axis=1, keepdims=True)
    odds = np.where((kept >= MIN_KEPT) | best, kept, 0).cumsum(axis=1)
    drawn = rng.random((len(kept), 1)) * odds[:, -1:]
    return np.asarray((drawn >= odds).sum(axis=1), np.intp)
