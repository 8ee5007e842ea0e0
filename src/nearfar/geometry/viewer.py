"""What all files share: the axes of 3-D viewers, and colors and text that go along."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

_TURN: Final = np.array([1, -1, -1], np.float32)


def turned(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn vectors from a camera's axes to a viewer's: x right, y up, z towards the viewer.

    It is a half turn about x, so left stays left and faces keep their sides.

    Args:
        vectors: (N, 3), x right, y down, z forward.
    """
    return vectors * _TURN


def colors_at(photo: Image, uv: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Read the photo's color at texture coordinates.

    Args:
        photo: (H, W, 3) uint8.
        uv: (V, 2), as of `nearfar.geometry.Mesh`.

    Returns:
        (V, 3) uint8.
    """
    height_px, width_px = photo.shape[:2]
    columns = np.minimum((uv[:, 0] * width_px).astype(np.intp), width_px - 1)
    rows = np.minimum((uv[:, 1] * height_px).astype(np.intp), height_px - 1)
    colors: NDArray[np.uint8] = photo[rows, columns]
    return colors


def fitted(photo: Image, max_side_px: int) -> Image:
    """Make a photo smaller whose longer side is over a limit."""
    height_px, width_px = photo.shape[:2]
    scale = max_side_px / max(height_px, width_px)
    if scale >= 1:
        return photo
    size_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    return np.asarray(cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def one_line(text: str) -> str:
    """Fold a text into a line, as comments need it."""
    return " ".join(text.split())
