"""Helpers of all file formats: axes of 3-D viewers, vertex colors, textures and comments."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

_VIEWER_AXES: Final = np.array([1, -1, -1], np.float32)


def to_viewer_axes(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert vectors from camera axes to viewer axes: x right, y up, z towards the viewer.

    This is a rotation by 180 degrees about x, which keeps the orientation of faces.

    Args:
        vectors: (N, 3), x right, y down, z forward.
    """
    return vectors * _VIEWER_AXES


def colors_at(photo: Image, uv: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the photo's color at texture coordinates.

    Args:
        photo: (H, W, 3) uint8.
        uv: (V, 2), as in `nearfar.geometry.Mesh`.

    Returns:
        (V, 3) uint8.
    """
    height_px, width_px = photo.shape[:2]
    columns = np.minimum((uv[:, 0] * width_px).astype(np.intp), width_px - 1)
    rows = np.minimum((uv[:, 1] * height_px).astype(np.intp), height_px - 1)
    colors: NDArray[np.uint8] = photo[rows, columns]
    return colors


def limit_size(photo: Image, max_side_px: int) -> Image:
    """Scale a photo down to a longer side of at most `max_side_px`."""
    height_px, width_px = photo.shape[:2]
    scale = max_side_px / max(height_px, width_px)
    if scale >= 1:
        return photo
    size_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    return np.asarray(cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def one_line(text: str) -> str:
    """Replace line breaks and repeated spaces by single spaces, for comments."""
    return " ".join(text.split())
