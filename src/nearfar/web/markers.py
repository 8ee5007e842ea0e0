"""Clicked points, drawn on the picture with their numbers."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from nearfar.io.images import Image

RADIUS_SHARE: Final = 0.018
"""Of the picture's longer side."""

_FILL: Final = (20, 92, 110)
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)


def draw_markers(
    picture: Image,
    points: Sequence[tuple[int, int]],
    *,
    size_px: tuple[int, int],
    joined: bool = False,
) -> Image:
    """Draw numbered discs.

    Args:
        picture: (h, w, 3) uint8 RGB; left as it is.
        points: columns and rows, in pixels of a picture of `size_px`; the first is number 1.
        size_px: width and height that the points are counted in.
        joined: draw a line between the last two.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    drawn = picture.copy()
    height_px, width_px = picture.shape[:2]
    scale = width_px / size_px[0], height_px / size_px[1]
    places = [(int((x + 0.5) * scale[0]), int((y + 0.5) * scale[1])) for x, y in points]
    radius_px = max(8, round(RADIUS_SHARE * max(height_px, width_px)))
    if joined and len(places) > 1:
        for color, thick in ((_BLACK, radius_px // 3 + 2), (_WHITE, max(2, radius_px // 4))):
            cv2.line(drawn, places[-2], places[-1], color, thick, cv2.LINE_AA)
    for number, place in enumerate(places, start=1):
        cv2.circle(drawn, place, radius_px + 3, _BLACK, -1, cv2.LINE_AA)
        cv2.circle(drawn, place, radius_px + 1, _WHITE, -1, cv2.LINE_AA)
        cv2.circle(drawn, place, radius_px - 1, _FILL, -1, cv2.LINE_AA)
        _write(drawn, str(number), place, radius_px)
    return np.asarray(drawn, np.uint8)


def _write(drawn: Image, text: str, place: tuple[int, int], radius_px: int) -> None:
    font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, radius_px // 7)
    size = radius_px / 17
    (width_px, height_px), _ = cv2.getTextSize(text, font, size, thick)
    corner = place[0] - width_px // 2, place[1] + height_px // 2
    cv2.putText(drawn, text, corner, font, size, _WHITE, thick, cv2.LINE_AA)
