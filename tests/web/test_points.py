import math

import pytest

from nearfar.errors import CalibrationError, PointError
from nearfar.web.points import Visit, distance_m, read_points
from tests.web.made import result


def test_readings_are_those_of_the_map() -> None:
    (reading,) = read_points(result(), Visit("key", ((63, 5),)))
    assert reading.nearness == 1
    assert reading.nearer_than_percent == pytest.approx(100 * 63.5 / 64)
    assert reading.metres is None


def test_two_distances_give_metres_everywhere() -> None:
    # 1/metres = 0.5 at column 50, 0.1 at column 10: 1/metres = column / 100
    visit = Visit("key", ((50, 20), (10, 20), (25, 3)), (2.0, 10.0))
    readings = read_points(result(), visit)
    assert [reading.metres for reading in readings] == pytest.approx([2, 10, 4])
    assert [reading.is_known for reading in readings] == [True, True, False]


def test_distance_between_the_last_two_points() -> None:
    photo = result(64, 48)
    visit = Visit("key", ((50, 20), (10, 20)), (2.0, 10.0))
    focal_px = 32 / math.tan(math.radians(30))
    across = (50 - 31.5) / focal_px * 2 - (10 - 31.5) / focal_px * 10
    down = (20 - 23.5) / focal_px * (2 - 10)
    measured = distance_m(photo, visit, read_points(photo, visit))
    assert measured == pytest.approx(math.hypot(across, down, 8), rel=1e-5)


def test_no_distance_without_metres_or_surface() -> None:
    photo = result()
    visit = Visit("key", ((50, 20), (10, 20)))
    assert distance_m(photo, visit, read_points(photo, visit)) is None
    far = Visit("key", ((50, 20), (10, 20), (0, 0)), (2.0, 10.0))
    readings = read_points(photo, far)
    assert readings[-1].metres == math.inf
    assert distance_m(photo, far, readings) is None


def test_what_can_not_be_read_is_refused() -> None:
    with pytest.raises(PointError):
        read_points(result(), Visit("key", ((64, 0),)))
    with pytest.raises(CalibrationError):
        read_points(result(), Visit("key", ((50, 20), (10, 20)), (10.0, 2.0)))


def test_a_visit_without_points_keeps_its_photo() -> None:
    visit = Visit("key", ((1, 2), (3, 4)), (1.0, 2.0))
    assert visit.without_points() == Visit("key")
    assert Visit("key").with_point(5, 6).points == ((5, 6),)
