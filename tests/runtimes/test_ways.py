import pytest

from nearfar.runtimes.autotune_cache import Candidate, Cost, Measurements

FIRST, OPENVINO = Candidate("lite", "onnxruntime"), Candidate("lite", "openvino")
INT8, INT8_OPENVINO = Candidate("lite-int8", "onnxruntime"), Candidate("lite-int8", "openvino")


@pytest.mark.parametrize(
    ("times_ms", "taken"),
    [
        ((10, 9.8, 9.2, 9.3), FIRST),
        ((10, 9.7, 8.8, 8.8), OPENVINO),
        ((10, 9.7, 8.73, 8.8), INT8),
        ((10, 10, 9.1, 9.1), FIRST),
        ((10, 20, 20, 20), FIRST),
        ((10, 9, 9.5, 9.5), OPENVINO),
        ((10, 8, 6, 7), INT8),
        ((10, 8, 6, 5.9), INT8_OPENVINO),
        ((10, None, 6, None), INT8),
        ((10, None, None, None), FIRST),
        ((10, 8.9, 9.1, 9.2), OPENVINO),
    ],
)
def test_a_runtime_must_be_three_hundredths_faster_and_int8_a_tenth(
    times_ms: tuple[float | None, ...], taken: Candidate
) -> None:
    costs = [None if ms is None else Cost(ms) for ms in times_ms]
    among = (FIRST, OPENVINO, INT8, INT8_OPENVINO)
    assert Measurements(dict(zip(among, costs, strict=True))).fastest(1) == taken
    assert Measurements(dict(zip(among, costs, strict=True))).fastest(1000) == taken


def test_what_was_measured_in_words() -> None:
    on_gpu = INT8_OPENVINO._replace(device="intel-gpu")
    choice = Measurements({FIRST: Cost(10.04), OPENVINO: Cost(9.0, 412.3), on_gpu: None})
    assert str(choice) == (
        "lite in onnxruntime 10.0 ms, lite in openvino 9.0 ms, the first 412 ms,"
        " lite-int8 in openvino on intel-gpu can't run"
    )
