import numpy as np

from nearfar.web.points import draw_markers


def test_markers_lie_where_the_points_are() -> None:
    picture = np.full((200, 400, 3), 128, np.uint8)
    drawn = draw_markers(picture, [(100, 100), (700, 300)], size_px=(800, 400))
    assert (picture == 128).all()
    rows, columns = np.nonzero((drawn != 128).any(axis=2))
    left, right = columns < 200, columns >= 200
    assert abs(columns[left].mean() - 50) < 2
    assert abs(rows[left].mean() - 50) < 2
    assert abs(columns[right].mean() - 350) < 2
    assert abs(rows[right].mean() - 150) < 2


def test_a_line_joins_the_last_two_only_when_asked() -> None:
    picture = np.full((200, 400, 3), 128, np.uint8)
    points = [(50, 50), (50, 150), (350, 150)]
    plain, joined = (
        draw_markers(picture, points, size_px=(400, 200), joined=each) for each in (False, True)
    )
    assert (plain[150, 200] == 128).all()
    assert (joined[150, 200] != 128).any()
    assert (joined[100, 50] == 128).all()


def test_a_marker_at_the_corner_stays_in_the_picture() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    assert draw_markers(picture, [(0, 0), (29, 19)], size_px=(30, 20)).shape == (20, 30, 3)
