"""The example photos and clip: in the repository's `examples`, in a wheel beside this file."""

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.io.images import ImageFile, encode_image

CLIP: Final = "clip.mp4"

NAMES: Final = ("street", "indoor", "pet", "portrait", "landscape")
"""Each is `<name>.jpg`, and its label `depth.example.<name>` in the texts."""

THUMBNAIL_PX: Final = 200

_HERE: Final = Path(__file__).parent
_PLACES: Final = (_HERE / "examples", _HERE.parents[2] / "examples")


@dataclass(frozen=True)
class Credit:
    """Author and licence of an example; the columns of CREDITS.md."""

    name: str
    what: str
    by: str
    licence: str
    origin: str


def examples_folder() -> Path | None:
    """Return the folder of the photos; None if they are not installed."""
    return next((place for place in _PLACES if (place / "CREDITS.md").is_file()), None)


def example(name: str) -> Path | None:
    """Return the path of a photo by its name in `NAMES`."""
    folder = examples_folder()
    path = folder / f"{name}.jpg" if folder and name in NAMES else None
    return path if path and path.is_file() else None


def example_clip() -> Path | None:
    """Return the path of the example clip; None if it is not installed."""
    folder = examples_folder()
    path = folder / CLIP if folder else None
    return path if path and path.is_file() else None


def available() -> tuple[str, ...]:
    """Return the names of the installed photos."""
    return tuple(name for name in NAMES if example(name) is not None)


@cache
def credits_() -> tuple[Credit, ...]:
    """Read the photos' authors and licences."""
    folder = examples_folder()
    if folder is None:
        return ()
    lines = (folder / "CREDITS.md").read_text("utf-8").splitlines()
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| `")
    ]
    found = [Credit(Path(row[0]).stem, *row[1:]) for row in rows]
    return tuple(credit for credit in found if credit.name in {*NAMES, Path(CLIP).stem})


@cache
def thumbnails_css() -> str:
    """Return CSS with embedded thumbnails, which saves five requests."""
    return "\n".join(
        f".nf-example-{name}::before {{ background-image: url(data:image/jpeg;base64,"
        f"{base64.b64encode(_thumbnail(name)).decode('ascii')}); }}"
        for name in available()
    )


def _thumbnail(name: str) -> bytes:
    import cv2
    import numpy as np

    path = example(name)
    if path is None:
        raise FileNotFoundError(name)
    with ImageFile(path) as file:
        photo = file.read(at_least_px=2 * THUMBNAIL_PX)
    height_px, width_px = photo.shape[:2]
    side_px = min(height_px, width_px)
    top, left = (height_px - side_px) // 2, (width_px - side_px) // 2
    square = photo[top : top + side_px, left : left + side_px]
    small = cv2.resize(square, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return encode_image(np.asarray(small, np.uint8), ".jpg", quality=72)
