"""A decoder that crashes, loops or takes all memory fails one request, and nothing else."""

from typing import Any

import numpy as np
import pytest

from nearfar.isolation import photos
from nearfar.isolation.limits import Limits
from nearfar.isolation.photos import IsolatedImageFile, decoders
from tests.isolation import hostile
from tests.isolation.test_pool import is_gone, linux_only, until
from tests.picturefiles import noise, saved
from tests.service.served import Served, assert_problem

MIB = 2**20


@pytest.fixture
def large() -> bytes:
    """A JPEG whose header and pixels are read in two calls."""
    return saved(noise(1100, 1400), "JPEG")


@pytest.mark.parametrize("part", ["_read_header", "_decode"])
@pytest.mark.parametrize(
    ("decoder", "status", "slug"),
    [
        (hostile.killed, 422, "decoder-crashed"),
        (hostile.aborted, 422, "decoder-crashed"),
        (hostile.endless, 422, "decoder-timeout"),
        pytest.param(hostile.greedy, 413, "decoder-memory", marks=linux_only),
    ],
)
def test_a_photo_that_takes_its_decoder_down_gets_its_error_and_the_next_one_its_map(
    *,
    service: Served,
    large: bytes,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    decoder: Any,
    status: int,
    slug: str,
) -> None:
    good = service.depth(large)
    assert good.status_code == 200
    before = set(decoders().pids)
    with monkeypatch.context() as patch:
        if decoder is hostile.endless:
            patch.setattr(photos, "_HEADER_LIMITS", Limits(256 * MIB, 20, 1.0))
            patch.setattr(photos, "_DECODE_S", (20.0, 1.0))
        patch.setattr(photos, part, decoder)
        for path in ("/v1/depth", "/v1/effects/fog", "/v1/cloud"):
            assert_problem(service.client.post(path, content=large), status, slug)
    assert service.depth(large).content == good.content
    assert service.client.get("/readyz").status_code == 200
    gone = before - set(decoders().pids)
    assert gone
    until(lambda: all(is_gone(pid) for pid in gone))
    assert service.engine.waiting == service.engine.running == 0


@pytest.mark.parametrize("size", [(48, 64), (700, 500), (1100, 1400), (30, 3000)])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_what_comes_from_a_process_is_what_is_decoded_here(
    size: tuple[int, int], format: str
) -> None:
    from nearfar.io.images import ImageFile

    content = saved(noise(*size), format)
    with ImageFile(content) as here, IsolatedImageFile(content) as there:
        assert (there.width_px, there.height_px) == (here.width_px, here.height_px)
        assert (there.format, there.focal_35mm_mm) == (here.format, here.focal_35mm_mm)
        for at_least_px in (None, 100, 512):
            assert np.array_equal(
                there.read(at_least_px=at_least_px), here.read(at_least_px=at_least_px)
            )


@pytest.mark.parametrize("size", [(480, 640), (1100, 1400), (100, 90), (3000, 40)])
@pytest.mark.parametrize("refine", [False, True])
def test_a_map_is_the_same_as_of_a_photo_that_is_decoded_here(
    size: tuple[int, int], *, refine: bool
) -> None:
    from nearfar.config import EstimateOptions, ImageLimits
    from nearfar.estimator import Estimator
    from nearfar.io.images import ImageFile
    from nearfar.models.registry import ModelRegistry
    from nearfar.service.engine import InferenceRequest, open_photo
    from tests.fakes import FakeSession

    options = EstimateOptions(refine=refine)
    (spec, *_) = ModelRegistry().candidates("nearfar-lite", "photo")
    estimator = Estimator(spec, FakeSession(), options)
    content = saved(noise(*size), "JPEG")
    photo = InferenceRequest(estimator, open_photo(content, ImageLimits(), estimator))
    batch = photo.prepare()
    with ImageFile(content) as file:
        assert np.array_equal(batch, estimator.prepare(estimator.decode(file)))
        there = photo.depth(estimator.session.run(batch)[0])
        assert np.array_equal(there.inverse_depth, estimator.from_file(file).inverse_depth)
