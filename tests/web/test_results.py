import numpy as np

from nearfar.io.images import DEFAULT_LIMITS, encode_image
from nearfar.web.session_store import SHOWN_PX, Photo, Result, Results
from tests.web.made import ramp, result


def test_result_shows_pictures_of_a_bounded_size() -> None:
    width_px, height_px = 2 * SHOWN_PX, SHOWN_PX
    photo = encode_image(np.zeros((height_px, width_px, 3), np.uint8), ".png")
    made = Result.of(Photo(photo, "big"), ramp(width_px, height_px), DEFAULT_LIMITS)
    assert made.depth.size_px == (width_px, height_px)
    assert made.shown_depth.size_px == (SHOWN_PX, SHOWN_PX // 2)
    assert made.shown_photo.shape == (SHOWN_PX // 2, SHOWN_PX, 3)


def test_a_small_photo_is_shown_as_it_is() -> None:
    made = result(40, 30)
    np.testing.assert_array_equal(made.shown_depth.inverse_depth, made.depth.inverse_depth)


def test_camera_is_assumed_unless_exif_tells() -> None:
    assert round(result().camera().hfov_deg) == 60
    assert "assumed" in result().camera().note


def test_results_are_one_a_visitor() -> None:
    results = Results()
    first = results.put(result())
    second = results.put(result(), instead=first)
    assert first != second
    assert results.get(first) is None
    assert len(results) == 1
    results.drop(second)
    assert results.get(second) is None


def test_results_stay_within_their_bytes() -> None:
    size = result().nbytes
    results = Results(most_bytes=2 * size + size // 2)
    first, second = results.put(result()), results.put(result())
    assert results.get(first) is not None  # now the second was asked for longest ago
    third = results.put(result())
    assert [results.get(key) is None for key in (first, second, third)] == [False, True, False]


def test_one_result_is_kept_however_large() -> None:
    results = Results(most_bytes=1)
    assert results.get(results.put(result())) is not None
    assert results.get(None) is None
