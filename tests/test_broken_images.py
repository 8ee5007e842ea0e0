"""Damaged files give one line of ours, whatever the damage, and never anything else."""

import random
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from types import MappingProxyType

import numpy as np
import PIL.Image
import pytest

from nearfar.errors import CorruptImageError, ImageTooLargeError, NearfarError, NotAnImageError
from nearfar.io.images import Image, ImageLimits, read_image
from tests import picturefiles as make

SMALL = ImageLimits(max_pixels=200_000, max_bytes=2**20)
MUTATIONS_A_FILE = 36


@cache
def good_files() -> MappingProxyType[str, bytes]:
    """One small file of every format, and of every way it stores pixels."""
    rgb, rgba, grey = make.noise(), make.noise(channels=4), make.noise(channels=1)
    deep = rgb.astype(np.uint16) * 257
    frames = {"save_all": True, "append_images": [PIL.Image.fromarray(rgb[::-1])]}
    palette = PIL.Image.fromarray(rgb).convert("P")
    cmyk = PIL.Image.fromarray(rgb).convert("CMYK")
    profile = make.matrix_profile(np.eye(3) * [0.96, 1, 0.82], 1.8)
    first = PIL.Image.fromarray(rgb)
    return MappingProxyType(
        {
            "jpeg": make.saved(rgb, "JPEG", exif=make.exif(6, 28), icc_profile=profile),
            "jpeg-progressive": make.saved(rgb, "JPEG", progressive=True),
            "jpeg-cmyk": make.saved(cmyk, "JPEG"),
            "png": make.saved(rgba, "PNG", exif=make.exif(3), icc_profile=profile),
            "png-palette": make.saved(palette, "PNG", transparency=3),
            "png-16": make.png(deep, 2),
            "png-16-grey": make.png(deep[..., 0], 0),
            "apng": make.saved(first, "PNG", **frames),
            "gif": make.saved(first, "GIF", **frames),
            "bmp": make.saved(rgb, "BMP"),
            "bmp-palette": make.saved(palette, "BMP"),
            "tiff": make.saved(rgb, "TIFF", icc_profile=profile),
            "tiff-lzw": make.saved(rgba, "TIFF", compression="tiff_lzw"),
            "tiff-jpeg": make.saved(rgb, "TIFF", compression="jpeg"),
            "tiff-fax": make.saved(first.convert("1"), "TIFF", compression="group4"),
            "tiff-pages": make.saved(first, "TIFF", **frames),
            "tiff-16": make.tiff(deep, photometric="rgb", compression="zlib", byteorder=">"),
            "tiff-float-tiles": make.tiff(grey.astype(np.float32), tile=(16, 16)),
            "webp": make.saved(rgba, "WEBP", exif=make.exif(8), icc_profile=profile),
            "webp-lossless": make.saved(rgb, "WEBP", lossless=True),
            "webp-frames": make.saved(first, "WEBP", **frames),
            "avif": make.saved(rgb, "AVIF", exif=make.exif(5)),
            "heif": make.saved(rgb, "HEIF", exif=make.exif(2)),
        }
    )


def flip_bits(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 4, 32))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def edit_header(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(min(len(data) - 4, 200))
    data[at : at + 4] = chance.choice(
        (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", chance.randbytes(4))
    )
    return bytes(data)


def truncate(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(1, len(data))])


def swap_pieces(data: bytearray, chance: random.Random) -> bytes:
    a, b, c = sorted(chance.sample(range(len(data)), 3))
    return bytes(data[:a] + data[b:c] + data[a:b] + data[c:])


def cut_out(data: bytearray, chance: random.Random) -> bytes:
    a, b = sorted(chance.sample(range(len(data)), 2))
    return bytes(data[:a] + data[b:])


def repeat_piece(data: bytearray, chance: random.Random) -> bytes:
    a, b = sorted(chance.sample(range(len(data)), 2))
    return bytes(data[:b] + data[a:b] * 3 + data[b:])


def splice_with_another(data: bytearray, chance: random.Random) -> bytes:
    other = chance.choice(list(good_files().values()))
    cut = chance.randrange(8, min(len(data), len(other)))
    return bytes(data[:cut]) + other[cut:]


def mend_png(data: bytes) -> bytes:
    """Give every chunk a right checksum again, so that the damage gets past the first gate."""
    mended, at = data[:8], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        mended += make.chunk(kind, data[at + 8 : at + 8 + length])
        at += 12 + length
    return mended


CHANGES: tuple[Callable[[bytearray, random.Random], bytes], ...] = (
    flip_bits,
    edit_header,
    truncate,
    swap_pieces,
    cut_out,
    repeat_piece,
    splice_with_another,
)


def mutations(kind: str) -> Iterator[bytes]:
    chance = random.Random(kind)  # noqa: S311 - damage must be the same on every machine
    data = good_files()[kind]
    for number in range(MUTATIONS_A_FILE):
        changed = CHANGES[number % len(CHANGES)](bytearray(data), chance)
        yield mend_png(changed) if "png" in kind and number % 2 else changed


def test_there_are_enough_mutations() -> None:
    assert len(good_files()) * MUTATIONS_A_FILE >= 500


@pytest.mark.parametrize("kind", good_files())
def test_good_files_are_read(kind: str) -> None:
    image = read_image(good_files()[kind], limits=SMALL)
    assert sorted(image.shape) == [3, 24, 40]


def attempt(data: bytes) -> Image | NearfarError:
    try:
        return read_image(data, limits=SMALL)
    except NearfarError as error:
        return error


@pytest.mark.parametrize("kind", good_files())
def test_mutated_files_raise_only_nearfar_errors(kind: str) -> None:
    refused = 0
    for data in mutations(kind):
        result = attempt(data)
        if isinstance(result, NearfarError):
            refused += 1
            assert str(result).startswith("<bytes>: ")
            assert "\n" not in str(result)
        else:
            assert result.dtype == np.uint8
            assert result.ndim == 3
            assert result.shape[2] == 3
            assert result.size > 0
    assert refused > 0  # or nothing was tried


FRAMES = {"apng", "gif", "tiff-pages", "webp-frames"}  # a first frame may be whole after the cut


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        (kind, share)
        for kind in good_files()
        for share in ((0.2, 0.35) if kind in FRAMES else (0.3, 0.6, 0.9))
    ],
)
def test_truncated_files_are_refused(kind: str, share: float) -> None:
    data = good_files()[kind]
    with pytest.raises(CorruptImageError, match="get a"):
        read_image(data[: int(len(data) * share)], limits=SMALL)


def test_a_giant_text_chunk_is_not_inflated() -> None:
    bomb = make.chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(30_000_000)))
    image = make.noise()
    np.testing.assert_array_equal(read_image(make.png(image, 2, bomb)), image)


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(make.png(make.noise(), 2))
    data[60] ^= 1
    with pytest.raises(CorruptImageError, match="checksum"):
        read_image(bytes(data))


def test_pictures_without_pixels() -> None:
    for size in ((0, 5), (5, 0), (0, 0)):
        with pytest.raises(CorruptImageError):
            read_image(make.png(make.noise(), 2, size=size))
    wide = bytearray(make.saved(make.noise(), "BMP"))
    wide[18:22] = bytes(4)
    with pytest.raises(CorruptImageError):
        read_image(bytes(wide))


def test_a_tiff_whose_directories_loop() -> None:
    data = bytearray(make.saved(make.noise(), "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    assert read_image(bytes(data)).shape == (24, 40, 3)


def test_exif_that_points_into_itself_is_ignored() -> None:
    loop = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + bytes(4)
    assert read_image(make.saved(make.noise(), "JPEG", exif=loop)).shape == (24, 40, 3)


def test_bombs_are_refused() -> None:
    bmp = bytearray(make.saved(make.noise(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 2**30, 2**30)
    gif = bytearray(make.saved(make.noise(), "GIF"))
    gif[6:10] = b"\xff" * 4
    for data in (bmp, gif):
        with pytest.raises(ImageTooLargeError):
            read_image(bytes(data))


def test_decoders_that_run_programs_are_never_reached() -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    with pytest.raises(NotAnImageError, match="PostScript"):
        read_image(eps)


def test_warnings_of_pillow_never_surface() -> None:
    data = bytearray(make.saved(make.noise(), "JPEG", exif=make.exif(6, 28)))
    at = data.index(b"Exif") + 6
    data[at + 8 : at + 10] = b"\xff\xff"  # more tags than there are
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert read_image(bytes(data)).shape[2] == 3
    assert seen == []
