"""HDR and wide-gamut stills become sRGB: by PNG's cICP, and by nclx in AVIF and HEIC."""

from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from nearfar.io.images import read_image
from nearfar.io.images.hdr import Coding, coding, to_sdr, to_srgb
from tests import picturefiles as make

PQ, HLG, SRGB, LINEAR = 16, 18, 13, 8
# Linear BT.709 to BT.2020 (ITU-R BT.2087-0, table 2)
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
COLORS = np.array(  # BT.709, 1 is paper white; none so bright that the curve bends it
    [[0.2, 0.1, 0.05], [0.05, 0.2, 0.1], [0.1, 0.05, 0.2], [0.2, 0.2, 0.2], [0.01, 0.02, 0.005]]
)


def pq(nits: Any) -> NDArray[np.float64]:
    """Encode by SMPTE ST 2084."""
    y = (np.asarray(nits) / 10_000) ** (2610 / 16384)
    return np.asarray(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)


def srgb(light: Any) -> NDArray[np.float64]:
    light = np.asarray(light)
    return np.asarray(
        255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    )


def cicp_png(coded: NDArray[np.float64], primaries: int, transfer: int, bits: int = 8) -> bytes:
    values = np.rint(coded * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    chunk = make.chunk(b"cICP", bytes([primaries, transfer, 0, 1]))
    return make.png(np.repeat(values[None], 4, axis=0), 2, chunk)


@pytest.mark.parametrize("bits", [8, 16])
def test_pq_of_bt2020_in_a_png(bits: int) -> None:
    data = cicp_png(pq(203 * COLORS @ TO_2020.T), 9, PQ, bits)
    assert np.abs(read_image(data)[0] - srgb(COLORS)).max() <= 4  # 8 bits are steps of 2 %


def test_pq_keeps_the_order_of_lights_up_to_the_peak() -> None:
    nits = np.array([0, 1, 50, 100, 203, 400, 700, 1000, 4000])
    grey = read_image(cicp_png(np.repeat(pq(nits)[:, None], 3, 1), 9, PQ))[0, :, 1].astype(int)
    assert grey[0] == 0
    assert abs(grey[2] - 136) <= 3  # 50 / 203 of white: BT.2390 leaves it as it is
    assert np.all(np.diff(grey[:7]) > 0)
    assert grey[7] == grey[8] == 255
    assert grey[4] > 190  # paper white stays bright


def test_hlg_in_a_png() -> None:
    # a signal of 0.5 is 1/12 of the scene's light, and 1000 * (1/12) ** 1.2 = 50.7 nits
    coded = np.array([[0.5, 0.5, 0.5], [0, 0, 0], [1, 1, 1]])
    image = read_image(cicp_png(coded, 9, HLG))[0]
    assert np.abs(image[0].astype(int) - 137).max() <= 2
    np.testing.assert_array_equal(image[1:], [[0, 0, 0], [255, 255, 255]])


def test_wide_gamut_and_linear_light_in_a_png() -> None:
    wide = srgb(COLORS @ TO_2020.T) / 255
    assert np.abs(read_image(cicp_png(wide, 9, SRGB))[0] - srgb(COLORS)).max() <= 2
    assert np.abs(read_image(cicp_png(COLORS, 1, LINEAR, 16))[0] - srgb(COLORS)).max() <= 8


def test_numbers_of_srgb_change_nothing() -> None:
    coded = make.noise(1, 40)[0] / 255
    for primaries, transfer in ((1, 13), (1, 1), (1, 6), (2, 2)):
        data = cicp_png(coded, primaries, transfer)
        np.testing.assert_array_equal(read_image(data)[0], make.noise(1, 40)[0])


def test_cicp_comes_before_a_profile() -> None:
    profile = make.matrix_profile(np.eye(3), 1.0)
    picture = PIL.Image.fromarray(np.full((4, 4, 3), 100, np.uint8))
    data = make.saved(picture, "PNG", icc_profile=profile)
    told = data[:33] + make.chunk(b"cICP", bytes([1, 13, 0, 1])) + data[33:]
    assert abs(int(read_image(data).mean()) - 100) > 20
    np.testing.assert_array_equal(read_image(told), np.asarray(picture))


def nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    at = data.index(b"colrnclx") + 8
    return data[:at] + bytes([0, primaries, 0, transfer]) + data[at + 4 :]


@pytest.mark.parametrize("format_", ["AVIF", "HEIF"])
def test_pq_and_hlg_in_avif_and_heic(format_: str) -> None:
    coded = pq(203 * COLORS @ TO_2020.T)
    flat = np.repeat(np.repeat(np.rint(coded * 255).astype(np.uint8), 32, 0)[None], 64, 0)
    options: dict[str, Any] = {"quality": 100}
    if format_ == "AVIF":
        options["subsampling"] = "4:4:4"
    else:
        options |= {"chroma": 444, "save_nclx_profile": True}
    data = make.saved(flat, format_, **options)
    image = read_image(nclx(data, 9, PQ))[32, 16::32].astype(int)
    assert np.abs(image - srgb(COLORS)).max() <= 8
    grey = np.full((64, 64, 3), 128, np.uint8)
    hlg = read_image(nclx(make.saved(grey, format_, **options), 9, HLG))
    assert np.abs(hlg.astype(int) - 137).max() <= 4


def test_transparent_hdr_lies_over_white() -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, :, 3] = 255
    data = make.png(rgba, 6, make.chunk(b"cICP", bytes([9, PQ, 0, 1])))
    np.testing.assert_array_equal(read_image(data)[:, 0, 0], [0, 255])


@pytest.mark.parametrize("transfer", [PQ, HLG, LINEAR, SRGB])
@pytest.mark.parametrize("primaries", [1, 9, 12])
def test_tables_give_what_the_formulas_give(primaries: int, transfer: int) -> None:
    meaning = Coding(primaries, transfer)
    image = make.noise(60, 70)
    exact = srgb(to_sdr(image / 255, meaning))
    assert np.abs(to_srgb(image, meaning) - exact).max() <= 1


def test_unknown_primaries_of_hdr_are_taken_for_bt2020() -> None:
    assert coding(2, PQ) == coding(9, PQ)
    assert coding(2, 2) is None
    assert coding(12, SRGB) is not None
