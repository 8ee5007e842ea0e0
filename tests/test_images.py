"""Pictures of every kind come in as upright 8-bit sRGB, and go out whole."""

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import ImageCms

from nearfar import optional
from nearfar.errors import (
    EmptyImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    MissingExtraError,
    NotAnImageError,
    OutputExistsError,
    UsageError,
    WriteError,
)
from nearfar.io.images import (
    IMAGE_SUFFIXES,
    ImageFile,
    ImageLimits,
    encode_image,
    read_image,
    write_image,
)
from tests import picturefiles as make

Array = NDArray[Any]

# What a viewer must do with the stored rows and columns (Exif 3.0, tag 0x0112)
UPRIGHT: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
ORIENTED: dict[str, Callable[[Array, int], bytes]] = {
    "jpeg": lambda a, o: make.saved(a, "JPEG", exif=make.exif(o), quality=95, subsampling=0),
    "png": lambda a, o: make.saved(a, "PNG", exif=make.exif(o)),
    "webp": lambda a, o: make.saved(a, "WEBP", exif=make.exif(o), lossless=True),
    "avif": lambda a, o: make.saved(a, "AVIF", exif=make.exif(o), quality=95, subsampling="4:4:4"),
    "heif": lambda a, o: make.saved(a, "HEIF", exif=make.exif(o), quality=95),
    "tiff": lambda a, o: make.saved(a, "TIFF", tiffinfo={274: o}),
    "tiff-lzw": lambda a, o: make.saved(a, "TIFF", tiffinfo={274: o}, compression="tiff_lzw"),
    "tiff-16": lambda a, o: make.tiff_oriented(a.astype(np.uint16) * 257, o),
    "tiff-float": lambda a, o: make.tiff_oriented((a / 255).astype(np.float32), o),
    "png-16": lambda a, o: make.png(
        a.astype(np.uint16) * 257, 2, make.chunk(b"eXIf", make.exif(o)[6:])
    ),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ORIENTED)
def test_every_orientation_is_upright(kind: str, orientation: int) -> None:
    stored = make.asymmetric()
    expected = UPRIGHT[orientation](stored)
    with ImageFile(ORIENTED[kind](stored, orientation)) as file:
        image = file.read()
        assert (file.height_px, file.width_px) == image.shape[:2] == expected.shape[:2]
    tolerance = 24 if kind in {"jpeg", "avif", "heif"} else 0  # lossy
    assert np.abs(image.astype(int) - expected).max() <= tolerance
    assert image.flags.c_contiguous


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_smaller_jpeg_is_upright_too(orientation: int) -> None:
    stored = make.asymmetric(160, 240)
    data = make.saved(stored, "JPEG", exif=make.exif(orientation), quality=95)
    expected = UPRIGHT[orientation](stored)[4::8, 4::8]
    image = ImageFile(data).read(at_least_px=30)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= 24


@pytest.mark.parametrize(
    ("at_least_px", "width_px"),
    [(1, 51), (51, 51), (52, 101), (102, 202), (202, 202), (203, 403), (404, 403), (None, 403)],
)
def test_draft_is_the_smallest_that_suffices(at_least_px: int | None, width_px: int) -> None:
    data = make.saved(make.asymmetric(301, 403), "JPEG")
    image = ImageFile(data).read(at_least_px=at_least_px)
    assert image.shape[1] == width_px
    assert image.shape[0] == -(-301 // round(403 / width_px))


def test_draft_leaves_narrow_pictures_and_other_formats_whole() -> None:
    assert ImageFile(make.saved(make.noise(400, 1), "JPEG")).read(at_least_px=10).shape[:2] == (
        400,
        1,
    )
    assert ImageFile(make.saved(make.noise(40, 50), "PNG")).read(at_least_px=2).shape[:2] == (
        40,
        50,
    )
    with pytest.raises(UsageError, match="at_least_px is 0"):
        ImageFile(make.saved(make.noise(), "JPEG")).read(at_least_px=0)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_draft_never_holds_the_full_picture(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    PIL.Image.new("RGB", (6000, 4000), "teal").save(path)
    code = """
import sys
from nearfar.io.images import ImageFile, read_image
def peak_mib():
    return next(int(l.split()[1]) / 1024 for l in open('/proc/self/status') if l[:5] == 'VmHWM')
before = peak_mib()
image = ImageFile(sys.argv[1]).read(at_least_px=640)
small = peak_mib()
read_image(sys.argv[1])
print(*image.shape, small - before, peak_mib() - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    height, width, _, small_mib, full_mib = map(float, result.stdout.split())
    assert (height, width) == (500, 750)
    assert small_mib < 25  # an eighth: 375,000 pixels of 7 bytes
    assert full_mib > 68  # 24 million pixels of 3 bytes


def picture_arrays() -> st.SearchStrategy[NDArray[np.uint8]]:
    sides = st.tuples(st.integers(1, 20), st.integers(1, 20))
    return sides.flatmap(lambda size: arrays(np.uint8, (*size, 3)))


@given(picture_arrays())
def test_png_round_trips_exactly(image: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(read_image(encode_image(image, ".png")), image)


@given(picture_arrays(), st.sampled_from([".jpg", ".webp"]), st.integers(1, 100))
@settings(max_examples=40)
def test_lossy_round_trip_keeps_the_shape(
    image: NDArray[np.uint8], suffix: str, quality: int
) -> None:
    assert read_image(encode_image(image, suffix, quality)).shape == image.shape


# before 13, Pillow can't read the small YCbCr TIFFs that it writes itself
YCBCR = "YCbCr" if int(PIL.__version__.partition(".")[0]) >= 13 else ""
HOLDERS = {
    "TIFF": f"1 L LA P PA RGB RGBA RGBX CMYK {YCBCR} LAB I;16 I F",
    "PNG": "1 L LA P RGB RGBA I;16",
    "WEBP": "L LA RGB RGBA P",
    "JPEG": "1 L RGB CMYK YCbCr",
    "BMP": "1 L P RGB RGBA",
    "GIF": "1 L P RGB RGBA",
    "AVIF": "L LA RGB RGBA",
    "HEIF": "L LA RGB RGBA",
}


def in_mode(image: NDArray[np.uint8], mode: str) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(image)
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(srgb, lab, "RGB", "LAB").apply(picture)
    if mode == "I;16":
        return PIL.Image.fromarray(image[..., 0].astype(np.uint16) * 257)
    if mode == "PA":
        return picture.convert("P").convert("PA")
    return picture.convert("RGBA").convert(mode) if mode == "LA" else picture.convert(mode)


@pytest.mark.parametrize(
    ("format_", "mode"),
    [(format_, mode) for format_ in HOLDERS for mode in HOLDERS[format_].split()],
)
@given(image=picture_arrays())
@settings(max_examples=6, deadline=None)
def test_any_mode_gives_rgb(format_: str, mode: str, image: NDArray[np.uint8]) -> None:
    with ImageFile(make.saved(in_mode(image, mode), format_)) as file:
        result = file.read()
    assert result.dtype == np.uint8
    assert result.shape == image.shape
    assert result.flags.c_contiguous


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "LAB", *YCBCR.split()])
def test_colors_survive_their_mode(mode: str) -> None:
    image = make.asymmetric()
    result = read_image(make.saved(in_mode(image, mode), "TIFF"))
    assert np.abs(result.astype(int) - image).max() <= (4 if mode in {"LAB", "YCbCr"} else 0)


def test_alpha_lies_over_white() -> None:
    # (c * a + 255 * (255 - a)) / 255, rounded: 0*128 -> 127, 200*51 -> 244, 10*254 -> 10.96
    rgba = np.array(
        [[[0, 0, 0, 128], [200, 200, 200, 51], [10, 10, 10, 254], [9, 8, 7, 0]]], np.uint8
    )
    for format_ in ("PNG", "TIFF"):
        image = read_image(make.saved(rgba, format_))
        np.testing.assert_array_equal(image[0, :, 0], [127, 244, 11, 255])
    grey = read_image(make.saved(PIL.Image.fromarray(rgba).convert("LA"), "PNG"))
    np.testing.assert_array_equal(grey[0, :3, 2], [127, 244, 11])


def test_alpha_is_rounded_rightly_for_every_pair() -> None:
    color, alpha = np.meshgrid(np.arange(256), np.arange(256))
    rgba = np.stack([color, color, color, alpha], -1).astype(np.uint8)
    exact = (color * alpha + 255 * (255 - alpha)) / 255
    np.testing.assert_array_equal(
        read_image(make.saved(rgba, "PNG"))[..., 1], np.floor(exact + 0.5)
    )


def test_transparent_palette_entries_and_keys_are_white() -> None:
    palette = PIL.Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    for format_, transparency in (("PNG", b"\xff\x00\x80"), ("GIF", 1)):
        image = read_image(make.saved(palette, format_, transparency=transparency))
        np.testing.assert_array_equal(image[0, 0], [255, 0, 0])
        np.testing.assert_array_equal(image[0, 1], [255, 255, 255])
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    keyed = make.png(rgb, 2, make.chunk(b"tRNS", bytes([0, 4, 0, 5, 0, 6])))
    np.testing.assert_array_equal(read_image(keyed), [[[1, 2, 3], [255, 255, 255]]])
    grey = make.png(np.array([[1, 2]], np.uint8), 0, make.chunk(b"tRNS", bytes([0, 1])))
    np.testing.assert_array_equal(read_image(grey)[0, :, 0], [255, 2])


# 128 / 257 = 0.498, 129 / 257 = 0.502, 1000 / 257 = 3.89, 65406 / 257 = 254.498, 65407: 254.502
SIXTEEN = np.array([[0, 128, 129, 1000], [32768, 65406, 65407, 65535]], np.uint16)
EIGHT = np.array([[0, 0, 1, 4], [128, 254, 255, 255]], np.uint8)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_sixteen_bit_grey_tiff(photometric: str, byteorder: str, compression: str | None) -> None:
    data = make.tiff(SIXTEEN, photometric=photometric, byteorder=byteorder, compression=compression)
    image = read_image(data)
    expected = EIGHT if photometric == "minisblack" else 255 - EIGHT
    np.testing.assert_array_equal(image, np.dstack([expected] * 3))


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sixteen_bit_rgb(byteorder: str) -> None:
    rgb = np.stack([SIXTEEN, SIXTEEN[::-1], SIXTEEN[:, ::-1]], -1)
    expected = np.stack([EIGHT, EIGHT[::-1], EIGHT[:, ::-1]], -1)
    tiff = make.tiff(rgb, photometric="rgb", byteorder=byteorder)
    for data in (tiff, make.png(rgb, 2)):
        np.testing.assert_array_equal(read_image(data), expected)
    lzw = make.saved(PIL.Image.fromarray(SIXTEEN), "TIFF", compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(lzw)[..., 0], EIGHT)


def test_sixteen_bit_alpha() -> None:
    rgba = np.array([[[0, 0, 0, 32896], [51400, 257, 0, 65535], [1, 2, 3, 0]]], np.uint16)
    expected = [[127, 127, 127], [200, 1, 0], [255, 255, 255]]  # 32896 / 257 is 128
    np.testing.assert_array_equal(read_image(make.png(rgba, 6))[0], expected)
    straight = make.tiff(rgba, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(straight)[0], expected)
    premultiplied = rgba.copy()
    premultiplied[0, 2, :3] = 0
    data = make.tiff(premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    np.testing.assert_array_equal(read_image(data)[0], expected)
    grey_alpha = np.array([[[51400, 65535], [0, 32896]]], np.uint16)
    np.testing.assert_array_equal(read_image(make.png(grey_alpha, 4))[0, :, 0], [200, 127])
    key = make.chunk(b"tRNS", (1000).to_bytes(2, "big"))
    keyed = np.array([[1000, 1001, 51400]], np.uint16)
    np.testing.assert_array_equal(read_image(make.png(keyed, 0, key))[0, :, 0], [255, 4, 200])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_tiff(dtype: type[np.floating[Any]]) -> None:
    unit = np.array([[0, 0.25, 0.5, 1.0]], dtype)
    np.testing.assert_array_equal(read_image(make.tiff(unit))[0, :, 0], [0, 64, 128, 255])
    narrow = np.array([[0.1, 0.2]], dtype)  # inside 0..1: not stretched
    np.testing.assert_array_equal(read_image(make.tiff(narrow))[0, :, 0], [26, 51])
    wide = np.array([[-2, 0, 3, np.nan, np.inf]], dtype)  # 2 / 5 of 255 is 102
    np.testing.assert_array_equal(read_image(make.tiff(wide))[0, :, 0], [0, 102, 255, 0, 255])
    flat = np.full((2, 2), 7, dtype)
    assert read_image(make.tiff(flat)).max() == 0
    rgb = np.array([[[1, 0.2, 0], [0, 0, 0.6]]], dtype)
    data = make.tiff(rgb, photometric="rgb")
    np.testing.assert_array_equal(read_image(data)[0], [[255, 51, 0], [0, 0, 153]])


def test_wide_integer_tiff() -> None:
    unsigned = np.array([[0, 2**31, 2**32 - 1]], np.uint32)
    np.testing.assert_array_equal(read_image(make.tiff(unsigned))[0, :, 0], [0, 128, 255])
    signed = np.array([[-100, 0, 100]], np.int16)
    np.testing.assert_array_equal(read_image(make.tiff(signed))[0, :, 0], [0, 128, 255])


def test_a_raw_file_is_refused() -> None:
    raw = make.tiff(np.zeros((4, 5, 3), np.uint8), photometric="rgb", subfiletype=1)
    with pytest.raises(NotAnImageError, match="raw file"):
        read_image(raw)


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk(format_: str) -> None:
    # Pillow writes Adobe's inverted values into JPEG and plain ones into TIFF
    cmyk = np.zeros((16, 64, 4), np.uint8)
    cmyk[:, 16:32] = (0, 255, 255, 0)
    cmyk[:, 32:48] = (255, 0, 255, 0)
    cmyk[:, 48:] = (0, 0, 0, 255)
    picture = PIL.Image.frombytes("CMYK", (64, 16), cmyk.tobytes())
    image = read_image(make.saved(picture, format_)).astype(int)
    expected = [(255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 0)]
    assert np.abs(image[8, 8::16] - expected).max() <= 3


SRGB_D50 = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]])
ADOBE_D50 = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_embedded_profile_leads_to_srgb(format_: str) -> None:
    stored = np.array([180, 120, 70])
    linear = np.linalg.solve(SRGB_D50, ADOBE_D50 @ (stored / 255) ** 2.19921875)
    srgb = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    assert abs(srgb[0] - stored[0]) > 10  # or the test could not fail
    picture = np.full((16, 16, 3), stored, np.uint8)
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = make.saved(
        picture, format_, icc_profile=make.matrix_profile(ADOBE_D50, 2.19921875), **options
    )
    assert np.abs(read_image(data)[8, 8] - srgb).max() <= (4 if format_ in {"JPEG", "AVIF"} else 1)


def test_profile_and_alpha_together() -> None:
    rgba = np.full((4, 4, 4), (180, 120, 70, 255), np.uint8)
    rgba[0, 0, 3] = 0
    profile = make.matrix_profile(ADOBE_D50, 2.19921875)
    opaque = read_image(make.saved(rgba[..., :3], "PNG", icc_profile=profile))
    image = read_image(make.saved(rgba, "PNG", icc_profile=profile))
    np.testing.assert_array_equal(image[0, 0], [255, 255, 255])
    np.testing.assert_array_equal(image[1:], opaque[1:])


def test_srgb_and_unusable_profiles_change_nothing() -> None:
    image = make.noise()
    good = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (good, lab, good[:200], b"no profile", bytes(300)):
        data = make.saved(image, "PNG", icc_profile=profile)
        np.testing.assert_array_equal(read_image(data), image)


def test_first_frame_of_many() -> None:
    first, second = (PIL.Image.fromarray(np.full((9, 7, 3), v, np.uint8)) for v in (40, 200))
    for format_, options in (
        ("GIF", {}), ("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})
    ):  # fmt: skip
        data = make.saved(first, format_, save_all=True, append_images=[second], **options)
        np.testing.assert_array_equal(read_image(data), np.full((9, 7, 3), 40))


def test_header_tells_size_format_and_focal_length() -> None:
    data = make.saved(make.noise(24, 40), "JPEG", exif=make.exif(6, focal_35mm_mm=28))
    with ImageFile(data) as file:
        assert (file.width_px, file.height_px, file.format) == (24, 40, "JPEG")
        assert file.focal_35mm_mm == 28
    with pytest.raises(UsageError, match="closed"):
        file.read()
    for unknown in (make.exif(1), make.exif(1, 0), b"Exif\0\0II*\0garbage"):
        file = ImageFile(make.saved(make.noise(24, 40), "JPEG", exif=unknown))
        assert file.focal_35mm_mm is None
        assert file.width_px == 40


def test_a_file_may_be_read_again_at_another_size() -> None:
    file = ImageFile(make.saved(make.asymmetric(80, 160), "JPEG"))
    assert file.read(at_least_px=20).shape == (10, 20, 3)
    assert file.read().shape == (80, 160, 3)


class Pipe:
    """A stream that can only be read, a little at a time."""

    def __init__(self, data: bytes, step: int = 100) -> None:
        self.rest, self.step, self.given = BytesIO(data), step, 0

    def read(self, size: int = -1) -> bytes:
        part = self.rest.read(min(size, self.step) if size >= 0 else -1)
        self.given += len(part)
        return part


def test_every_kind_of_source(tmp_path: Path) -> None:
    image = make.noise()
    data = make.saved(image, "PNG")
    path = tmp_path / "a picture ü.png"
    path.write_bytes(data)
    pipe = cast("BinaryIO", Pipe(data))
    for source in (path, str(path), data, bytearray(data), memoryview(data), BytesIO(data), pipe):
        np.testing.assert_array_equal(read_image(source), image)
    with path.open("rb") as file:
        np.testing.assert_array_equal(read_image(file), image)
        assert not file.closed


def test_a_system_pipe_is_a_stream() -> None:
    image = make.noise(64, 64)
    reading_end, writing_end = os.pipe()

    def send() -> None:
        with os.fdopen(writing_end, "wb") as sink:
            sink.write(make.saved(image, "BMP"))

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(reading_end, "rb") as stream:
        np.testing.assert_array_equal(read_image(stream), image)
    sender.join()


def test_limits_on_bytes(tmp_path: Path) -> None:
    data = make.saved(make.noise(), "BMP")
    path = tmp_path / "x.bmp"
    path.write_bytes(data)
    exact, short = ImageLimits(max_bytes=len(data)), ImageLimits(max_bytes=len(data) - 1)
    for source in (lambda: path, lambda: data, lambda: BytesIO(data)):
        assert read_image(source(), limits=exact).shape == (24, 40, 3)
        with pytest.raises(ImageTooLargeError, match="MiB"):
            read_image(source(), limits=short)
    endless = Pipe(bytes(10_000_000), step=65536)
    with pytest.raises(ImageTooLargeError, match=r"^<stream>"):
        read_image(cast("BinaryIO", endless), limits=ImageLimits(max_bytes=100_000))
    assert endless.given == 100_001


def test_limits_on_pixels() -> None:
    data = make.saved(make.noise(24, 40), "PNG")
    assert read_image(data, limits=ImageLimits(max_pixels=960)).shape == (24, 40, 3)
    with pytest.raises(ImageTooLargeError, match=r"40 x 24 is more than 959 pixels"):
        ImageFile(data, limits=ImageLimits(max_pixels=959))


@pytest.mark.parametrize("side", [9_600, 14_000, 60_000])
def test_only_our_own_limit_holds(side: int) -> None:
    # at 9600 x 9600 Pillow's own limit would warn, at 14000 x 14000 it would raise
    stated = make.png(np.zeros((1, 1), np.uint8), 0, size=(side, side))
    with ImageFile(stated, limits=ImageLimits(max_pixels=side * side)) as file:
        assert file.width_px == side
    with pytest.raises(ImageTooLargeError):
        ImageFile(stated, limits=ImageLimits(max_pixels=side * side - 1))


def test_what_can_not_be_opened_is_told_in_a_line(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    told: dict[str | Path, str] = {
        tmp_path / "none.jpg": "No such file",
        tmp_path: "a folder, not an image",
        fifo: "a pipe or device",
        "": "No such file",
        "a\0b": "null",
    }
    for source, message in told.items():
        with pytest.raises(ImageNotFoundError, match=message) as caught:
            read_image(source)
        assert "\n" not in str(caught.value)
    closed = BytesIO()
    closed.close()
    with pytest.raises(ImageNotFoundError, match="closed"):
        read_image(closed)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.touch(mode=0o000)
    with pytest.raises(ImageNotFoundError, match="Permission denied"):
        read_image(path)


def test_sources_of_the_wrong_type() -> None:
    with pytest.raises(UsageError, match="int"):
        read_image(cast("Any", 7))
    with Path(__file__).open() as text, pytest.raises(UsageError, match="binary"):
        read_image(cast("Any", text))


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.touch()
    for source in (path, b"", BytesIO()):
        with pytest.raises(EmptyImageError, match="empty"):
            read_image(source)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"hello, this is text", "not an image"),
        (b"\xff", "not an image"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"PK\x03\x04rest", "zip"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "SVG"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
        (b"\x1a\x45\xdf\xa3webm", "a video"),
        (b"8BPS\0\1", "Photoshop"),
    ],
)
def test_not_a_picture_names_what_is_accepted(data: bytes, hint: str) -> None:
    with pytest.raises(NotAnImageError, match=rf"^<bytes>: .*{hint}.*JPEG, PNG, .* HEIC"):
        read_image(data)


def test_a_suffix_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "really-a-webp.jpg"
    path.write_bytes(make.saved(make.noise(), "WEBP"))
    assert ImageFile(path).format == "WEBP"


def test_heic_without_its_extra_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make.saved(make.noise(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert optional.EXTRA_OF["pillow_heif"] == "heif"
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfar\[heif\]'"):
        read_image(data)


def test_eight_threads_and_no_filter_left_behind() -> None:
    images = [make.asymmetric(40 + 8 * n, 64) for n in range(8)]
    files = [make.saved(image, ("PNG", "TIFF")[n % 2]) for n, image in enumerate(images)]
    files[3] = make.tiff(images[3].astype(np.uint16) * 257, photometric="rgb")
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(read_image, files * 20))
    for result, image in zip(results, images * 20, strict=True):
        np.testing.assert_array_equal(result, image)
    assert list(warnings.filters) == filters


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_written_pictures_open_in_pillow(tmp_path: Path, suffix: str, channels: int) -> None:
    image = np.repeat(make.asymmetric(64, 96)[..., :1], 4, axis=2)
    image[..., :3] = make.asymmetric(64, 96)
    image = image[..., 0] if channels == 1 else image[..., :channels]  # not contiguous
    path = tmp_path / f"ü{suffix}"
    if channels == 4 and suffix.lower() in {".jpg", ".jpeg"}:
        with pytest.raises(UsageError, match="transparency"):
            write_image(image, path)
        assert list(tmp_path.iterdir()) == []
        return
    write_image(image, path)
    with PIL.Image.open(path) as picture:
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        stored = np.asarray(picture.convert(mode)).astype(int)
    assert stored.shape == image.shape
    colors = stored[..., :3] if channels > 1 else stored
    assert np.abs(colors - (image[..., :3] if channels > 1 else image)).mean() < 4


def test_writing_refuses_what_it_must(tmp_path: Path) -> None:
    image, path = make.noise(), tmp_path / "x.png"
    with pytest.raises(UsageError, match=r"'.bmp': use one of .jpg, .jpeg, .png, .webp"):
        write_image(image, tmp_path / "x.bmp")
    with pytest.raises(UsageError, match="quality must be 1 to 100, not 0"):
        write_image(image, tmp_path / "x.jpg", quality=0)
    for wrong in (image.astype(np.float32), image[..., :2], image[0, 0], image[None]):
        with pytest.raises(UsageError, match="an image must be uint8"):
            write_image(cast("Any", wrong), path)
    with pytest.raises(EmptyImageError):
        write_image(image[:0], path)
    with pytest.raises(WriteError, match=r"\.webp can't hold 17000 x 1"):
        write_image(np.zeros((1, 17000, 3), np.uint8), tmp_path / "x.webp")
    with pytest.raises(WriteError, match=r"\.jpg can't hold 70000 x 1"):
        write_image(np.zeros((1, 70000), np.uint8), tmp_path / "x.jpg")
    with pytest.raises(WriteError, match="No such file"):
        write_image(image, tmp_path / "no" / "x.png")
    write_image(image, path)
    with pytest.raises(OutputExistsError):
        write_image(image, path, overwrite=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.png"]


def test_quality_counts() -> None:
    image = make.noise(64, 64)
    for suffix in (".jpg", ".webp"):
        assert len(encode_image(image, suffix, 30)) < len(encode_image(image, suffix, 95))


def test_suffixes_for_folders() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"} <= IMAGE_SUFFIXES
    assert {".heic", ".heif"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in IMAGE_SUFFIXES)
