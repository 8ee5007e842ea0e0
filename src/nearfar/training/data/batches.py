"""Training batches, each a pure function of the seed and its step."""

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
"""Training sizes in pixels (width, height) for an input of 192 px on the shorter side, and of each
the size with about half the pixels. 4:3, 3:4, 16:9 and 1:1 have about equally many pixels; the
last, of wide driving images, has 192 px on the shorter side at inference, too."""

RANKED_PAIRS: Final = 2048
"""Number of pixel pairs drawn from each image with ordinal ground truth."""


def sizes_for(*short_sides_px: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Return `SIZES` scaled to an input of this many pixels on the shorter side.

    Args:
        short_sides_px: at least 32 each; the result contains the sizes for each of them. All sides
            are rounded to multiples of 32.
    """

    def scaled(size: tuple[int, int], short_side_px: int) -> tuple[int, int]:
        width, height = (max(1, round(s * short_side_px / 192 / 32)) * 32 for s in size)
        return width, height

    return {
        scaled(large, short): scaled(small, short)
        for short in short_sides_px
        for large, small in SIZES.items()
    }


_SAMPLE: Final = 2  # random stream of the augmentation; `sampler` uses 0 and 1


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Training pairs of one size.

    Attributes:
        images: (N, h, w, 3) uint8 RGB.
        inverse: (N, h, w) float32 inverse depth, larger = nearer, 0 where not known, with an
            individual scale, and for disparity offset, per image. Rendered sky is a tiny value.
        valid: (N, h, w) bool, where it is known; may be all False in an image.
        has_ratios: (N,) bool, whether inverse depth 0 is infinity, so that ratios have a meaning.
        exact: (N,) bool, whether the borders of the ground truth are pixel-accurate.
        ranked: (N, P, 2) int64, pairs of indices into the flattened image, the nearer pixel
            first; zeros are padding.
    """

    images: NDArray[np.uint8]
    inverse: NDArray[np.float32]
    valid: NDArray[np.bool_]
    has_ratios: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    ranked: NDArray[np.int64]


@dataclass(frozen=True)
class SetRow:
    """One data set's part in a training run.

    Attributes:
        name: of the data set.
        pictures: number of usable pairs.
        left_out: number of unusable pairs.
        weight: how often one of its pairs appears per epoch, on average.
        share: of all pairs in an epoch, 0 to 1.
        kind: kind of its ground truth.
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
    """Several cached data sets, mixed and augmented at random.

    Attributes:
        steps_per_epoch: batches that hold every pair of every set, times the set's weight.
        fingerprint: equal for two training sets that give the same batches.
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
        """Mix data sets.

        Args:
            caches: data sets and their weights, above 0; weight 1 is each pair once an epoch.
            batch: batch size.
            sizes: training sizes in pixels (width, height), and of each the low-resolution size.
            seed: of all random choices, 0 or more.
            augment: strength of the augmentation; `AugmentOptions()` if None.

        Raises:
            UsageError: an argument is out of range.
        """
        self._low_res = dict(sizes)
        self._caches = tuple(cache for cache, _ in caches)
        self._weights = tuple(weight for _, weight in caches)
        self._options = augment or AugmentOptions()
        # pitch and yaw scale inverse depth, which is undefined with an unknown offset or an order
        no_tilt = replace(self._options, tilt_deg=0)
        self._set_options = tuple(
            self._options if cache.info.kind in {"depth", "inverse"} else no_tilt
            for cache in self._caches
        )
        self._mergeable = tuple(map(can_merge, self._caches))
        self._has_layers = tuple(cache.info.kind == "layers" for cache in self._caches)
        self._seed = seed
        self._mixture = Mixture(
            [[one.width_px / one.height_px for one in cache.entries] for cache in self._caches],
            self._weights,
            batch=batch,
            sizes=tuple(sizes),
            seed=seed,
        )
        self.steps_per_epoch = self._mixture.steps_per_epoch
        config = (seed, batch, self._low_res, self._weights, self._options)
        digest = hashlib.sha256(repr(config).encode())
        for cache in self._caches:
            # no paths or dates: a run can be resumed with a copy of its data
            files = [(entry.name, entry.size_bytes, entry.sparse) for entry in cache.entries]
            digest.update(repr((cache.name, cache.info, files)).encode())
        self.fingerprint = digest.hexdigest()

    def plan_at(self, step: int) -> BatchPlan:
        """Return which pairs a step's batch contains; sets are numbered in the order given."""
        return self._mixture.plan_at(step)

    @property
    def low_res_pixels(self) -> float:
        """Pixels of a low-resolution batch relative to a full one, averaged over the sizes."""
        return sum(w * h for w, h in self._low_res.values()) / sum(w * h for w, h in self._low_res)

    def batch_at(self, step: int, *, low_res: bool = False) -> TrainingBatch:
        """Return the batch of a step, always the same one. Safe to call from several threads.

        Args:
            step: 0 or more, without an upper limit.
            low_res: use the low-resolution size.

        Raises:
            DatasetError: a file of the cache does not exist any more.
        """
        plan = self.plan_at(step)
        size = self._low_res[plan.size] if low_res else plan.size
        width_px, height_px = size
        images = np.empty((len(plan.picks), height_px, width_px, 3), np.uint8)
        inverse = np.empty(images.shape[:3], np.float32)
        ranked = np.zeros((len(images), RANKED_PAIRS, 2), np.int64)
        for place, (each, picture) in enumerate(plan.picks):
            rng = np.random.default_rng((self._seed, _SAMPLE, step, place))
            second = self._second(each, plan, rng)
            front = self._front(plan, rng)
            one = self._caches[each][picture]
            sample = augment(one, size, rng, self._set_options[each], second=second, front=front)
            images[place], inverse[place] = sample.photo, sample.inverse
            if sample.regions is not None:
                pairs = draw_pairs(sample.regions, sample.order, RANKED_PAIRS, rng)
                ranked[place, : len(pairs)] = pairs
        infos = [self._caches[each].info for each, _ in plan.picks]
        has_ratios = np.array([info.kind in {"depth", "inverse"} for info in infos])
        exact = np.array([info.sharp for info in infos])
        return TrainingBatch(images, inverse, inverse > 0, has_ratios, exact, ranked)

    def _second(self, each: int, plan: BatchPlan, rng: np.random.Generator) -> Second | None:
        """Draw an image of the batch, possibly the same, to merge into one of set `each`."""
        if rng.random() >= self._options.merge or not self._mergeable[each]:
            return None
        picks = [pick for pick in plan.picks if self._mergeable[pick[0]]]
        other, picture = picks[rng.integers(len(picks))]
        kinds = {self._caches[each].info.kind, self._caches[other].info.kind}
        return Second(self._caches[other][picture], same_unit=kinds == {"depth"})

    def _front(self, plan: BatchPlan, rng: np.random.Generator) -> Sample | None:
        """Draw an image with layers from the batch, to paste its front regions."""
        layered = [pick for pick in plan.picks if self._has_layers[pick[0]]]
        if not layered or rng.random() >= self._options.paste:
            return None
        other, picture = layered[rng.integers(len(layered))]
        return self._caches[other][picture]

    def describe(self) -> list[SetRow]:
        """Return one row per data set."""
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
