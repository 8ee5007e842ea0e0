"""Picture files to upright 8-bit sRGB arrays."""

from typing import Final, TypeAlias, final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from nearfar.choices import ImageLimits
from nearfar.errors import CorruptImageError, ImageTooLargeError, UsageError
from nearfar.io.images import parts, pixels
from nearfar.io.images.decoder import load, open_picture, reading
from nearfar.io.images.header import Header, header_of
from nearfar.io.images.source import Source, format_of, read_source
from nearfar.io.images.tiffpicture import TiffPicture, open_tiff

Image: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB, sRGB, upright."""

IMAGE_SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo", ".jps"),
        *(".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
        *(".avif", ".avifs", ".heic", ".heif", ".heics", ".heifs", ".hif"),
    }
)
"""Suffixes of readable files, for folder scans; .heic and its kin need the extra `heif`. Of an
MPO or JPS, which are JPEGs with more pictures behind, the first is read."""


DEFAULT_LIMITS: Final = ImageLimits()


@final
class ImageFile:
    """A picture whose header has been read, but not its pixels. Threads may share it.

    Attributes:
        name: the path as given, or `<bytes>` or `<stream>`; errors begin with it.
        format: `JPEG`, `PNG`, `WEBP`, `BMP`, `TIFF`, `GIF`, `AVIF` or `HEIF`.
        width_px: full width, upright.
        height_px: full height, upright.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if EXIF tells it.
        orientation: EXIF orientation, 1 to 8, which is undone in what `read` gives; 1 is upright.
    """

    def __init__(self, source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        """Read the file into memory, and its header.

        Args:
            source: path, bytes, or an open binary file, which need not be seekable and is
                left open.
            limits: what is refused before any pixel is decoded.

        Raises:
            ImageNotFoundError: no file there, or it can't be opened.
            EmptyImageError: the file has no bytes.
            NotAnImageError: the bytes are of no format known here.
            CorruptImageError: the header is damaged.
            ImageTooLargeError: beyond `limits`.
            MissingExtraError: HEIC without `pillow-heif`.
        """
        self.name, self._data = read_source(source, limits.max_bytes)
        self.format = format_of(self.name, self._data)
        self._limits, self._warnings = limits, list[str]()
        self._tiff: TiffPicture | None = None
        self._ended = True
        with reading(self.name, self.format):
            self._header = self._read_header()
        width, height = self._header.size
        if width < 1 or height < 1:
            raise CorruptImageError(f"{self.name}: a picture of {width} x {height} pixels")
        if width * height > limits.max_pixels:
            raise ImageTooLargeError(
                f"{self.name}: {width} x {height} are more than {limits.max_pixels} pixels: "
                "make it smaller, or raise the limit on pixels"
            )
        self.orientation = self._header.orientation
        turned = self.orientation >= 5
        self.width_px, self.height_px = (height, width) if turned else (width, height)
        self.focal_35mm_mm = self._header.focal_35mm_mm

    def read(self, *, at_least_px: int | None = None, keep_alpha: bool = False) -> Image:
        """Decode the pixels.

        Args:
            at_least_px: how long the longer side must be at the least. A JPEG is then decoded
                at a half, a quarter or an eighth where that suffices; others are decoded in
                full. None asks for full size.
            keep_alpha: give what is transparent as it is: (H, W, 4), where anything is.

        Returns:
            (H, W, 3) uint8 sRGB, upright, what was transparent over white. It may be read-only.

        Raises:
            CorruptImageError: the pixels are damaged, or rows are lacking and the limits don't
                allow truncated files.
            ImageTooLargeError: there is not enough memory for them.
        """
        if at_least_px is not None and at_least_px < 1:
            raise UsageError(f"at_least_px is {at_least_px}: it must be 1 or more")
        if not self._data:
            raise UsageError(f"{self.name}: closed already: read it before")
        header, warn = self._header, list[str]()
        with reading(self.name, self.format):
            picture = self._decoded(at_least_px, warn)
            image = pixels.to_rgb(
                picture,
                icc=header.icc,
                coding=header.coding,
                orientation=header.orientation,
                keep_alpha=keep_alpha,
            )
        self._warnings = warn
        return image

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the last `read` took though it was odd, a sentence each."""
        return tuple(self._warnings)

    def _decoded(self, at_least_px: int | None, warn: list[str]) -> PIL.Image.Image:
        if self._tiff is not None and self._tiff.by_bands:
            return self._tiff.decode(warn)
        data, cut = self._data, self._limits.allow_truncated
        if not self._ended:
            data, lacking = parts.whole_png(self.name, data, fill=cut)
            warn.append(
                "the PNG is cut off: the rows that are lacking are black"
                if lacking
                else "the PNG lacks its end mark, but no row: taken as it is"
            )
        if self._header.deep:
            return pixels.decode_png(data, self._header.transparent, warn)
        return load(self.name, self.format, data, warn, at_least_px=at_least_px, cut=cut)

    def close(self) -> None:
        """Let go of the file's bytes."""
        self._data = b""

    def __enter__(self) -> "ImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_header(self) -> Header:
        if self.format == "TIFF":
            self._tiff = open_tiff(self.name, self._data, self._limits.max_pixels)
            self._data = self._tiff.data
            return self._tiff.header
        if self.format == "PNG":
            self._data, self._ended = parts.essential_png(self.name, self._data)
        elif self.format == "GIF":
            self._data = parts.essential_gif(self.name, self._data)
        elif self.format == "JPEG":
            self._data = parts.essential_jpeg(self.name, self._data)
        with open_picture(self.name, self.format, self._data) as picture:
            return header_of(picture, self._data)


def read_image(source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
    """Read a picture at full size; see `ImageFile` for arguments and errors.

    Returns:
        (H, W, 3) uint8 sRGB, upright.
    """
    with ImageFile(source, limits=limits) as file:
        return file.read()
