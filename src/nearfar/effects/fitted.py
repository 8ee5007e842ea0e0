"""A photo and its map, made smaller together."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.io.images import Image

CLIP_PX: Final = 1920
"""Longest side of a clip that nobody asked to be larger: what players and encoders cope with."""


@dataclass(frozen=True)
class SizeOptions(Options):
    """How large a result is."""

    longest_px: int | None = option(
        "Make the photo smaller, so that its longest side has so many pixels.",
        None,
        ge=16,
        le=16384,
    )


def fitted(photo: Image, depth: DepthMap, longest_px: int | None) -> tuple[Image, DepthMap]:
    """Bring a photo and its map to one size.

    Args:
        photo: (H, W, 3) uint8, maybe decoded smaller than it is.
        depth: of the photo's own size.
        longest_px: neither becomes longer than this, nor than `depth` is; None keeps its size.

    Returns:
        Both of the same size.
    """
    longest = max(depth.size_px)
    scale = min(1.0, longest_px / longest) if longest_px else 1.0
    size_px = max(1, round(depth.width_px * scale)), max(1, round(depth.height_px * scale))
    if depth.size_px != size_px:
        small = cv2.resize(depth.inverse_depth, size_px, interpolation=cv2.INTER_AREA)
        depth = DepthMap(np.asarray(small, np.float32), depth.model)
    if photo.shape[1::-1] != size_px:
        way = cv2.INTER_AREA if size_px[0] < photo.shape[1] else cv2.INTER_LINEAR
        photo = np.asarray(cv2.resize(photo, size_px, interpolation=way), np.uint8)
    return photo, depth
