"""TIFFs of any number of bands and bits come out as what they show."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.errors import ImageError, ImageTooLargeError
from nearfar.io.images import ImageFile, ImageLimits, read_image
from tests import picturefiles as make

RGB = make.asymmetric(40, 56)
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"compression": "zlib"},
    {"compression": "zlib", "predictor": True},
    {"byteorder": ">"},
    {"bigtiff": True},
    {"tile": (16, 32)},
    {"tile": (16, 32), "compression": "zlib", "predictor": True},
    {"rowsperstrip": 7},
]


def bands(extra: int, dtype: str, colors: NDArray[np.uint8] = RGB) -> NDArray[Any]:
    """RGB, and behind it bands of low numbers, which as alpha would be nearly white."""
    filled = np.full((*colors.shape[:2], extra), 9, np.uint8)
    values = np.concatenate([colors, filled], -1)
    scale = {"u1": 1, "u2": 257, "f4": 1 / 255, "f2": 1 / 255}[dtype]
    return (values.astype(np.float64) * scale).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f2"])
@pytest.mark.parametrize("extra", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
def test_bands_that_nobody_named_are_left_out(
    dtype: str, extra: int, planes: str, layout: int
) -> None:
    options = LAYOUTS[layout]
    if "predictor" in options and dtype[0] == "f":
        pytest.skip("the writer has no such predictor")
    values = bands(extra, dtype)
    values = np.moveaxis(values, -1, 0) if planes == "separate" else values
    data = make.tiff(
        np.ascontiguousarray(values),
        photometric="rgb",
        planarconfig=planes,
        extrasamples=[0] * extra or None,
        **options,
    )
    np.testing.assert_array_equal(read_image(data), RGB)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_a_fourth_band_of_which_nothing_is_said_is_no_alpha(dtype: str) -> None:
    data = make.tiff(bands(1, dtype), photometric="rgb", extrasamples=[0], byteorder="<")
    unsaid = data.replace(b"\x52\x01\x03\0", b"\x53\x02\x03\0")  # 338 becomes an unknown tag
    assert unsaid != data
    np.testing.assert_array_equal(read_image(unsaid), RGB)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("told", [[2], [2, 0], [0, 2], [0, 0, 2, 0]])
def test_alpha_is_the_band_that_is_told_to_be(dtype: str, told: list[int]) -> None:
    values = bands(len(told), dtype)
    alpha = values[..., 3 + told.index(2)]
    alpha[:] = {"u1": 255, "u2": 65535, "f4": 1}[dtype]
    alpha[:, :20] = 0
    expected = RGB.copy()
    expected[:, :20] = 255
    data = make.tiff(values, photometric="rgb", extrasamples=told)
    np.testing.assert_array_equal(read_image(data), expected)


def test_grey_with_alpha_in_sixteen_bits() -> None:
    values = np.zeros((2, 3, 2), np.uint16)
    values[..., 0], values[..., 1] = 51 * 257, [0, 65535, 65535]
    data = make.tiff(values, photometric="minisblack", planarconfig="contig", extrasamples=[2])
    np.testing.assert_array_equal(read_image(data)[0, :, 0], [255, 51, 51])


def test_premultiplied_colors_are_divided_again() -> None:
    values = np.array([[[128 * 257, 0, 64 * 257, 128 * 257]]], np.uint16)
    data = make.tiff(values, photometric="rgb", extrasamples=[1])
    with ImageFile(data) as file:
        np.testing.assert_array_equal(file.read(keep_alpha=True)[0, 0], [255, 0, 127, 128])


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_fewer_bits_in_sixteen_are_scaled_by_their_own_range(bits: int) -> None:
    top = 2**bits - 1
    values = np.array([[0, top // 2, top]], np.uint16)
    for data in (make.tiff(values), make.png(values, 0)):
        with ImageFile(data) as file:
            np.testing.assert_array_equal(file.read()[0, :, 0], [0, 127, 255])
            assert file.warnings == (
                f"no 16-bit sample is above {top}: read as samples of {bits} bits",
            )


def test_sixteen_bits_in_use_are_read_without_a_word() -> None:
    with ImageFile(make.tiff(np.array([[0, 4096, 65535]], np.uint16))) as file:
        np.testing.assert_array_equal(file.read()[0, :, 0], [0, 16, 255])
        assert file.warnings == ()


def test_the_greatest_number_that_a_file_tells_is_white() -> None:
    values = np.array([[0, 8192, 16383]], np.uint16)
    data = make.tiff(values, extratags=[(281, "H", 1, 16383, True)])
    np.testing.assert_array_equal(read_image(data)[0, :, 0], [0, 128, 255])


def test_alpha_of_sixteen_bits_shows_that_dark_colors_are_dark() -> None:
    values = np.array([[[2570, 2570, 2570, 65535]]], np.uint16)
    data = make.tiff(values, photometric="rgb", extrasamples=[2])
    np.testing.assert_array_equal(read_image(data)[0, 0], [10, 10, 10])


def twelve_bit(values: NDArray[np.uint16]) -> bytes:
    """Pack a little-endian TIFF of 12 bits a sample by hand: high bits first, rows filled up."""
    data = make.tiff(values.astype(np.uint8), byteorder="<", rowsperstrip=len(values))
    rows = []
    for row in values:
        text = "".join(f"{value:012b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    packed = b"".join(rows)
    patched = bytearray(data + packed)
    for at in range(8, len(data) - 12):
        tag, kind = bytes(patched[at : at + 2]), bytes(patched[at + 2 : at + 4])
        if tag == b"\x02\x01" and kind == b"\x03\0":  # BitsPerSample
            patched[at + 8 : at + 10] = b"\x0c\0"
        if tag == b"\x11\x01" and kind == b"\x04\0":  # StripOffsets
            patched[at + 8 : at + 12] = len(data).to_bytes(4, "little")
        if tag == b"\x17\x01" and kind in {b"\x03\0", b"\x04\0"}:  # StripByteCounts
            patched[at + 8 : at + 12] = len(packed).to_bytes(4, "little")
    return bytes(patched)


def test_packed_twelve_bits_are_scaled_by_their_own_range() -> None:
    values = np.array([[0, 2048, 4095, 1024], [16, 160, 1600, 4000]], np.uint16)
    image = read_image(twelve_bit(values))
    np.testing.assert_array_equal(image[..., 0], np.rint(values / 4095 * 255))


def stated_twice(data: bytes, second: dict[int, int]) -> bytes:
    """Give a little-endian TIFF a directory in which some tags stand a second time."""
    at = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[at : at + 2], "little")
    rows = [data[at + 2 + 12 * n : at + 14 + 12 * n] for n in range(count)]
    for tag, value in second.items():
        own = next(n for n, row in enumerate(rows) if row[:2] == tag.to_bytes(2, "little"))
        rows.insert(own + 1, rows[own][:2] + b"\x04\0\1\0\0\0" + value.to_bytes(4, "little"))
    table = len(rows).to_bytes(2, "little") + b"".join(rows) + bytes(4)
    data += bytes(len(data) % 2)
    return data[:4] + len(data).to_bytes(4, "little") + data[8:] + table


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_size_that_stands_twice_does_not_beat_the_limit(dtype: type) -> None:
    small = make.tiff(np.full((20, 30), 7, dtype), byteorder="<")
    first_large = stated_twice(
        make.tiff(np.full((200, 300), 7, dtype), byteorder="<"), {256: 30, 257: 20}
    )
    limits = ImageLimits(max_pixels=1000)
    with pytest.raises(ImageTooLargeError, match="300 x 200"):
        read_image(first_large, limits=limits)
    assert read_image(stated_twice(small, {256: 60_000, 257: 60_000}), limits=limits).shape == (
        20,
        30,
        3,
    )


@pytest.mark.parametrize(
    ("tag", "value"), [(322, 2**31), (323, 2**22), (277, 65_000), (256, 2**31)]
)
def test_tiles_and_bands_without_measure_are_refused(tag: int, value: int) -> None:
    data = make.tiff(np.zeros((64, 64), np.uint16), tile=(64, 64), byteorder="<")
    at = int.from_bytes(data[4:8], "little") + 2
    while data[at : at + 2] != tag.to_bytes(2, "little"):
        at += 12
    odd = data[: at + 2] + b"\x04\0\1\0\0\0" + value.to_bytes(4, "little") + data[at + 12 :]
    with pytest.raises(ImageTooLargeError):
        read_image(odd)


def test_a_directory_of_long_tags_is_stepped_over() -> None:
    data = make.tiff(RGB, photometric="rgb", byteorder="<")
    at = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[at : at + 2], "little")
    rows = data[at + 2 : at + 2 + 12 * count]
    filler = bytes(2**22)
    start = len(data)
    for tag in range(40_000, 60_000):  # each of 4 MiB: 80 GB if they were read
        rows += tag.to_bytes(2, "little") + b"\x01\0" + (2**22).to_bytes(4, "little")
        rows += start.to_bytes(4, "little")
    table = (count + 20_000).to_bytes(2, "little") + rows + bytes(4)
    odd = data[:4] + (start + len(filler)).to_bytes(4, "little") + data[8:] + filler + table
    np.testing.assert_array_equal(read_image(odd), RGB)


def test_a_directory_without_pixels_is_told() -> None:
    data = make.tiff(RGB, photometric="rgb", byteorder="<")
    with pytest.raises(ImageError, match="location of its pixels"):
        read_image(data.replace(b"\x11\x01\x04\0", b"\x11\x71\x04\0"))
