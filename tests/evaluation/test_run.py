"""A model over a data set."""

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.datasets import Layers, PointPairs, Truth
from nearfar.errors import DatasetError, InferenceError
from nearfar.estimator import Estimator
from nearfar.evaluation import runner
from nearfar.evaluation.layouts.detect import open_dataset
from nearfar.evaluation.layouts.paired import Dataset, Entry, Sample
from nearfar.evaluation.runner import Measures, PictureScore, Scores
from nearfar.io.images import Image
from nearfar.models.spec import InputSpec, ModelSpec
from tests.evaluation.made import dataset, metres, truth, write_folder
from tests.fakes import FakeSession

TRUTHS = tuple(truth(np.roll(metres(), 3 * index, axis=1)) for index in range(5))


def perfect(photo: Image) -> NDArray[np.float32]:
    """The truth of the picture whose number is the photo's grey value."""
    return 5 * TRUTHS[int(photo[0, 0, 0])].inverse + 2


def test_perfect_network() -> None:
    seen: list[str] = []
    scores = runner.score_network(perfect, dataset(*TRUTHS), model="mine", on_progress=seen.append)
    assert (scores.dataset, scores.model, scores.protocol) == ("made", "mine", "midas")
    assert seen == [it.name for it in scores.pictures] == ["p0", "p1", "p2", "p3", "p4"]
    assert scores.mean.bad_pixel == 0
    assert scores.mean.ordinal == 0
    assert scores.mean.temporal is None
    assert scores.failed == ()


def test_mean_is_over_pictures() -> None:
    def half(photo: Image) -> NDArray[np.float32]:
        return perfect(photo) * (-1 if photo[0, 0, 0] % 2 else 1)

    scores = runner.score_network(half, dataset(*TRUTHS[:4]))
    assert scores.mean.ordinal == 50
    ranked = [it.name for it in scores.ranked()]
    assert set(ranked[:2]) == {"p0", "p2"}
    assert set(ranked[2:]) == {"p1", "p3"}


def test_result_does_not_depend_on_the_workers() -> None:
    def noisy(photo: Image) -> NDArray[np.float32]:
        noise = np.random.default_rng(int(photo[0, 0, 0])).random(TRUTHS[0].inverse.shape)
        return np.add(perfect(photo), noise, dtype=np.float32)

    one, four = (runner.score_network(noisy, dataset(*TRUTHS), workers=n) for n in (1, 4))
    assert one == four


def test_pictures_under_way_are_bounded() -> None:
    begun, done, lock = [0], [0], threading.Lock()

    def counted(photo: Image) -> NDArray[np.float32]:
        with lock:
            begun[0] += 1
            assert begun[0] - done[0] <= 4
        return TRUTHS[0].inverse

    def advance(_: str) -> None:
        with lock:
            done[0] += 1

    scores = runner.score_network(counted, dataset(*TRUTHS * 4), workers=2, on_progress=advance)
    assert len(scores.pictures) == 20


def test_map_of_another_size_is_resized() -> None:
    def small(photo: Image) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(perfect(photo), (16, 12)), np.float32)

    mean = runner.score_network(small, dataset(*TRUTHS)).mean
    assert mean.ordinal is not None
    assert mean.bad_pixel is not None
    assert mean.ordinal < 10
    assert 0 < mean.bad_pixel < 30


def test_failures_are_told_and_the_rest_goes_on() -> None:
    def failing(photo: Image) -> NDArray[np.float32]:
        if photo[0, 0, 0] == 1:
            raise InferenceError("no luck")
        return perfect(photo)

    made = replace(dataset(*TRUTHS[:3]), bad=("x.jpg: no depth file",))
    scores = runner.score_network(failing, made, workers=2)
    assert [it.name for it in scores.pictures] == ["p0", "p2"]
    assert scores.failed == ("x.jpg: no depth file", "p1: no luck")


def test_values_that_are_no_numbers_are_told() -> None:
    scores = runner.score_network(
        lambda _: np.full((24, 32), np.nan, np.float32), dataset(TRUTHS[0])
    )
    assert scores.pictures == ()
    assert "not finite" in scores.failed[0]


def test_other_errors_end_the_run() -> None:
    def broken(photo: Image) -> NDArray[np.float32]:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        runner.score_network(broken, dataset(*TRUTHS))


def test_nothing_scored_has_no_mean() -> None:
    scores = runner.score_network(perfect, dataset())
    assert scores.mean.bad_pixel is None
    assert scores.ranked() == ()


def test_clip_has_changes_from_the_second_frame_on() -> None:
    still = truth(np.kron(metres(), np.ones((2, 2), np.float32)))

    def flickering(photo: Image) -> NDArray[np.float32]:
        return np.asarray(still.inverse + 0.2 * photo[0, 0, 0], np.float32)

    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    texture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)

    def entry(index: int) -> Entry:
        photo = texture.copy()
        photo[0, 0] = index
        return Entry(f"f{index}", lambda: Sample(photo, still, np.ones((48, 64), np.bool_)))

    frames = Dataset("clip", tuple(entry(index) for index in (0, 0, 1)), 10.0)
    scores = runner.score_network(flickering, frames, clip=True, workers=2)
    changes = [it.measures.temporal for it in scores.pictures]
    assert changes[0] is None
    assert changes[1] == pytest.approx(0, abs=1e-4)
    assert changes[2] is not None
    assert changes[2] > 0.1


def test_disparity_has_a_note() -> None:
    scores = runner.score_network(perfect, dataset(truth(kind="disparity")))
    assert "offset" in scores.notes[0]


def test_pairs_of_points() -> None:
    def entry(relation: int) -> Entry:
        top, bottom = np.array([[2, 1]]), np.array([[2, 20]])
        pairs = PointPairs(bottom, top) if relation else PointPairs(top, bottom)
        photo = np.zeros((24, 32, 3), np.uint8)
        return Entry(str(relation), lambda: Sample(photo, pairs, np.ones((24, 32), np.bool_)))

    scores = runner.score_network(perfect, Dataset("diw", (entry(1), entry(0))))
    assert [it.measures.ordinal for it in scores.pictures] == [0, 100]
    assert scores.mean.bad_pixel is None
    assert runner.compare(perfect, entry(1), "midas", None) is None


def test_look_gives_error_where_it_counts() -> None:
    valid = np.ones((24, 32), np.bool_)
    valid[:5] = False
    known = truth(valid=valid)
    entry = dataset(known).entries[0]
    seen = runner.compare(lambda _: known.inverse, entry, "midas", 10.0)
    assert seen is not None
    assert isinstance(seen.truth, Truth)
    assert np.isnan(seen.error[:5]).all()
    np.testing.assert_allclose(seen.error[5:], 0, atol=1e-5)
    np.testing.assert_allclose(seen.inverse[5:], known.inverse[5:], rtol=1e-4)


def test_estimator_on_a_folder(tmp_path: Path) -> None:
    spec = ModelSpec("fake", "", "", 0, "", "", (), InputSpec(64, 64, 32, "stretch"))
    session = FakeSession()
    opened = open_dataset(write_folder(tmp_path / "a"))
    scores = runner.evaluate(Estimator(spec, session), opened, workers=2)
    assert scores.model == "fake"
    assert session.calls == 3
    assert scores.mean.ordinal is not None
    assert scores.mean.ordinal < 50  # bright is near, and so is the bottom


def test_cap_in_place_of_the_set_s_own() -> None:
    made = dataset(*TRUTHS)
    assert runner.score_network(perfect, made, cap_m=2.0).mean.bad_pixel != 0
    with pytest.raises(DatasetError):
        runner.measure(
            perfect(made.entries[0].read().photo), TRUTHS[0], TRUTHS[0].valid, "affine", 0.1
        )


def test_layers_are_measured_by_their_order() -> None:
    regions = np.full((24, 32), 2, np.uint16)
    regions[12:] = 1  # the lower half, which `perfect` has nearer

    def entry(order: list[list[int]]) -> Entry:
        sample = Sample(
            np.zeros((24, 32, 3), np.uint8),
            Layers(regions, np.array(order)),
            np.ones((24, 32), np.bool_),
        )
        return Entry(str(order), lambda: sample)

    lower = np.arange(24, dtype=np.float32)[:, None].repeat(32, axis=1)
    found = runner.score_network(lambda _: lower, Dataset("l", (entry([[1, 2]]), entry([[2, 1]]))))
    assert [it.measures.ordinal for it in found.pictures] == [0, 100]
    assert found.mean.sharpness is None


def test_an_interval_holds_the_mean_and_shrinks_with_pictures() -> None:
    def scores(count: int) -> Scores:
        pictures = [PictureScore(str(i), Measures(ordinal=float(i % 2 * 10))) for i in range(count)]
        return Scores("d", "m", "midas", tuple(pictures))

    few, many = scores(10).interval("ordinal"), scores(1000).interval("ordinal")
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 5 < many[1] < few[1]
    assert few == scores(10).interval("ordinal"), "the same draws each time"
    assert scores(1).interval("ordinal") is None
    assert scores(10).interval("bad_pixel") is None
