"""Trainings of two small sets, and what tells their batches apart."""

import hashlib

from nearfar.training.data.augment import AugmentOptions
from nearfar.training.data.batches import TrainingBatch, TrainingSet
from nearfar.training.data.cache import TrainingCache

SIZES = {(64, 48): (48, 32), (48, 64): (32, 48), (88, 32): (64, 16)}


def training_set(
    caches: tuple[TrainingCache, ...],
    *,
    seed: int = 0,
    batch: int = 4,
    augment: AugmentOptions | None = None,
) -> TrainingSet:
    sets = [(caches[0], 1.0), (caches[1], 2.0)]
    return TrainingSet(sets, batch=batch, sizes=SIZES, seed=seed, augment=augment)


def digest(batch: TrainingBatch) -> str:
    content = batch.images.tobytes() + batch.inverse.tobytes() + batch.valid.tobytes()
    return hashlib.sha256(content).hexdigest()
