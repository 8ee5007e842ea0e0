import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nearfar.training.data.augment import AugmentOptions
from nearfar.training.data.batches import TrainingSet
from nearfar.training.data.cache import TrainingCache, open_caches
from tests.training.mixed import SIZES, digest, training_set
from tests.training.pairsets import describe, write_set


def test_shapes_and_kinds(caches: tuple[TrainingCache, ...]) -> None:
    data = training_set(caches)
    assert data.steps_per_epoch == 4  # (9 + 2 * 3) / 4
    for step in range(8):
        batch = data.batch_at(step)
        width_px, height_px = data.plan_at(step).size
        assert batch.images.shape == (4, height_px, width_px, 3)
        assert batch.images.dtype == np.uint8
        assert batch.inverse.shape == batch.valid.shape == (4, height_px, width_px)
        assert batch.inverse.dtype == np.float32
        assert batch.valid.dtype == np.bool_
        assert (batch.inverse[batch.valid] > 0).all()
        assert not batch.inverse[~batch.valid].any()


def test_valid_is_as_dense_as_the_truth(caches: tuple[TrainingCache, ...]) -> None:
    data = training_set(caches, augment=AugmentOptions(tilt_deg=0))
    for step in range(8):
        batch = data.batch_at(step)
        for (each, _), valid in zip(data.plan_at(step).picks, batch.valid, strict=True):
            assert valid.mean() > 0.9 if each == 0 else 0 < valid.mean() < 0.3


def test_a_step_is_always_the_same(caches: tuple[TrainingCache, ...]) -> None:
    first, second = training_set(caches), training_set(caches)
    backward = [digest(second.batch_at(step)) for step in reversed(range(8))][::-1]
    assert [digest(first.batch_at(step)) for step in range(8)] == backward
    assert len(set(backward)) == 8
    assert digest(training_set(caches, seed=1).batch_at(0)) != backward[0]


def test_a_small_batch_has_the_same_pictures(caches: tuple[TrainingCache, ...]) -> None:
    data = training_set(caches)
    for step in range(8):
        width_px, height_px = SIZES[data.plan_at(step).size]
        assert data.batch_at(step, low_res=True).inverse.shape == (4, height_px, width_px)
    assert data.low_res_pixels == pytest.approx((48 * 32 * 2 + 64 * 16) / (64 * 48 * 2 + 88 * 32))


def test_only_dense_truths_of_known_zero_are_merged(
    tmp_path: Path, caches: tuple[TrainingCache, ...]
) -> None:
    write_set(tmp_path / "offset", 9, kind="disparity")
    dense, sparse = caches
    offset = open_caches(tmp_path / "cache", [describe(tmp_path / "offset", "disparity")])[0]
    still = AugmentOptions(flip=0, rotate=0, color=0, gray=0, blur=0, cutout=0, noise=0, jpeg=0)
    merged = replace(still, merge=1)

    def changes(*sets: TrainingCache) -> list[bool]:
        first, second = (
            TrainingSet([(each, 1.0) for each in sets], batch=4, sizes=SIZES, augment=options)
            for options in (still, merged)
        )
        return [
            digest(first.batch_at(step, low_res=True))
            != digest(second.batch_at(step, low_res=True))
            for step in range(8)
        ]

    assert all(changes(dense))
    assert not any(changes(offset))
    assert not any(changes(sparse))
    assert digest(training_set(caches, augment=merged).batch_at(3)) == digest(
        training_set(caches, augment=merged).batch_at(3)
    )


def test_a_copy_of_the_data_has_the_same_fingerprint(tmp_path: Path) -> None:
    prints = set()
    for place in ("here", "there"):
        folder = write_set(tmp_path / place / "ramps", 4, (80, 64))
        cache = open_caches(tmp_path / place / "cache", [folder])[0]
        prints.add(TrainingSet([(cache, 1.0)], batch=2, sizes=SIZES).fingerprint)
    assert len(prints) == 1


def test_another_process_makes_the_same_batch(caches: tuple[TrainingCache, ...]) -> None:
    script = """
import sys
from pathlib import Path
from nearfar.datasets import open_folder
from nearfar.training.data.cache import open_caches
from nearfar.training.data.batches import TrainingSet
import hashlib
root = Path(sys.argv[1])
caches = open_caches(root / "cache", [open_folder(root / name) for name in ("ramps", "lidar")])
data = TrainingSet(
    [(caches[0], 1.0), (caches[1], 2.0)],
    batch=4, sizes={(64, 48): (48, 32), (48, 64): (32, 48), (88, 32): (64, 16)}, seed=0,
)
batch = data.batch_at(11)
content = batch.images.tobytes() + batch.inverse.tobytes() + batch.valid.tobytes()
assert not {"torch", "onnxruntime", "openvino"} & sys.modules.keys()
print(hashlib.sha256(content).hexdigest(), data.fingerprint)
"""
    root = caches[0].entries[0].path.parent.parent
    run = subprocess.run(
        [sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=True
    )
    data = training_set(caches)
    assert run.stdout.split() == [digest(data.batch_at(11)), data.fingerprint]


def test_fingerprint_tells_other_data_apart(caches: tuple[TrainingCache, ...]) -> None:
    pairs = [(caches[0], 1.0)]
    base = TrainingSet(pairs, batch=4, sizes=SIZES)
    same = TrainingSet(pairs, batch=4, sizes=SIZES, augment=AugmentOptions())
    others = (
        TrainingSet(pairs, batch=5, sizes=SIZES),
        TrainingSet(pairs, batch=4, sizes={(64, 48): (48, 32)}),
        TrainingSet(pairs, batch=4, sizes=SIZES, seed=1),
        TrainingSet(pairs, batch=4, sizes=SIZES, augment=AugmentOptions(flip=0)),
        TrainingSet([(caches[0], 2.0)], batch=4, sizes=SIZES),
        TrainingSet([(caches[1], 1.0)], batch=4, sizes=SIZES),
    )
    assert base.fingerprint == same.fingerprint
    assert len({base.fingerprint, *(each.fingerprint for each in others)}) == 7


def test_describe(caches: tuple[TrainingCache, ...]) -> None:
    ramps, lidar = training_set(caches).describe()
    assert (ramps.name, ramps.pictures, ramps.left_out, ramps.weight) == ("ramps", 9, 0, 1)
    assert (lidar.name, lidar.pictures, lidar.kind, lidar.scene) == ("lidar", 3, "depth", "made up")
    assert (ramps.share, lidar.share) == pytest.approx((0.6, 0.4))


def test_a_disparity_is_never_tilted(tmp_path: Path) -> None:
    """Its unknown offset would not stay the same all over the picture."""
    options = AugmentOptions(rotate=1, roll_deg=0, tilt_deg=15, crop_share=1, stretch=1, flip=0)
    told = {}
    for kind in ("disparity", "inverse"):
        caches = open_caches(tmp_path / "cache", [write_set(tmp_path / kind, 4, kind=kind)])
        data = TrainingSet([(caches[0], 1.0)], batch=4, sizes={(48, 36): (32, 24)}, augment=options)
        told[kind] = {float(value) for value in data.batch_at(0).inverse.flat}
    assert all(value.is_integer() for value in told["disparity"])
    assert not all(value.is_integer() for value in told["inverse"])
