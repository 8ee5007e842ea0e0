"""Colours as users write them."""

import numpy as np
from PIL import ImageColor

from nearfar.errors import UsageError
from nearfar.imaging.color import Light, to_linear


def colour_light(text: str) -> Light:
    """Give the linear light of a colour, (3,) float32.

    Args:
        text: `#rrggbb`, `rgb(r, g, b)` or a CSS name.

    Raises:
        UsageError: no such colour.
    """
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise UsageError(
            f"no colour {text!r}: give #rrggbb, or a name such as white or skyblue"
        ) from error
    return to_linear(np.array([red, green, blue], np.uint8))
