"""Read pictures as upright 8-bit sRGB arrays, and write them."""

from nearfar.choices import ImageLimits
from nearfar.io.images.file import DEFAULT_LIMITS, IMAGE_SUFFIXES, Image, ImageFile, read_image
from nearfar.io.images.source import Source
from nearfar.io.images.writer import encode_image, write_image

__all__ = [
    "DEFAULT_LIMITS",
    "IMAGE_SUFFIXES",
    "Image",
    "ImageFile",
    "ImageLimits",
    "Source",
    "encode_image",
    "read_image",
    "write_image",
]
