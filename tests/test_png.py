import cv2
import numpy as np
import pytest
from numpy.typing import DTypeLike

from nearfar.png import encode_png


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
