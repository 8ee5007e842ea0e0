"""Pictures of an evaluation."""

import numpy as np
import pytest

from nearfar.errors import DatasetError
from nearfar.evaluation.report import PANEL_PX, row, sheet
from tests.evaluation.made import truth

GREY = [128, 128, 128]


def test_row_has_four_panels_and_grey_for_unknown() -> None:
    valid = np.ones((24, 32), np.bool_)
    valid[:12] = False
    known = truth(valid=valid)
    error = np.where(valid, 0, np.nan).astype(np.float32)
    photo = np.full((48, 64, 3), 9, np.uint8)
    drawn = row(photo, known, known.inverse, error)
    assert drawn.shape == (240, 4 * PANEL_PX + 3 * 4, 3)
    panels = [drawn[:, at : at + PANEL_PX] for at in range(0, drawn.shape[1], PANEL_PX + 4)]
    assert (panels[0] == 9).all()
    for panel in (panels[1], panels[3]):
        assert (panel[:115] == GREY).all()
        assert (panel[125:] != GREY).any(axis=2).all()
    np.testing.assert_array_equal(panels[1][130:], panels[2][130:])  # the same colors
    near, far = panels[1][-1, 0].astype(int).sum(), panels[1][130, 0].astype(int).sum()
    assert near > far


def test_larger_error_is_warmer() -> None:
    known = truth()
    error = np.zeros((24, 32), np.float32)
    error[:, 16:] = 0.45
    drawn = row(np.zeros((24, 32, 3), np.uint8), known, known.inverse, error)
    red = drawn[120, -10], drawn[120, -PANEL_PX + 10]
    assert red[0][0] > red[0][2]
    assert red[1][0] < 100


def test_points_of_a_sparse_truth_are_drawn_larger() -> None:
    valid = np.zeros((240, 320), np.bool_)
    valid[120, 160] = True
    known = truth(np.full(valid.shape, 2, np.float32), valid=valid)
    error = np.where(valid, 0.1, np.nan).astype(np.float32)
    drawn = row(np.zeros((240, 320, 3), np.uint8), known, known.inverse, error)
    panel = drawn[:, PANEL_PX + 4 : 2 * PANEL_PX + 4]
    assert (panel != GREY).any(axis=2).sum() == 9


def test_caption_is_a_strip_above() -> None:
    known = truth()
    photo = np.zeros((24, 32, 3), np.uint8)
    plain = row(photo, known, known.inverse, known.inverse)
    named = row(photo, known, known.inverse, known.inverse, "p0")
    extra = named.shape[0] - plain.shape[0]
    np.testing.assert_array_equal(named[extra:], plain)
    assert named[:extra].min() < 100


def test_sheet_stacks_rows_of_any_height() -> None:
    known = truth()
    rows = [
        row(np.zeros((height, 32, 3), np.uint8), known, known.inverse, known.inverse)
        for height in (24, 48)
    ]
    drawn = sheet(rows)
    assert drawn.shape == (240 + 4 + 480, rows[0].shape[1], 3)
    np.testing.assert_array_equal(drawn[:240], rows[0])
    with pytest.raises(DatasetError):
        sheet([])
