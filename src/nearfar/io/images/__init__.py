"""Read images as upright 8-bit sRGB arrays, and write them."""

from nearfar.config import ImageLimits
from nearfar.io.images.photo import Photo, open_photo
from nearfar.io.images.reader import (
    DEFAULT_LIMITS,
    IMAGE_SUFFIXES,
    Image,
    ImageFile,
    Source,
    read_image,
)
from nearfar.io.images.writer import encode_image, write_image

__all__ = [
    "DEFAULT_LIMITS",
    "IMAGE_SUFFIXES",
    "Image",
    "ImageFile",
    "ImageLimits",
    "Photo",
    "Source",
    "encode_image",
    "open_photo",
    "read_image",
    "write_image",
]
