"""Overview images of an evaluation: photo, truth, prediction and error side by side."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Truth
from nearfar.errors import DatasetError
from nearfar.imaging import colormaps
from nearfar.io.images import Image

PANEL_PX: Final = 320
"""Width of each of the four panels of a row."""

ERROR_MAX: Final = 0.5
"""Error of the last color; 0.25, the limit of a bad pixel, is the middle of the color map."""

_GAP_PX: Final = 4
_CAPTION_PX: Final = 18
_GRAY: Final = 128
_SPARSE: Final = 0.2
_ERROR_COLORMAP: Final = "turbo"


def row(
    photo: Image,
    truth: Truth,
    prediction: NDArray[np.float32],
    error: NDArray[np.float32],
    caption: str = "",
) -> Image:
    """Draw one row.

    Truth and prediction share their limits, the 2nd and 98th percentile of the truth, so that
    equal colors mean equal depth. Unknown pixels are gray; points of sparse truth are enlarged.

    Args:
        photo: (h, w, 3) uint8 RGB.
        truth: of (H, W).
        prediction: (H, W) inverse depth, aligned to the truth.
        error: (H, W), for instance `metrics.worst_ratio` - 1; NaN where no pixel counts.
        caption: a line above the row, in ASCII.

    Returns:
        uint8 RGB.
    """
    known = truth.inverse[truth.valid]
    low, high = np.percentile(known, (2, 98)) if known.size else (0.0, 1.0)
    span = np.float32(high - low if high > low else 1)
    pictures = [
        _panel(photo),
        _colored((truth.inverse - np.float32(low)) / span, truth.valid),
        _panel(colormaps.apply((prediction - np.float32(low)) / span)),
        _colored(error / np.float32(ERROR_MAX), np.isfinite(error), _ERROR_COLORMAP),
    ]
    height = max(len(picture) for picture in pictures)
    gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
    parts = []
    for picture in pictures:
        parts += [_pad(picture, height, PANEL_PX), gap]
    drawn = np.concatenate(parts[:-1], axis=1)
    return np.concatenate((_caption(caption, drawn.shape[1]), drawn)) if caption else drawn


def sheet(rows: Sequence[Image]) -> Image:
    """Stack rows vertically, with a white gap between them.

    Raises:
        DatasetError: there are no rows.
    """
    if not rows:
        raise DatasetError("an overview image needs at least one photo with a depth map")
    width = max(drawn.shape[1] for drawn in rows)
    gap = np.full((_GAP_PX, width, 3), 255, np.uint8)
    parts = []
    for drawn in rows:
        parts += [_pad(drawn, len(drawn), width), gap]
    return np.concatenate(parts[:-1])


def _colored(
    values: NDArray[np.float32], known: NDArray[np.bool_], name: str = colormaps.COLORMAPS[0]
) -> Image:
    visible = np.where(known, np.clip(values, 0, 1), np.float32(-1))
    if known.mean() < _SPARSE:
        side = max(3, round(2 * known.shape[1] / PANEL_PX) | 1)
        visible = np.asarray(cv2.dilate(visible, np.ones((side, side), np.uint8)), np.float32)
    picture = colormaps.apply(visible, name)
    picture[visible < 0] = _GRAY
    return _panel(picture, cv2.INTER_NEAREST)


def _panel(picture: Image, interpolation: int = cv2.INTER_AREA) -> Image:
    height = max(1, round(picture.shape[0] * PANEL_PX / picture.shape[1]))
    return np.asarray(
        cv2.resize(picture, (PANEL_PX, height), interpolation=interpolation), np.uint8
    )


def _pad(picture: Image, height: int, width: int) -> Image:
    canvas = np.full((height, width, 3), 255, np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    return canvas


def _caption(text: str, width: int) -> Image:
    strip = np.full((_CAPTION_PX, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
