"""Metrics against hand-worked values, and against loops in float64."""

import itertools
import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.datasets import Layers
from nearfar.evaluation import metrics
from tests.evaluation.made import metres

Values = NDArray[np.float32]


def values(*numbers: float) -> Values:
    return np.array(numbers, np.float32)


def noisy(seed: int = 0, size: int = 400) -> tuple[Values, Values]:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.5, 9, size)
    return (truth * rng.uniform(0.5, 2, size)).astype(np.float32), truth.astype(np.float32)


def test_hand_worked() -> None:
    depth, truth = values(1, 3, 4, 10), values(2, 3, 3, 5)
    assert metrics.abs_rel(depth, truth) == pytest.approx((1 / 2 + 0 + 1 / 3 + 1) / 4)
    assert metrics.rmse(depth, truth) == pytest.approx(math.sqrt((1 + 0 + 1 + 25) / 4))
    ratio = metrics.worst_ratio(depth, truth)
    np.testing.assert_allclose(ratio, [2, 1, 4 / 3, 2], rtol=1e-6)
    assert metrics.bad_pixel(ratio) == 75
    assert [metrics.delta(ratio, power) for power in (1, 2, 3)] == [0.25, 0.5, 0.5]


def test_a_ratio_of_exactly_the_bound_is_neither_bad_nor_within() -> None:
    ratio = metrics.worst_ratio(values(5, 4), values(4, 5))
    assert metrics.bad_pixel(ratio) == 0
    assert metrics.delta(ratio, 1) == 0


def test_silog_hand_worked() -> None:
    # logs of the ratios are log 2 and -log 2: mean 0, deviation log 2
    assert metrics.silog(values(2, 1), values(1, 2)) == pytest.approx(100 * math.log(2))
    assert metrics.silog(values(2, 4), values(1, 2)) == pytest.approx(0, abs=1e-4)


def test_same_as_loops() -> None:
    depth, truth = noisy()
    pairs = [(float(d), float(t)) for d, t in zip(depth, truth, strict=True)]
    n = len(pairs)
    logs = [math.log(d) - math.log(t) for d, t in pairs]
    variance = sum(g * g for g in logs) / n - (sum(logs) / n) ** 2
    ratio = metrics.worst_ratio(depth, truth)
    assert metrics.abs_rel(depth, truth) == pytest.approx(
        sum(abs(d - t) / t for d, t in pairs) / n, rel=1e-6
    )
    assert metrics.rmse(depth, truth) == pytest.approx(
        math.sqrt(sum((d - t) ** 2 for d, t in pairs) / n), rel=1e-6
    )
    assert metrics.silog(depth, truth) == pytest.approx(100 * math.sqrt(variance), rel=1e-5)
    for power in (1, 2, 3):
        within = sum(max(d / t, t / d) < 1.25**power for d, t in pairs) / n
        assert metrics.delta(ratio, power) == pytest.approx(within)
    bad = 100 * sum(max(d / t, t / d) > 1.25 for d, t in pairs) / n
    assert metrics.bad_pixel(ratio) == pytest.approx(bad)


def test_inverse_error() -> None:
    truth = values(1, 2, 3, 4)
    assert metrics.inverse_error(truth, truth) == 0
    assert metrics.inverse_error(values(2.5, 2.5, 2.5, 2.5), truth) == pytest.approx(1)
    assert metrics.inverse_error(truth, values(3, 3, 3, 3)) == 0


def test_disagreement() -> None:
    assert metrics.whdr(values(2, 1, 3, 5), values(1, 2, 3, 4)) == 50


def test_ordinal_error_is_that_of_all_pairs() -> None:
    prediction, truth = noisy(3, 60)
    wrong = ordered = 0
    for i, j in itertools.permutations(range(60), 2):
        near, far = max(truth[i], truth[j]), min(truth[i], truth[j])
        if near > 1.03 * far:
            ordered += 1
            wrong += (prediction[i] - prediction[j]) * (truth[i] - truth[j]) <= 0
    found = metrics.ordinal_error(prediction, truth)
    assert found == pytest.approx(100 * wrong / ordered, abs=0.7)
    assert found == metrics.ordinal_error(prediction, truth)


def test_ordinal_error_of_any_rising_map_is_zero() -> None:
    _, truth = noisy()
    assert metrics.ordinal_error(np.exp(truth), truth) == 0
    assert metrics.ordinal_error(-truth, truth) == 100
    assert metrics.ordinal_error(np.zeros_like(truth), truth) == 100


def test_no_order_in_a_flat_truth() -> None:
    assert metrics.ordinal_error(values(1, 2, 3), values(1, 1.01, 1.02)) is None


def edges(depth: Values, valid: NDArray[np.bool_], t: float) -> list[set[tuple[int, ...]]]:
    """Where a pixel is more than t times as far as its neighbour, by direction."""
    height, width = depth.shape
    found: list[set[tuple[int, ...]]] = []
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        here = set[tuple[int, ...]]()
        for y, x in itertools.product(range(height), range(width)):
            v, u = y + down, x + right
            if 0 <= v < height and 0 <= u < width and valid[y, x] and valid[v, u]:
                far = np.float32(depth[v, u]) / np.float32(depth[y, x])
                if float(far) > t:
                    here.add((y, x, v, u))
        found.append(here)
    return found


def looped_f1(depth: Values, truth: Values, valid: NDArray[np.bool_]) -> float:
    ratios = np.linspace(1.05, 1.25, 10)
    total = 0.0
    for t in ratios:
        own, true = edges(depth, valid, t), edges(truth, valid, t)
        recall = sum(len(a & b) / max(len(b), 1) for a, b in zip(own, true, strict=True)) / 4
        precision = sum(len(a & b) / max(len(a), 1) for a, b in zip(own, true, strict=True)) / 4
        if recall + precision:
            total += t * 2 * recall * precision / (recall + precision)
    return total / float(ratios.sum())


def test_boundary_f1_is_that_of_loops() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(1, 1.6, (12, 14)).astype(np.float32)
    depth = (truth * rng.uniform(0.9, 1.1, truth.shape)).astype(np.float32)
    valid = rng.random(truth.shape) > 0.1
    found = metrics.boundary_f1(depth, np.where(valid, truth, 1), valid)
    assert found == pytest.approx(looped_f1(depth, truth, valid), rel=1e-9)
    assert found is not None
    assert 0.3 < found < 0.95


def test_boundary_f1_hand_worked() -> None:
    every = np.ones((6, 6), np.bool_)
    box = np.full((6, 6), 2, np.float32)
    box[2:4, 2:4] = 1
    assert metrics.boundary_f1(box, box, every) == pytest.approx(1)
    assert metrics.boundary_f1(3 * box, box, every) == pytest.approx(1)  # free of scale
    assert metrics.boundary_f1(np.ones_like(box), box, every) == 0
    assert metrics.boundary_f1(box, np.ones_like(box), every) is None
    step = np.full((6, 6), 2, np.float32)
    step[:, 3:] = 1  # edges in one of four directions
    assert metrics.boundary_f1(step, step, every) == pytest.approx(0.25)


@pytest.fixture
def photo() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.5), np.uint8)


def test_what_moves_with_the_picture_is_steady(photo: NDArray[np.uint8]) -> None:
    blurred = cv2.GaussianBlur(photo[:, :, 0].astype(np.float32), (0, 0), 3)
    depth = np.asarray(blurred, np.float32)
    moved, moved_photo = np.roll(depth, 3, axis=1), np.roll(photo, 3, axis=1)
    still = metrics.temporal_change(depth, moved, photo, moved_photo)
    jumping = metrics.temporal_change(depth, depth, photo, moved_photo)
    assert still is not None
    assert jumping is not None
    assert still < 0.03
    assert jumping > 3 * still


def test_flicker_is_measured_in_parts_of_the_span(photo: NDArray[np.uint8]) -> None:
    before = metres(96, 128)
    after = before + np.float32(0.7)
    low, high = np.percentile([before[::2, ::2], after[::2, ::2]], (2, 98))
    change = metrics.temporal_change(before, after, photo, photo)
    assert change == pytest.approx(0.7 / (high - low), rel=1e-3)


def test_flat_maps_have_no_span(photo: NDArray[np.uint8]) -> None:
    flat = np.ones(photo.shape[:2], np.float32)
    assert metrics.temporal_change(flat, flat, photo, photo) is None


def test_pairs_of_disparities_have_an_order_from_a_tenth_of_the_spread() -> None:
    truth = np.linspace(100, 101, 1001, dtype=np.float32)  # within 1.03: ratios say nothing
    assert metrics.ordinal_error(truth, truth) is None
    assert metrics.ordinal_error(truth, truth, has_zero=False) == 0
    assert metrics.ordinal_error(-truth, truth, has_zero=False) == 100
    # order is lost only among neighbours closer than a tenth of the spread
    coarse = np.floor((truth - 100) * 20).astype(np.float32)
    assert metrics.ordinal_error(coarse, truth, has_zero=False) == 0


def test_sharpness_is_the_share_of_a_step_that_is_there() -> None:
    valid = np.ones((20, 640), np.bool_)

    def row(values: list[float]) -> NDArray[np.float32]:
        return np.tile(np.array(values, np.float32), (20, 1))

    truth = row([1.0] * 320 + [2.0] * 320)
    assert metrics.sharpness(truth, truth, valid) == pytest.approx(1)
    assert metrics.sharpness(np.full_like(truth, 1.5), truth, valid) == 0
    assert metrics.sharpness(3 - truth, truth, valid) == 0, "the wrong way round"
    # a ramp of 60 pixels in the same place has 6 of its 60 parts within 6 pixels
    ramp = row([1.0] * 290 + [1 + (i + 0.5) / 60 for i in range(60)] + [2.0] * 290)
    assert metrics.sharpness(ramp, truth, valid) == pytest.approx(0.1, abs=1e-3)
    # an edge that lies 20 pixels beside it
    assert metrics.sharpness(np.roll(truth, 20, axis=1), truth, valid) == 0


def test_sharpness_looks_at_steps_between_two_known_pixels_only() -> None:
    truth = np.ones((8, 64), np.float32)
    truth[:, 32:] = 2
    valid = np.ones(truth.shape, np.bool_)
    valid[:, 31:33] = False
    assert metrics.sharpness(truth, truth, valid) is None
    assert metrics.sharpness(truth, np.ones_like(truth), np.ones_like(valid)) is None


def test_regions_in_order_are_no_disagreement() -> None:
    regions = np.repeat(np.array([1, 2, 3], np.uint16), 20)[None].repeat(30, axis=0)
    layers = Layers(regions, np.array([[1, 2], [1, 3], [2, 3]]))
    right = (4 - regions).astype(np.float32)
    assert metrics.layers_whdr(right, layers) == 0
    assert metrics.layers_whdr(-right, layers) == 100
    assert metrics.layers_whdr(np.ones_like(right), layers) == 100
    half = np.where(regions == 3, 2.5, 4 - regions).astype(np.float32)  # 3 before 2, behind 1
    assert 0 < metrics.layers_whdr(half, layers) < 60
