"""Color maps for nearness, and legends."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.errors import UsageError
from nearfar.imaging.normalize import UNIT, between

# ColorBrewer 2.0 (Brewer and Harrower), diverging scheme "Spectral" of 11 classes, red first.
_SPECTRAL: Final = (
    (158, 1, 66),
    (213, 62, 79),
    (244, 109, 67),
    (253, 174, 97),
    (254, 224, 139),
    (255, 255, 191),
    (230, 245, 152),
    (171, 221, 164),
    (102, 194, 165),
    (50, 136, 189),
    (94, 79, 162),
)

_TABLE: Final[Mapping[str, int | Sequence[Sequence[int]]]] = MappingProxyType(
    {
        "inferno": cv2.COLORMAP_INFERNO,
        "magma": cv2.COLORMAP_MAGMA,
        "viridis": cv2.COLORMAP_VIRIDIS,
        "turbo": cv2.COLORMAP_TURBO,
        "spectral": _SPECTRAL[::-1],
        "grey": ((0, 0, 0), (255, 255, 255)),
    }
)
"""Name -> OpenCV's number of the color map, or RGB colors at equal steps, far first."""

COLORMAPS: Final = tuple(_TABLE)
"""Names of the color maps; the first is the default. `config.ColormapName` lists the same."""

_ROWS_AT_ONCE: Final = 64
"""Number of rows converted at a time, so that the float copy stays in the cache."""


def apply(
    values: NDArray[np.float32],
    name: str = COLORMAPS[0],
    limits: tuple[np.float32, np.float32] = UNIT,
) -> NDArray[np.uint8]:
    """Apply a color map to nearness, or other values that increase towards the camera.

    Args:
        values: (H, W) float32.
        name: one of `COLORMAPS`.
        limits: farthest and nearest value; values outside are clipped.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UsageError: there is no color map of this name.
    """
    levels = np.empty(values.shape, np.uint8)
    for first in range(0, len(values), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        levels[rows] = cv2.convertScaleAbs(between(values[rows], *limits), alpha=255)
    return np.asarray(cv2.applyColorMap(levels, _table(name)), np.uint8)


def color_bar(height_px: int, name: str = COLORMAPS[0], *, width_px: int = 24) -> NDArray[np.uint8]:
    """Draw the legend of a color map: a vertical ramp with near at the top.

    Returns:
        (height_px, width_px, 3) uint8 RGB.

    Raises:
        UsageError: there is no color map of this name, or a side is below one pixel.
    """
    if height_px < 1 or width_px < 1:
        raise UsageError(f"a color bar must be 1 x 1 px or more, not {width_px} x {height_px}")
    ramp = np.linspace(1, 0, height_px, dtype=np.float32)
    return apply(np.repeat(ramp[:, None], width_px, axis=1), name)


def side_by_side(
    photo: NDArray[np.uint8], picture: NDArray[np.uint8], gap_px: int = 8
) -> NDArray[np.uint8]:
    """Put an image to the right of its photo, with a white gap between them.

    Args:
        photo: (H, W, 3) uint8 RGB.
        picture: (h, w, 3) uint8 RGB; scaled to the photo's height.
        gap_px: width of the gap.

    Returns:
        (H, W + gap + w', 3) uint8 RGB.

    Raises:
        UsageError: the gap is negative.
    """
    if gap_px < 0:
        raise UsageError(f"the gap must be 0 pixels or more, not {gap_px}")
    height_px = photo.shape[0]
    if picture.shape[0] != height_px:
        scale = height_px / picture.shape[0]
        size = max(1, round(picture.shape[1] * scale)), height_px
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)
    gap = np.full((height_px, gap_px, 3), 255, np.uint8)
    return np.concatenate((photo, gap, picture), axis=1)


@cache
def _table(name: str) -> NDArray[np.uint8]:
    """Return the color table, (256, 1, 3) RGB, far first."""
    if name not in _TABLE:
        raise UsageError(f"no color map {name!r}: use one of {', '.join(COLORMAPS)}")
    colors = _TABLE[name]
    if isinstance(colors, int):
        ramp: NDArray[np.uint8] = np.arange(256, dtype=np.uint8)[:, None]
        return np.asarray(cv2.applyColorMap(ramp, colors)[:, :, ::-1], np.uint8, order="C")
    far_first = np.array(colors, np.float64)
    at = np.linspace(0, len(far_first) - 1, 256)
    channels = [np.interp(at, np.arange(len(far_first)), column) for column in far_first.T]
    return np.asarray(np.rint(np.stack(channels, axis=-1))[:, None, :], np.uint8)
