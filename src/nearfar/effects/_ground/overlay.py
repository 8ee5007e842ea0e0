"""Draw free space, sectors and a heading over a photo."""

import math
from collections.abc import Sequence
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

_FREE: Final = (46, 204, 113)
_BLOCKED: Final = (231, 76, 60)
_ARROW: Final = (255, 255, 255)
_OUTLINE: Final = (30, 30, 30)
_TINT: Final = 0.45
_BAND: Final = 0.035  # of the height: the strip of sectors along the bottom


class Direction(Protocol):
    """What is drawn of a sector."""

    @property
    def from_deg(self) -> float:
        """Left end."""

    @property
    def to_deg(self) -> float:
        """Right end."""

    @property
    def is_free(self) -> bool:
        """Whether it is green."""


def draw(
    photo: Image,
    free: NDArray[np.bool_] | None,
    sectors: Sequence[Direction],
    heading_deg: float | None,
    fov_deg: float,
) -> Image:
    """Draw over a photo: free floor in green, sectors as a strip, the heading as an arrow.

    Args:
        photo: (H, W, 3) uint8 RGB.
        free: (h, w) bool, of any size; None if no floor was found.
        sectors: from left to right.
        heading_deg: positive to the right, or None.
        fov_deg: horizontal field of view.

    Returns:
        a new picture of the photo's size.
    """
    picture: Image = photo.copy()
    height_px, width_px = photo.shape[:2]
    thick = max(1, round(max(height_px, width_px) / 320))
    if free is not None:
        _tint(picture, free, thick)
    top = height_px - max(1, round(_BAND * height_px))
    for sector in sectors:
        left, right = (
            _column(each, fov_deg, width_px) for each in (sector.from_deg, sector.to_deg)
        )
        color = _FREE if sector.is_free else _BLOCKED
        cv2.rectangle(picture, (left, top), (right, height_px), color, -1)
        cv2.rectangle(picture, (left, top), (right, height_px), _OUTLINE, 1)
    if heading_deg is not None:
        start = width_px // 2, top - thick
        end = _column(heading_deg, fov_deg, width_px), round(height_px * 0.62)
        for color, wide in ((_OUTLINE, 4 * thick), (_ARROW, 2 * thick)):
            cv2.arrowedLine(picture, start, end, color, wide, cv2.LINE_AA, tipLength=0.15)
    return picture


def _tint(picture: Image, free: NDArray[np.bool_], thick: int) -> None:
    height_px, width_px = picture.shape[:2]
    wide = cv2.resize(free.astype(np.float32), (width_px, height_px)) > 0.5
    green = np.float32(_TINT) * np.array(_FREE, np.float32)
    picture[wide] = (picture[wide] * np.float32(1 - _TINT) + green).astype(np.uint8)
    outlines, _ = cv2.findContours(wide.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, _FREE, thick, cv2.LINE_AA)


def _column(angle_deg: float, fov_deg: float, width_px: int) -> int:
    along = math.tan(math.radians(angle_deg)) / math.tan(math.radians(fov_deg) / 2)
    return round((along + 1) / 2 * width_px)
