"""Pictures that lack their end, and files whose headers are made to hold a reader up."""

import struct
import time
import zlib
from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from nearfar.errors import CorruptImageError, ImageError
from nearfar.io.images import IMAGE_SUFFIXES, ImageFile, ImageLimits, read_image
from tests import picturefiles as make

TAKE_CUT = ImageLimits(allow_truncated=True)
SMOOTH = np.asarray(
    PIL.Image.fromarray(make.noise(6, 9)).resize((203, 151), PIL.Image.Resampling.BICUBIC)
)
WHOLE = {
    "baseline": make.saved(SMOOTH, "JPEG", quality=90),
    "progressive": make.saved(SMOOTH, "JPEG", quality=90, progressive=True),
    "restarts": make.saved(SMOOTH, "JPEG", quality=90, restart_marker_rows=1),
    "grey": make.saved(PIL.Image.fromarray(SMOOTH).convert("L"), "JPEG"),
    "png": make.saved(SMOOTH, "PNG"),
    "png-16": make.png(SMOOTH.astype(np.uint16) * 257, 2),
    "png-palette": make.saved(PIL.Image.fromarray(SMOOTH).quantize(7), "PNG"),
}


def without_end(kind: str) -> bytes:
    data = WHOLE[kind]
    return data[:-12] if kind.startswith("png") else data[:-2]


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("more", [0, 1])
def test_a_picture_without_its_end_mark_is_whole_and_told(kind: str, more: int) -> None:
    if more and not kind.startswith("png"):
        data = without_end(kind) + b"\xff"  # half of the mark
    else:
        data = without_end(kind) + b"\0\0\0"[: 3 * more]
    with ImageFile(data) as file:
        np.testing.assert_array_equal(file.read(), read_image(WHOLE[kind]))
        assert len(file.warnings) == 1
        assert "end marker of the" in file.warnings[0]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_picture_is_read_without_a_word(kind: str) -> None:
    with ImageFile(WHOLE[kind]) as file:
        file.read()
        assert file.warnings == ()


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_picture_that_lacks_rows_is_taken_only_when_asked(kind: str, part: float) -> None:
    data = without_end(kind)
    data = data[: int(len(data) * part)]
    with pytest.raises(CorruptImageError, match=r"truncated.*allow truncated"):
        read_image(data)
    with ImageFile(data, limits=TAKE_CUT) as file:
        image = file.read()
        assert "truncated" in file.warnings[0]
    whole = read_image(WHOLE[kind])
    assert image.shape == whole.shape
    if kind == "progressive":  # all rows are there, less sharp
        assert np.abs(image.astype(int) - whole).mean() < 20
    else:
        np.testing.assert_array_equal(image[:32], whole[:32])


@pytest.mark.parametrize("kind", ["baseline", "progressive"])
def test_a_cut_jpeg_is_noticed_at_any_place(kind: str) -> None:
    data = without_end(kind)
    whole = read_image(WHOLE[kind])
    for place in range(len(data) - 40, len(data)):
        with ImageFile(data[:place], limits=TAKE_CUT) as file:
            image = file.read()
            if not np.array_equal(image, whole):
                assert "truncated" in file.warnings[0], place


def test_the_smaller_decoding_of_a_cut_jpeg_is_told_too() -> None:
    with ImageFile(without_end("baseline")) as file:
        assert file.read(at_least_px=100).shape == (76, 102, 3)
        assert "end marker of the" in file.warnings[0]


def test_an_interlaced_png_without_its_end_is_whole() -> None:
    # two passes of a picture 2 x 1: Adam7 has the first column in pass 1, the second in pass 6
    raw = b"\0\x10" + b"\0\xf0"
    header = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 1)
    data = b"\x89PNG\r\n\x1a\n" + make.chunk(b"IHDR", header)
    data += make.chunk(b"IDAT", zlib.compress(raw))
    np.testing.assert_array_equal(read_image(data)[0, :, 0], [16, 240])


def test_a_png_cut_before_its_pixels_is_refused_always() -> None:
    data = WHOLE["png"]
    for limits in (ImageLimits(), TAKE_CUT):
        with pytest.raises(CorruptImageError, match="truncated"):
            read_image(data[:33], limits=limits)


def test_a_cut_png_inflates_no_further_than_its_size() -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    bomb = zlib.compress(bytes(300 * 2**20), 9)
    data = b"\x89PNG\r\n\x1a\n" + make.chunk(b"IHDR", header) + make.chunk(b"IDAT", bomb)
    assert read_image(data).max() == 0


def test_a_cut_bmp_is_taken_only_when_asked() -> None:
    data = make.saved(make.asymmetric(), "BMP")
    cut = data[: len(data) // 2]
    with pytest.raises(CorruptImageError, match=r"truncated.*allow truncated"):
        read_image(cut)
    image = read_image(cut, limits=TAKE_CUT)
    np.testing.assert_array_equal(image[20:], make.asymmetric()[20:])  # stored from below
    assert image[:12].max() == 0


def bitmap(header_size: int, alpha: int, *, pixel_first: bool = False) -> bytes:
    """Build a BMP of 32 bits with a mask for alpha, V3 (56), V4 (108) or V5 (124)."""
    rgb = make.asymmetric(6, 8)
    bgra = np.dstack([rgb[::-1, :, ::-1], np.full(rgb.shape[:2], alpha, np.uint8)])
    if pixel_first:
        bgra[0, 0, 3] = 255
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    about = struct.pack("<IiiHHIIiiII", header_size, 8, 6, 1, 32, 3, bgra.nbytes, 0, 0, 0, 0)
    about = (about + masks).ljust(header_size, b"\0")
    start = 14 + len(about)
    return struct.pack("<2sIII", b"BM", start + bgra.nbytes, 0, start) + about + bgra.tobytes()


@pytest.mark.parametrize("header_size", [56, 108, 124])
def test_a_bitmap_whose_alpha_is_zero_everywhere_is_opaque(header_size: int) -> None:
    expected = make.asymmetric(6, 8)
    np.testing.assert_array_equal(read_image(bitmap(header_size, 0)), expected)
    np.testing.assert_array_equal(read_image(bitmap(header_size, 255)), expected)
    shown = read_image(bitmap(header_size, 0, pixel_first=True))
    assert (shown == 255).all(axis=-1).sum() == 6 * 8 - 1


def test_of_an_mpo_the_first_picture_is_read() -> None:
    first, second = (PIL.Image.fromarray(a) for a in (make.asymmetric(), make.noise(32, 48)))
    file = BytesIO()
    first.save(file, "MPO", save_all=True, append_images=[second], quality=95)
    assert ".mpo" in IMAGE_SUFFIXES
    image = read_image(file.getvalue())
    assert np.abs(image.astype(int) - make.asymmetric()).mean() < 4


def gif_with(comments: bytes) -> bytes:
    data = make.saved(PIL.Image.fromarray(make.asymmetric()).quantize(8), "GIF")
    table = 13 + (3 << (data[10] & 7) + 1)
    return data[:table] + comments + data[table:]


def comment(content: bytes, block: int) -> bytes:
    parts = (content[at : at + block] for at in range(0, len(content), block))
    return b"!\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def test_comments_do_not_hold_a_gif_up() -> None:
    start = time.perf_counter()
    data = gif_with(comment(bytes(31 * 2**20), 255))
    np.testing.assert_array_equal(read_image(data), read_image(gif_with(b"")))
    with pytest.raises(CorruptImageError, match="comments"):
        read_image(gif_with(comment(bytes(2**20), 1)))
    assert time.perf_counter() - start < 5  # Pillow takes minutes for the first


def test_a_gif_keeps_what_is_transparent() -> None:
    picture = PIL.Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0])
    data = make.saved(picture, "GIF", transparency=1, comment=b"hello")
    np.testing.assert_array_equal(read_image(data)[0], [[255, 0, 0], [255, 255, 255]])


def test_parts_do_not_hold_a_jpeg_up() -> None:
    start, whole = time.perf_counter(), WHOLE["baseline"]
    parts = b"\xff\xe5\0\2" * 1000 + (b"\xff\xfe\xff\xff" + bytes(65533)) * 500
    np.testing.assert_array_equal(read_image(whole[:2] + parts + whole[2:]), read_image(whole))
    for endless in (b"\xff\xe5\0\2" * 2_000_000, b"\xff\xdb\0\2" * 3000):
        with pytest.raises(CorruptImageError, match="parts"):
            read_image(whole[:2] + endless + whole[2:])
    assert time.perf_counter() - start < 5


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    whole = WHOLE["progressive"]
    at = whole.rindex(b"\xff\xda")
    with pytest.raises(CorruptImageError, match="scans"):
        read_image(whole[:-2] + whole[at:-2] * 1000 + whole[-2:])


def test_exif_of_many_long_tags_is_stepped_over() -> None:
    rows = b"".join(struct.pack("<HHII", tag, 1, 40_000, 8) for tag in range(0x8000, 0x8000 + 1900))
    orientation = struct.pack("<HHII", 274, 3, 1, 6)
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1901) + orientation + rows + bytes(4)
    block = block.ljust(60_000, b"\0")
    data = make.saved(make.asymmetric(), "JPEG", exif=block)
    assert read_image(data).shape == (48, 32, 3)


@pytest.mark.parametrize("count", [400_000])
def test_parts_do_not_hold_a_png_up(count: int) -> None:
    whole = WHOLE["png"]
    start = time.perf_counter()
    with pytest.raises(ImageError):
        read_image(whole[:33] + make.chunk(b"tEXt", b"") * count + whole[33:])
    assert time.perf_counter() - start < 5
