"""Decode TIFF images with any number of bands and bits.

The first band is gray, or the first three are red, green and blue. The first extra band that is
declared as alpha (ExtraSamples 1 or 2) is used; other bands, such as infrared, are left out.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from nearfar.errors import ImageTooLargeError, NotAnImageError
from nearfar.io.images import tiff
from nearfar.io.images.decoder import open_picture
from nearfar.io.images.header import Header, focal_35mm_of, orientation_of
from nearfar.io.images.pixels import Numbers, decode_opencv, eight_bit
from nearfar.io.images.tiff import Directory, read_directory, with_directory

_BYTES_A_PIXEL: Final = 16
"""Size of a pixel of four floats, by which the limit on pixels also limits bytes."""

_OWN_COLORS: Final = {6, 7, 34712, 50001, 50002}
"""Compressions that are image formats: JPEG, JPEG 2000, WebP, JPEG XL."""

_OLD_JPEG: Final = 513
_GRAY: Final = {0, 1}
_RGB: Final = 2
_DIFFERENCES: Final = 2
_FLOAT_PREDICTOR: Final = 3


@dataclass(frozen=True)
class TiffPicture:
    """A TIFF whose directory was read and checked.

    Attributes:
        data: the file, with a directory of checked tags as its only one.
        header: its properties.
        directory: the checked tags.
        photometric: how colors are stored; 0 or 1 is gray, 2 is RGB.
        bands: number of bands per pixel.
        bits: of each band.
        alpha: index of the alpha band, if any.
        premultiplied: whether colors are multiplied by alpha.
        by_bands: whether `decode` is used, because Pillow can't decode it by the rule above.
    """

    data: bytes
    header: Header
    directory: Directory
    photometric: int
    bands: int
    bits: int
    alpha: int | None
    premultiplied: bool
    by_bands: bool

    def decode(self, warn: list[str]) -> PIL.Image.Image:
        """Decode the bands.

        Args:
            warn: list to which warnings for the user are appended.

        Returns:
            Mode L, LA, RGB or RGBA, 8 bits, not rotated.

        Raises:
            ValueError: the content is damaged.
        """
        colors = (0, 1, 2) if self.photometric == _RGB else (0,)
        wanted = colors if self.alpha is None else (*colors, self.alpha)
        stored = self._bands(wanted)
        numbers = Numbers(self.bits, next(iter(self.directory.integers(tiff.MAX_SAMPLE)), None))
        levels = eight_bit(stored, numbers, warn, colors=len(colors))
        if self.photometric == 0:
            levels[..., 0] = 255 - levels[..., 0]
        mode = "L" if len(colors) == 1 else "RGB"
        if self.alpha is None:
            return PIL.Image.fromarray(levels[..., 0] if mode == "L" else levels)
        size = levels.shape[1], levels.shape[0]
        picture = PIL.Image.frombytes(
            f"{mode}{'a' if self.premultiplied else 'A'}", size, levels.tobytes()
        )
        return picture.convert(f"{mode}A") if self.premultiplied else picture

    def _bands(self, wanted: tuple[int, ...]) -> NDArray[Any]:
        """Return (H, W, wanted) in the file's data type.

        The decoders support one, three or four interleaved bands. In other cases they get each
        plane as a gray image, or interleaved bands as one gray image of multiple width.
        """
        stored = self._numbers(wanted)
        return stored.view(np.float16) if self.bits == 16 and self._is_float() else stored

    def _numbers(self, wanted: tuple[int, ...]) -> NDArray[Any]:
        width, height = self.header.size
        directory = self._integer_tags()
        predictor = directory.integer(tiff.PREDICTOR, 1)
        if self.bands > 1 and directory.integer(tiff.PLANES, 1) == 2:
            return np.concatenate([self._plane(directory, band) for band in wanted], -1)
        if self.bands in {3, 4} and predictor == _FLOAT_PREDICTOR:
            stored = self._decode(directory, width)
            return stored[..., [(2, 1, 0, 3)[band] for band in wanted]]
        changes = self._as_gray(directory) | {tiff.WIDTH: (width * self.bands,)}
        if tiff.TILE_WIDTH in directory.entries:
            changes[tiff.TILE_WIDTH] = (directory.integer(tiff.TILE_WIDTH) * self.bands,)
        if self.bands > 1:
            if predictor == _FLOAT_PREDICTOR:
                raise NotAnImageError("floats with a predictor are not supported: save without one")
            changes[tiff.PREDICTOR] = None
        wide = self._decode(directory.changed(changes), width * self.bands)
        stored = np.ascontiguousarray(wide).reshape(height, width, self.bands)
        if self.bands > 1 and predictor == _DIFFERENCES:
            _undo_differences(stored, directory.integer(tiff.TILE_WIDTH, width))
        return np.ascontiguousarray(stored[..., list(wanted)])

    def _integer_tags(self) -> Directory:
        """Return the tags, with half floats declared as integers of the same bits."""
        is_half = self.bits == 16 and self._is_float()
        return self.directory.changed({tiff.SAMPLE_FORMAT: None}) if is_half else self.directory

    def _is_float(self) -> bool:
        return 3 in self.directory.integers(tiff.SAMPLE_FORMAT)

    def _plane(self, directory: Directory, band: int) -> NDArray[Any]:
        changes = self._as_gray(directory)
        for tag in tiff.SEGMENTS & directory.entries.keys():
            segments = directory.integers(tag)
            each = len(segments) // self.bands
            changes[tag] = segments[band * each : (band + 1) * each]
        return self._decode(directory.changed(changes), self.header.size[0])

    def _as_gray(self, directory: Directory) -> dict[int, tuple[int, ...] | None]:
        return {
            tiff.PHOTOMETRIC: (1,),
            tiff.SAMPLES: (1,),
            tiff.PLANES: (1,),
            tiff.EXTRA_SAMPLES: None,
            tiff.BITS: (self.bits,),
            tiff.SAMPLE_FORMAT: directory.integers(tiff.SAMPLE_FORMAT)[:1] or None,
        }

    def _decode(self, directory: Directory, width: int) -> NDArray[Any]:
        data = with_directory(self.data, directory)
        if self.bits == 8:  # OpenCV rejects padded 8-bit tiles
            with open_picture("TIFF", "TIFF", data) as picture:
                stored = np.array(picture)
        else:
            stored = decode_opencv(data)
        if stored.shape[:2] != (self.header.size[1], width):
            raise ValueError(f"the decoded size is {stored.shape[1]} x {stored.shape[0]} pixels")
        return stored if stored.ndim == 3 else stored[..., None]


def _undo_differences(stored: NDArray[Any], tile_width: int) -> NDArray[Any]:
    """Undo horizontal differencing (TIFF 6.0, section 14)."""
    if stored.dtype.kind not in "ui":
        raise NotAnImageError("differences of floats are not supported: save without a predictor")
    for left in range(0, stored.shape[1], tile_width):
        tile = stored[:, left : left + tile_width]
        np.cumsum(tile, axis=1, dtype=stored.dtype, out=tile)
    return stored


def open_tiff(name: str, data: bytes, max_pixels: int) -> TiffPicture:
    """Read the first directory of a TIFF or BigTIFF file.

    Raises:
        NotAnImageError: it is a camera's raw file, or has an unsupported number format.
        ImageTooLargeError: its tiles or bands exceed the limit.
        ValueError, struct.error: the directory is damaged.
    """
    tags = read_directory(data, tiff.READ)
    subfile = tags.integers(tiff.SUBFILE)
    if tiff.DNG in tags.entries or subfile[:1] == (1,) or data[8:10] == b"CR":
        raise NotAnImageError(
            f"{name}: a camera's raw file, whose image is only a preview: convert it to JPEG"
        )
    width, height = tags.integer(tiff.WIDTH), tags.integer(tiff.HEIGHT)
    bands, bits = tags.integer(tiff.SAMPLES, 1), max(tags.integers(tiff.BITS) or (1,))
    _check_limits(name, tags, (width, height), bands * bits, max_pixels)
    photometric = tags.integer(tiff.PHOTOMETRIC, 0 if bits <= 8 else 2 if bands > 2 else 1)
    colors = 3 if photometric in {_RGB, 6, 8} else 4 if photometric == 5 else 1
    declared = tags.integers(tiff.EXTRA_SAMPLES)
    extra = (*declared, *(0,) * bands)[: max(0, bands - colors)]
    alpha = next((at for at, kind in enumerate(extra) if kind in {1, 2}), None)
    by_bands = _by_bands(tags, photometric, bands, bits)
    if by_bands and (bands < colors or len(set(tags.integers(tiff.BITS))) > 1):
        raise NotAnImageError(
            f"{name}: a TIFF of {bands} bands that is not RGB of one bit depth: save it as RGB"
        )
    if photometric in {_RGB, 5} and not by_bands:  # Pillow guesses if ExtraSamples is missing
        declared = extra if photometric == _RGB else (0,) * len(extra)
        tags = tags.changed({tiff.EXTRA_SAMPLES: declared or None})
    header = Header(
        size=(width, height),
        orientation=orientation_of(tags),
        focal_35mm_mm=focal_35mm_of(data, tags),
        icc=tags.raw(tiff.ICC),
    )
    return TiffPicture(
        data=data if by_bands else with_directory(data, tags),
        header=header,
        directory=tags,
        photometric=photometric,
        bands=bands,
        bits=bits,
        alpha=None if alpha is None else colors + alpha,
        premultiplied=alpha is not None and extra[alpha] == 1,
        by_bands=by_bands,
    )


def _by_bands(tags: Directory, photometric: int, bands: int, bits: int) -> bool:
    """Return whether `TiffPicture.decode` is needed: Pillow does not support the bits or bands."""
    if photometric not in {*_GRAY, _RGB} or tags.integer(tiff.COMPRESSION, 1) in _OWN_COLORS:
        return False
    if bits == 8 and photometric == _RGB and bands == 4:
        return tags.integer(tiff.PLANES, 1) == 2
    return bits > 8 or (bits == 8 and bands != (3 if photometric == _RGB else 1))


def _check_limits(
    name: str, tags: Directory, size: tuple[int, int], pixel_bits: int, max_pixels: int
) -> None:
    """Reject files that would decode to more bytes than the limit on pixels allows."""
    width, height = size
    if width * height <= max_pixels and width * height * pixel_bits > (
        8 * _BYTES_A_PIXEL * max(max_pixels, 2**20)
    ):
        raise ImageTooLargeError(
            f"{name}: {width} x {height} pixels of {pixel_bits} bits each are too large: "
            "save it as RGB, or raise the limit on pixels"
        )
    tile = tags.integer(tiff.TILE_WIDTH, 0) * tags.integer(tiff.TILE_HEIGHT, 0)
    if tile * pixel_bits > 64 * max(tiff.MAX_TILE_PX, min(max_pixels, 4 * width * height)):
        raise ImageTooLargeError(f"{name}: tiles of {tile} pixels: save it with smaller ones")
    if not tags.entries.keys() & {tiff.STRIP_OFFSETS, tiff.TILE_OFFSETS, _OLD_JPEG}:
        raise ValueError("the location of its pixels is missing")
