"""Make the pictures of effects.md, every effect that has one, and the README's two sheets.

    python -m docs.gallery

Everything is made by the bundled model, so that the pictures show what a fresh installation
gives. Of a clip, three frames are shown beside each other.
"""

import io
from itertools import islice
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image

import nearfar
from nearfar.effects import Clip, NavigationPlan, Picture, find
from nearfar.effects.base import fitted
from nearfar.estimator import Estimator
from nearfar.io.images import Image, encode_image, write_image

HERE: Final = Path(__file__).parent
PHOTOS: Final = HERE.parent / "examples"
FOLDER: Final = HERE / "gallery"
LONGEST_PX: Final = 720
QUALITY: Final = 82
MODEL: Final = "nearfar-base"

SHOWN: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "bokeh": ("bokeh", "portrait", {"aperture": 2.5}),
    "rack-focus": ("rack-focus", "indoor", {"fps": 10.0}),
    "parallax": ("parallax", "street", {"fps": 10.0, "motion": "swing"}),
    "cutout": ("cutout", "portrait", {"background": "color", "color": "#e8e4da"}),
    "sticker": (
        "sticker",
        "landscape",
        {"text": "nearfar", "x": 0.5, "y": 0.62, "nearness": 0.12, "size": 1.6},
    ),
    "fog": ("fog", "street", {}),
    "relight": ("relight", "indoor", {"x": 0.9, "y": 0.35}),
    "fade": ("fade", "portrait", {}),
    "stereo-sbs": ("stereo", "indoor", {}),
    "stereo-anaglyph": ("stereo", "landscape", {"layout": "anaglyph"}),
    "autostereogram": ("autostereogram", "pet", {}),
    "navigate": ("navigate", "landscape", {}),
}
"""Name of the picture -> effect, photo, options that are not the defaults."""

SHEET: Final = ("bokeh", "cutout", "sticker", "relight", "stereo-anaglyph", "navigate")
"""What the README shows, in rows of three."""

DEMO: Final = ("indoor", "pet", "landscape")
"""Photos of the animated picture at the top of the README: each moves beside its depth."""

DEMO_PX: Final = (480, 320)
DEMO_FPS: Final = 12.0

TILE_PX: Final = (360, 240)
PAIRS: Final = ("indoor", "portrait")
PAIR_PX: Final = 420
"""Photos beside their depth, and how high they are."""


def main() -> None:
    """Make them all, and say how large they are together."""
    estimator = nearfar.load(MODEL, runtime="onnxruntime")
    FOLDER.mkdir(exist_ok=True)
    total = 0
    tiles = {}
    for name, (effect_name, photo_name, given) in SHOWN.items():
        whole = nearfar.read_image(PHOTOS / f"{photo_name}.jpg")
        photo, depth = fitted(whole, estimator(whole), LONGEST_PX)
        effect = find(effect_name)
        result = effect.apply(photo, depth, effect.options.of(**given))
        picture = _small(_still(result))
        if name in SHEET:
            tiles[name] = _tile(picture)
        write_image(picture, FOLDER / f"{name}.jpg", quality=QUALITY)
        size = len(encode_image(picture, ".jpg", quality=QUALITY))
        total += size
        print(f"{name}: {picture.shape[1]} x {picture.shape[0]}, {size / 1000:.0f} kB")
    print(f"{total / 1e6:.2f} MB together")
    rows = [np.concatenate([tiles[name] for name in row], axis=1) for row in (SHEET[:3], SHEET[3:])]
    write_image(np.concatenate(rows), HERE / "img" / "uses.jpg", quality=QUALITY)
    write_image(_near_and_far(estimator), HERE / "img" / "near-and-far.jpg", quality=QUALITY)
    content = _demo(estimator)
    (HERE / "img" / "demo.webp").write_bytes(content)
    print(f"demo: {len(content) / 1e6:.2f} MB")


def _near_and_far(estimator: Estimator) -> Image:
    gaps = (4, 8)
    tiles = []
    for name in PAIRS:
        photo = nearfar.read_image(PHOTOS / f"{name}.jpg")
        for picture, gap_px in zip((photo, estimator(photo).colorize()), gaps, strict=True):
            width_px = round(picture.shape[1] * PAIR_PX / picture.shape[0])
            small = cv2.resize(picture, (width_px, PAIR_PX), interpolation=cv2.INTER_AREA)
            tiles += [small, np.full((PAIR_PX, gap_px, 3), 255, np.uint8)]
    return np.asarray(np.concatenate(tiles[:-1], axis=1), np.uint8)


def _still(result: Picture | Clip | NavigationPlan) -> Image:
    if isinstance(result, Clip):
        wanted = {0, result.count // 2, result.count - 1}
        if result.loops:
            wanted = {0, result.count // 4, 3 * result.count // 4}
        frames = [
            frame
            for number, frame in enumerate(islice(result.frames, result.count))
            if number in wanted
        ]
        return np.concatenate(frames, axis=1)
    return result.pixels[:, :, :3]


def _small(picture: Image) -> Image:
    longest = 2 * LONGEST_PX if picture.shape[1] > 2 * picture.shape[0] else LONGEST_PX
    scale = min(1.0, longest / max(picture.shape[:2]))
    size_px = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA), np.uint8)


def _tile(picture: Image, tile_px: tuple[int, int] = TILE_PX) -> Image:
    """Cut out the middle of a picture, a little above the center, where heads are."""
    height_px, width_px, _ = picture.shape
    scale = max(tile_px[0] / width_px, tile_px[1] / height_px)
    size_px = round(width_px * scale), round(height_px * scale)
    small = cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA)
    left, top = (size_px[0] - tile_px[0]) // 2, (size_px[1] - tile_px[1]) // 4
    return np.asarray(small[top : top + tile_px[1], left : left + tile_px[0]], np.uint8)


def _demo(estimator: Estimator) -> bytes:
    """Return an animated WebP: parallax of each photo, beside its map."""
    effect = find("parallax")
    frames: list[PIL.Image.Image] = []
    for name in DEMO:
        photo = _tile(nearfar.read_image(PHOTOS / f"{name}.jpg"), DEMO_PX)
        depth = estimator(photo)
        options = effect.options.of(fps=DEMO_FPS, seconds=2.0, motion="swing")
        colored = depth.colorize()
        frames += [
            PIL.Image.fromarray(np.concatenate((frame, colored), axis=1))
            for frame in effect.apply(photo, depth, options).frames
        ]
    file = io.BytesIO()
    frames[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 / DEMO_FPS),
        loop=0,
        quality=58,
        method=6,
    )
    return file.getvalue()


if __name__ == "__main__":
    main()
