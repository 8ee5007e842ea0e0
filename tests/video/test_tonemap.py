"""What colors mean, and what becomes of them."""

import numpy as np
import pytest

from nearfar.io.images.hdr import SDR_GAMMA, Coding, to_sdr
from nearfar.video.frame import colors_of


@pytest.mark.parametrize(
    ("transfer", "primaries", "expected"),
    [
        (1, 1, None),
        (2, 2, None),
        (13, 1, None),
        (6, 5, None),  # PAL: as good as BT.709
        (16, 9, Coding(9, 16)),
        (18, 9, Coding(9, 18)),
        (16, 2, Coding(9, 16)),  # HDR that says no primaries has those of BT.2020
        (18, 1, Coding(1, 18)),
        (14, 9, Coding(9, 1)),
        (13, 12, Coding(12, 1)),
    ],
)
def test_only_hdr_and_wide_gamut_are_converted(
    transfer: int, primaries: int, expected: Coding | None
) -> None:
    assert colors_of(transfer, primaries) == expected


@pytest.mark.parametrize("transfer", [16, 18])
def test_brighter_stays_brighter_and_black_and_white_stay(transfer: int) -> None:
    grey = np.linspace(0, 1, 200)[:, None].repeat(3, 1)
    shown = to_sdr(grey, Coding(9, transfer)) ** (1 / SDR_GAMMA)

    assert (np.diff(shown[:, 0]) >= -1e-9).all()
    np.testing.assert_allclose(shown[0], 0, atol=0.02)
    np.testing.assert_allclose(shown[-1], 1, atol=1e-3)
    assert np.ptp(shown, axis=1).max() < 1e-3


def test_what_shines_in_a_color_keeps_its_hue() -> None:
    code = np.array([[0.75, 0.55, 0.35]])
    dim, bright = (to_sdr(code * share, Coding(1, 18))[0] for share in (0.5, 1.0))
    assert dim.argmax() == bright.argmax() == 0
    assert bright[0] > bright[1] > bright[2]


def test_grey_of_wide_gamut_stays_as_it_is() -> None:
    grey = np.linspace(0, 1, 20)[:, None].repeat(3, 1)
    np.testing.assert_allclose(to_sdr(grey, Coding(9, 1)), grey**SDR_GAMMA, atol=1e-6)
