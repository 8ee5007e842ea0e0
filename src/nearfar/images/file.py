"""Picture files to upright 8-bit sRGB arrays."""

from typing import Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from nearfar.choices import ImageLimits
from nearfar.errors import CorruptImageError, ImageTooLargeError, UsageError
from nearfar.images import pixels
from nearfar.images.decoder import open_picture, reading, shrink
from nearfar.images.header import Header, header_of, tiff_header
from nearfar.images.source import Source, essential_png, format_of, read_source

Image: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB, sRGB, upright."""

IMAGE_SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib"),
        *(".tif", ".tiff", ".gif", ".avif", ".heic", ".heif"),
    }
)
"""Suffixes of readable files, for folder scans; .heic and .heif need the extra `heif`."""


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
        with reading(self.name, self.format):
            if self.format == "PNG":
                self._data = essential_png(self.name, self._data)
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
            CorruptImageError: the pixels are damaged or cut off.
            ImageTooLargeError: there is not enough memory for them.
        """
        if at_least_px is not None and at_least_px < 1:
            raise UsageError(f"at_least_px is {at_least_px}: it must be 1 or more")
        if not self._data:
            raise UsageError(f"{self.name}: closed already: read it before")
        header = self._header
        with reading(self.name, self.format):
            if header.deep:
                picture = pixels.decode_deep(self._data, header.deep)
            else:
                picture = open_picture(self.name, self.format, self._data)
                if at_least_px is not None and self.format == "JPEG":
                    shrink(picture, at_least_px)
                picture.load()
            return pixels.to_rgb(
                picture,
                icc=header.icc,
                # both decoders turn a TIFF themselves
                orientation=1 if self.format == "TIFF" else header.orientation,
                keep_alpha=keep_alpha,
            )

    def close(self) -> None:
        """Let go of the file's bytes."""
        self._data = b""

    def __enter__(self) -> "ImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_header(self) -> Header:
        if self.format == "TIFF":
            return tiff_header(self.name, self._data)
        with open_picture(self.name, self.format, self._data) as picture:
            return header_of(picture, self._data)


def read_image(source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
    """Read a picture at full size; see `ImageFile` for arguments and errors.

    Returns:
        (H, W, 3) uint8 sRGB, upright.
    """
    with ImageFile(source, limits=limits) as file:
        return file.read()
