import pytest

from nearfar.runtimes.autotune_cache import Candidate, Measurements

FIRST, OPENVINO = Candidate("lite", "onnxruntime"), Candidate("lite", "openvino")
INT8, INT8_OPENVINO = Candidate("lite-int8", "onnxruntime"), Candidate("lite-int8", "openvino")


@pytest.mark.parametrize(
    ("times_ms", "taken"),
    [
        ((10, 9.1, 9.2, 9.3), FIRST),
        ((10, 20, 20, 20), FIRST),
        ((10, 9, 9.5, 9.5), OPENVINO),
        ((10, 8, 6, 7), INT8),
        ((10, 8, 6, 5.9), INT8_OPENVINO),
        ((10, None, 6, None), INT8),
        ((10, None, None, None), FIRST),
        ((10, 8.9, 9.1, 9.2), OPENVINO),
    ],
)
def test_the_first_is_kept_unless_another_is_a_tenth_faster(
    times_ms: tuple[float | None, ...], taken: Candidate
) -> None:
    ways = (FIRST, OPENVINO, INT8, INT8_OPENVINO)
    assert Measurements(dict(zip(ways, times_ms, strict=True))).taken == taken


def test_what_was_measured_in_words() -> None:
    choice = Measurements({FIRST: 10.04, INT8_OPENVINO: None})
    assert str(choice) == "lite in onnxruntime 10.0 ms, lite-int8 in openvino can't run"
