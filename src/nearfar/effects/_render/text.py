"""Check user-supplied pictures, and render text as a picture."""

from typing import Final

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from nearfar.effects._render.fonts import chinese_font, is_latin
from nearfar.effects.base import Pixels
from nearfar.errors import ImageError, UsageError
from nearfar.io.images import Image

_NO_GLYPH: Final = "\U000fffff"
"""Of a private plane: whatever a font draws for it is its box for what it lacks."""


MOST_LETTERS: Final = 500
"""Of a text that is drawn: it becomes one picture, as wide as its longest line."""


def with_alpha(picture: Pixels) -> Pixels:
    """Return (H, W, 4) uint8; a picture without alpha is opaque.

    Raises:
        ImageError: not a picture of this form.
    """
    if picture.ndim != 3 or picture.shape[2] not in {3, 4} or picture.dtype != np.uint8:
        raise ImageError(
            f"a picture of shape {picture.shape} and {picture.dtype}: give (height, width, 3 or 4)"
            " uint8"
        )
    if picture.size == 0:
        raise ImageError("a picture without pixels")
    if picture.shape[2] == 4:
        return picture
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def over_white(picture: Pixels) -> Image:
    """Lay a picture on white, (H, W, 3) uint8.

    Raises:
        ImageError: not a picture of this form.
    """
    whole = with_alpha(picture).astype(np.uint16)
    share = whole[..., 3:]
    return ((whole[..., :3] * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)


def write_text(text: str, color: tuple[int, int, int], height_px: int, font: str | None) -> Pixels:
    """Draw text, in lines as it has line breaks.

    Args:
        text: what to write.
        color: sRGB, 0 to 255.
        height_px: of a line, about.
        font: path of a TrueType or OpenType file. When not given, it is Pillow's own font,
            which has Latin letters only, and for others a Chinese font of the system.

    Returns:
        (h, w, 4) uint8, with the text in the middle.

    Raises:
        UsageError: the font can't be read, or has no glyph for a letter; a text without end.
    """
    if len(text) > MOST_LETTERS:
        raise UsageError(f"the text has more than {MOST_LETTERS} letters: give a shorter one")
    if font is None and not is_latin(text):
        font = chinese_font()
    face = _face(font, height_px)
    _check_glyphs(text, face)
    board = ImageDraw.Draw(PillowImage.new("L", (1, 1)))
    left, top, right, bottom = board.multiline_textbbox((0, 0), text, font=face, align="center")
    size_px = max(1, int(np.ceil(right - left))), max(1, int(np.ceil(bottom - top)))
    drawn = PillowImage.new("L", size_px)
    ImageDraw.Draw(drawn).multiline_text((-left, -top), text, 255, font=face, align="center")
    opacity = np.asarray(drawn)
    return np.dstack([np.broadcast_to(np.array(color, np.uint8), (*opacity.shape, 3)), opacity])


def _face(font: str | None, height_px: int) -> ImageFont.FreeTypeFont:
    if font is None:
        face = ImageFont.load_default(max(4, height_px))
        if not isinstance(face, ImageFont.FreeTypeFont):
            raise UsageError("Pillow was built without FreeType: text can't be drawn")
        return face
    try:
        return ImageFont.truetype(font, max(4, height_px))
    except OSError as error:
        raise UsageError(f"no font can be read from {font!r}: give a .ttf, .otf or .ttc") from error


def _check_glyphs(text: str, face: ImageFont.FreeTypeFont) -> None:
    box = bytes(face.getmask(_NO_GLYPH))
    lacking = sorted({each for each in text if not each.isspace() and _looks(face, each) == box})
    if lacking:
        raise UsageError(
            f"the font has no glyph for {''.join(lacking)}: give the path of a font that has,"
            " for Chinese such as NotoSansCJK-Regular.ttc"
        )


def _looks(face: ImageFont.FreeTypeFont, letter: str) -> bytes:
    return bytes(face.getmask(letter))
