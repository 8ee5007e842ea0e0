"""Make the golden pictures of the effects anew: `python -m tests.golden.effects.make`.

The map is a stored one, of the first bundled network, so that new weights change no golden
picture. Look at each before it is committed.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nearfar.depth import DepthMap
from nearfar.effects import find
from nearfar.effects.base import Effect
from nearfar.io.images import Image, read_image, write_image

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent.parent / "examples"
PHOTO_PX = 384
SHOWN_PX = 160

STAR = np.zeros((64, 64, 4), np.uint8)
"""A sticker: a yellow disc with a soft rim."""
_rows, _columns = np.mgrid[:64, :64] - 31.5
STAR[..., :3] = (255, 210, 40)
STAR[..., 3] = np.clip((30 - np.hypot(_rows, _columns)) * 64 + 128, 0, 255)

CASES: dict[str, tuple[Effect[Any, Any], dict[str, Any]]] = {
    "bokeh": (find("bokeh"), {"aperture": 3.0, "bloom": 0.5}),
    "cutout": (find("cutout"), {"background": "blur"}),
    "fade": (find("fade"), {}),
    "fog": (find("fog"), {}),
    "relight": (find("relight"), {}),
    "sticker": (
        find("sticker"),
        {"picture": STAR, "x": 0.62, "y": 0.75, "nearness": 0.4, "size": 0.6},
    ),
}
PHOTOS = ("portrait", "indoor")


def scene(name: str) -> tuple[Image, DepthMap]:
    """Read an example photo at `PHOTO_PX`, and its stored map."""
    photo = read_image(EXAMPLES / f"{name}.jpg")
    scale = PHOTO_PX / max(photo.shape)
    size_px = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    photo = np.asarray(cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA), np.uint8)
    stored = cv2.imread(str(HERE / f"{name}-near.png"), cv2.IMREAD_GRAYSCALE)
    near = cv2.resize(np.asarray(stored, np.float32), size_px, interpolation=cv2.INTER_LINEAR)
    return photo, DepthMap(np.asarray(near, np.float32))


def shown(name: str, effect: str) -> Image:
    """Apply an effect, and make the result as small as the golden picture."""
    case, options = CASES[effect]
    pixels = case.apply(*scene(name), case.options.of(**options)).pixels
    scale = SHOWN_PX / max(pixels.shape)
    size_px = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return np.asarray(cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Write every golden picture."""
    for name in PHOTOS:
        for effect in CASES:
            write_image(shown(name, effect), HERE / f"{name}-{effect}.png")


if __name__ == "__main__":
    main()
