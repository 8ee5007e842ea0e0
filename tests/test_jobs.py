"""One photo's whole way."""

import io
from pathlib import Path

import numpy as np
import pytest

from nearfar.config import OutputOptions
from nearfar.depth import read_depth
from nearfar.errors import ImageTooLargeError, InferenceError, OutputExistsError
from nearfar.estimator import Estimator
from nearfar.io.find_images import Found
from nearfar.io.images import ImageLimits, write_image
from nearfar.jobs import Done, PhotoJob
from nearfar.models.catalog import CATALOG
from tests.fakes import FakeSession


def made(job: PhotoJob, found: Found) -> Done:
    return job.work(found, job.plan(found))


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def estimator(session: FakeSession) -> Estimator:
    return Estimator(next(row for row in CATALOG if row.name == "nearfar-lite"), session)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    write_image(np.full((40, 60, 3), 120, np.uint8), path)
    return path


def test_photo_becomes_a_file(estimator: Estimator, photo: Path) -> None:
    done = made(PhotoJob(estimator, OutputOptions()), Found(photo))
    assert done.size_px == (60, 40)
    assert done.ms > 0
    assert done.outputs.depth == photo.with_name("cat-depth.png")
    assert read_depth(photo.with_name("cat-depth.png")).size_px == (60, 40)


def test_stream_is_read_instead_of_the_path(estimator: Estimator, photo: Path) -> None:
    found = Found(Path("stdin"), stream=io.BytesIO(photo.read_bytes()))
    target = photo.with_name("x.npy")
    assert made(PhotoJob(estimator, OutputOptions(), target), found).size_px == (60, 40)
    assert np.load(target).shape == (40, 60)


def test_existing_map_costs_no_inference(
    estimator: Estimator, session: FakeSession, photo: Path
) -> None:
    photo.with_name("cat-depth.png").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        made(PhotoJob(estimator, OutputOptions()), Found(photo))
    skipped = made(PhotoJob(estimator, OutputOptions(), skip_existing=True), Found(photo))
    assert skipped.size_px is None
    assert session.calls == 0
    assert made(PhotoJob(estimator, OutputOptions(), force=True), Found(photo)).size_px == (60, 40)


def test_half_of_the_files_is_not_all(estimator: Estimator, photo: Path) -> None:
    photo.with_name("cat-depth.png").write_bytes(b"mine")
    job = PhotoJob(estimator, OutputOptions(color=True), skip_existing=True, force=True)
    assert made(job, Found(photo)).size_px == (60, 40)


def test_limits_are_kept(estimator: Estimator, session: FakeSession, photo: Path) -> None:
    with pytest.raises(ImageTooLargeError):
        made(PhotoJob(estimator, OutputOptions(), limits=ImageLimits(max_pixels=100)), Found(photo))
    assert session.calls == 0


def test_failed_inference_leaves_nothing(photo: Path) -> None:
    session = FakeSession(error=InferenceError("too hot"))
    with pytest.raises(InferenceError):
        made(
            PhotoJob(
                Estimator(next(row for row in CATALOG if row.name == "nearfar-lite"), session),
                OutputOptions(),
            ),
            Found(photo),
        )
    assert list(photo.parent.iterdir()) == [photo]
