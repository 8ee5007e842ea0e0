import io
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import DTypeLike
from PIL import Image

from nearfar.io.images.png import encode_png


@pytest.fixture
def opencv_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (33, 47)])
def test_opencv_reads_the_same_samples(
    dtype: DTypeLike, channels: tuple[int, ...], size: tuple[int, int]
) -> None:
    random = np.random.default_rng(sum(size))
    samples = random.integers(0, np.iinfo(dtype).max, (*size, *channels), dtype, endpoint=True)

    read = cv2.imdecode(np.frombuffer(encode_png(samples, {}), np.uint8), cv2.IMREAD_UNCHANGED)

    assert read is not None
    assert read.dtype == dtype
    order = {(): [0], (3,): [2, 1, 0], (4,): [2, 1, 0, 3]}[channels]
    expected = samples.reshape(*size, -1)[..., order]
    np.testing.assert_array_equal(np.asarray(read).reshape(expected.shape), expected)


def test_a_view_that_lies_otherwise_in_memory_is_encoded_as_it_looks() -> None:
    whole = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)

    for view in (whole[::-1], whole[:, ::2], whole.transpose(1, 0, 2)):
        assert encode_png(view, {}) == encode_png(view.copy(), {})


def test_a_smooth_picture_becomes_smaller_than_opencv_makes_it() -> None:
    y, x = np.mgrid[:200, :300]
    picture = np.stack([x % 256, y, (x + y) % 256], axis=-1).astype(np.uint8)
    done, by_opencv = cv2.imencode(".png", picture)

    assert done
    assert len(encode_png(picture, {})) < len(by_opencv)


@pytest.mark.usefixtures("opencv_threads")
@pytest.mark.parametrize("size", [(720, 1280), (3, 400_000), (1_200_000, 1)])
def test_strips_make_one_stream_that_others_read_whatever_the_threads(
    size: tuple[int, int],
) -> None:
    y, x = np.ogrid[: size[0], : size[1]]
    samples = ((x * y + 7 * x) % 65521).astype(np.uint16)
    encoded = []
    for threads in (1, 2, 5):
        cv2.setNumThreads(threads)
        encoded.append(encode_png(samples, {"note": "\u6df1"}))

    assert encoded[1:] == encoded[:1] * 2
    with Image.open(io.BytesIO(encoded[0])) as read:  # checks each chunk's sum
        np.testing.assert_array_equal(np.asarray(read), samples)
    start = encoded[0].index(b"IDAT") + 4
    whole = zlib.decompress(encoded[0][start:-16])  # checks the stream's sum
    assert len(whole) == samples.nbytes + size[0]
