"""Draw a color bar with labels beside a depth picture, as notebooks show it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.colormaps import color_bar

_GAP_PX: Final = 12
_FONT_PX: Final = 14


def with_color_bar(
    picture: NDArray[np.uint8], labels: Sequence[str], colormap: str
) -> NDArray[np.uint8]:
    """Add a color bar at the right of a picture, near at the top.

    Args:
        picture: (H, W, 3) uint8 RGB; one that is lower than the labels gets a white margin below.
        labels: two or more, evenly spaced, the topmost first.
        colormap: that of the picture.

    Returns:
        (H', W', 3) uint8 RGB on white.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(_FONT_PX)
    height_px = max(len(picture), len(labels) * (_FONT_PX + 4))
    bar = color_bar(height_px, colormap)
    left_px = picture.shape[1] + _GAP_PX
    text_px = left_px + bar.shape[1] + _GAP_PX // 2
    width_px = text_px + int(max(font.getlength(label) for label in labels)) + _GAP_PX
    sheet = Image.new("RGB", (width_px, height_px), "white")
    sheet.paste(Image.fromarray(picture), (0, 0))
    sheet.paste(Image.fromarray(bar), (left_px, 0))
    draw = ImageDraw.Draw(sheet)
    for number, label in enumerate(labels):
        y_px = (height_px - _FONT_PX) * number / (len(labels) - 1)
        draw.text((text_px, y_px), label, fill="black", font=font)
    return np.asarray(sheet)
