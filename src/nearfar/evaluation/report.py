"""Pictures of an evaluation: photo, truth, prediction and error side by side."""

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
"""Width of each of the four pictures of a row."""

ERROR_MAX: Final = 0.5
"""Error of the hottest color; 0.25, where a pixel is bad, is the middle of the map."""

_GAP_PX: Final = 4
_CAPTION_PX: Final = 18
_GREY: Final = 128
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
    the same color is the same depth. What is not known is grey; points of a sparse truth are
    drawn larger than they are.

    Args:
        photo: (h, w, 3) uint8 RGB.
        truth: of (H, W).
        prediction: (H, W) inverse depth, aligned to the truth.
        error: (H, W), `metrics.worst_ratio` - 1 for instance; NaN where nothing counts.
        caption: a line above, in ASCII.

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
        parts += [_padded(picture, height, PANEL_PX), gap]
    drawn = np.concatenate(parts[:-1], axis=1)
    return np.concatenate((_caption(caption, drawn.shape[1]), drawn)) if caption else drawn


def sheet(rows: Sequence[Image]) -> Image:
    """Put rows under each other, with a white gap between.

    Raises:
        DatasetError: no row.
    """
    if not rows:
        raise DatasetError("a sheet needs at least one picture with a map of its depth")
    width = max(drawn.shape[1] for drawn in rows)
    gap = np.full((_GAP_PX, width, 3), 255, np.uint8)
    parts = []
    for drawn in rows:
        parts += [_padded(drawn, len(drawn), width), gap]
    return np.concatenate(parts[:-1])


def _colored(
    values: NDArray[np.float32], known: NDArray[np.bool_], name: str = colormaps.COLORMAPS[0]
) -> Image:
    shown = np.where(known, np.clip(values, 0, 1), np.float32(-1))
    if known.mean() < _SPARSE:
        side = max(3, round(2 * known.shape[1] / PANEL_PX) | 1)
        shown = np.asarray(cv2.dilate(shown, np.ones((side, side), np.uint8)), np.float32)
    picture = colormaps.apply(shown, name)
    picture[shown < 0] = _GREY
    return _panel(picture, cv2.INTER_NEAREST)


def _panel(picture: Image, interpolation: int = cv2.INTER_AREA) -> Image:
    height = max(1, round(picture.shape[0] * PANEL_PX / picture.shape[1]))
    return np.asarray(
        cv2.resize(picture, (PANEL_PX, height), interpolation=interpolation), np.uint8
    )


def _padded(picture: Image, height: int, width: int) -> Image:
    canvas = np.full((height, width, 3), 255, np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    return canvas


def _caption(text: str, width: int) -> Image:
    strip = np.full((_CAPTION_PX, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
