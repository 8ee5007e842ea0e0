"""What a network is trained with: batches, each a pure function of the seed and its step."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import TruthKind, draw_pairs
from nearfar.training.data.augment import AugmentOptions, augment
from nearfar.training.data.cache import TrainingCache
from nearfar.training.data.pair_file import Sample
from nearfar.training.data.sampler import BatchPlan, Mixture
from nearfar.training.data.scene_mix import Second, can_merge

SIZES: Final = {
    (256, 192): (192, 160),
    (192, 256): (160, 192),
    (288, 160): (224, 128),
    (224, 224): (160, 160),
    (512, 160): (352, 128),
}
"""4:3, 3:4, 16:9, 1:1 and wide driving frames, about as many pixels each but for the last, which
are fed by their shorter side too; and what each becomes in a small batch, with about half the
pixels. Widths and heights in pixels, for a network that is fed 192 on the shorter side."""

RANKED_PAIRS: Final = 2048
"""Pairs of pixels that are drawn of each picture with an ordinal truth."""


def sizes_for(*short_sides_px: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Return `SIZES` for a network that is fed so many pixels on the shorter side.

    Args:
        short_sides_px: each at least 32; of several, pictures are trained at each. Sides come out
            as multiples of 32.
    """

    def scaled(size: tuple[int, int], short_side_px: int) -> tuple[int, int]:
        width, height = (max(1, round(s * short_side_px / 192 / 32)) * 32 for s in size)
        return width, height

    return {
        scaled(large, short): scaled(small, short)
        for short in short_sides_px
        for large, small in SIZES.items()
    }


_SAMPLE: Final = 2  # beside the streams of chance in mixture


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Pairs of one size.

    Attributes:
        images: (N, h, w, 3) uint8 RGB.
        inverse: (N, h, w) float32, larger = nearer, 0 where not known; up to a scale, and for
            disparity an offset, that are each picture's own. A rendered sky is a tiny value.
        valid: (N, h, w) bool, where it is known; in some pictures that may be nowhere.
        rooted: (N,) bool, in which of them zero is infinitely far.
        exact: (N,) bool, in which of them the borders of the truth are exact to a pixel.
        ranked: (N, P, 2) int64, pairs of places in the flat picture of which the first is
            nearer; zeros, which say nothing, where the truth has no order.
    """

    images: NDArray[np.uint8]
    inverse: NDArray[np.float32]
    valid: NDArray[np.bool_]
    rooted: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    ranked: NDArray[np.int64]


@dataclass(frozen=True)
class SetRow:
    """One set's part in a training.

    Attributes:
        name: of the set.
        pictures: how many.
        left_out: pairs that can't be used.
        weight: how often a picture comes in an epoch, against those of other sets.
        share: of all that is seen, 0 to 1.
        kind: what the truth's values are.
        scene: indoor, driving ...
    """

    name: str
    pictures: int
    left_out: int
    weight: float
    share: float
    kind: TruthKind
    scene: str


class TrainingSet:
    """Several cached sets, mixed and changed at random.

    Attributes:
        steps_per_epoch: batches that hold every picture of every set, times the set's weight.
        fingerprint: the same for two training sets that give the same batches.
    """

    def __init__(
        self,
        caches: Sequence[tuple[TrainingCache, float]],
        *,
        batch: int,
        sizes: Mapping[tuple[int, int], tuple[int, int]] = SIZES,
        seed: int = 0,
        augment: AugmentOptions | None = None,
    ) -> None:
        """Mix sets.

        Args:
            caches: sets and their weights, over 0; 1 is each picture once an epoch.
            batch: pictures a batch.
            sizes: widths and heights in pixels to train at, see `mixture`, and of each what it
                becomes in a small batch.
            seed: of all that is random, 0 or more.
            augment: how much pictures are changed; by default as `AugmentOptions` says.

        Raises:
            UsageError: an argument that makes no sense.
        """
        self._small = dict(sizes)
        self._caches = tuple(cache for cache, _ in caches)
        self._weights = tuple(weight for _, weight in caches)
        self._options = augment or AugmentOptions()
        # a tilt changes inverse depth by ratios, which neither an unknown offset nor an order has
        level = replace(self._options, tilt_deg=0)
        self._each = tuple(
            self._options if cache.info.kind in {"depth", "inverse"} else level
            for cache in self._caches
        )
        self._merges = tuple(map(can_merge, self._caches))
        self._layered = tuple(cache.info.kind == "layers" for cache in self._caches)
        self._seed = seed
        self._mixture = Mixture(
            [[one.width_px / one.height_px for one in cache.entries] for cache in self._caches],
            self._weights,
            batch=batch,
            sizes=tuple(sizes),
            seed=seed,
        )
        self.steps_per_epoch = self._mixture.steps_per_epoch
        told = (seed, batch, self._small, self._weights, self._options)
        digest = hashlib.sha256(repr(told).encode())
        for cache in self._caches:
            # neither paths nor dates: a run goes on beside a copy of its data
            files = [(entry.name, entry.size_bytes, entry.sparse) for entry in cache.entries]
            digest.update(repr((cache.name, cache.info, files)).encode())
        self.fingerprint = digest.hexdigest()

    def plan_at(self, step: int) -> BatchPlan:
        """Say which pictures a step's batch holds; sets are numbered as they were given."""
        return self._mixture.plan_at(step)

    @property
    def small_share(self) -> float:
        """Pixels of a small batch over those of another, on average over the sizes."""
        return sum(w * h for w, h in self._small.values()) / sum(w * h for w, h in self._small)

    def batch_at(self, step: int, *, small: bool = False) -> TrainingBatch:
        """Make the batch of a step, 0 or more: always the same one. Threads may call it.

        Args:
            step: from 0, without end.
            small: the same pictures with fewer pixels.

        Raises:
            DatasetError: a file of the cache is gone.
        """
        plan = self.plan_at(step)
        size = self._small[plan.size] if small else plan.size
        width_px, height_px = size
        images = np.empty((len(plan.picks), height_px, width_px, 3), np.uint8)
        inverse = np.empty(images.shape[:3], np.float32)
        ranked = np.zeros((len(images), RANKED_PAIRS, 2), np.int64)
        for place, (each, picture) in enumerate(plan.picks):
            rng = np.random.default_rng((self._seed, _SAMPLE, step, place))
            second = self._second(each, plan, rng)
            front = self._front(plan, rng)
            one = self._caches[each][picture]
            sample = augment(one, size, rng, self._each[each], second=second, front=front)
            images[place], inverse[place] = sample.photo, sample.inverse
            if sample.regions is not None:
                pairs = draw_pairs(sample.regions, sample.order, RANKED_PAIRS, rng)
                ranked[place, : len(pairs)] = pairs
        infos = [self._caches[each].info for each, _ in plan.picks]
        rooted = np.array([info.kind in {"depth", "inverse"} for info in infos])
        exact = np.array([info.sharp for info in infos])
        return TrainingBatch(images, inverse, inverse > 0, rooted, exact, ranked)

    def _second(self, each: int, plan: BatchPlan, rng: np.random.Generator) -> Second | None:
        """Another picture of the batch, or the same, to be merged into one of a set."""
        if rng.random() >= self._options.merge or not self._merges[each]:
            return None
        picks = [pick for pick in plan.picks if self._merges[pick[0]]]
        other, picture = picks[rng.integers(len(picks))]
        kinds = {self._caches[each].info.kind, self._caches[other].info.kind}
        return Second(self._caches[other][picture], same_unit=kinds == {"depth"})

    def _front(self, plan: BatchPlan, rng: np.random.Generator) -> Sample | None:
        """Draw a picture with layers, of this batch, whose front is laid over another."""
        layered = [pick for pick in plan.picks if self._layered[pick[0]]]
        if not layered or rng.random() >= self._options.paste:
            return None
        other, picture = layered[rng.integers(len(layered))]
        return self._caches[other][picture]

    def describe(self) -> list[SetRow]:
        """Say what the training is made of, a row a set."""
        return [
            SetRow(
                cache.name,
                len(cache),
                len(cache.bad),
                weight,
                share,
                cache.info.kind,
                cache.info.scene,
            )
            for cache, weight, share in zip(
                self._caches, self._weights, self._mixture.shares, strict=True
            )
        ]
