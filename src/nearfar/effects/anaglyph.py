"""Combine two views into a red-cyan anaglyph."""

from typing import Final

import cv2
import numpy as np

from nearfar.imaging.color import to_linear, to_srgb
from nearfar.io.images import Image

# Dubois, "A projection method to generate anaglyph stereo images", ICASSP 2001: least squares
# between what each eye sees through its filter and what it should see; rows red, green, blue.
_LEFT: Final = np.array(
    [
        [0.4561, 0.500484, 0.176381],
        [-0.0400822, -0.0378246, -0.0157589],
        [-0.0152161, -0.0205971, -0.00546856],
    ],
    np.float32,
)
_RIGHT: Final = np.array(
    [
        [-0.0434706, -0.0879388, -0.00155529],
        [0.378476, 0.73364, -0.0184503],
        [-0.0721527, -0.112961, 1.2264],
    ],
    np.float32,
)


def anaglyph(left: Image, right: Image) -> Image:
    """Mix two views: red from the left eye, green and blue from the right one.

    The matrices are applied to linear light, as derived, and keep grey as it is.

    Args:
        left: (H, W, 3) uint8 RGB.
        right: the same size.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    first = np.asarray(cv2.transform(to_linear(left), _LEFT), np.float32)
    second = np.asarray(cv2.transform(to_linear(right), _RIGHT), np.float32)
    return to_srgb(first + second)
