"""A 3D photo as one HTML file, which needs nothing but a browser."""

import base64
import html
import json
import math
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any, Final

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from nearfar.imaging.cut_grid import Surface
from nearfar.imaging.layers import Layers
from nearfar.io.images import Image, encode_image

QUALITY: Final = 85
"""Of the JPEG of the photo."""

_PLATE_QUALITY: Final = 75
_PARTS: Final = 4  # of a pixel: places are stored so finely
_NEARNESS: Final = 65535


@dataclass(frozen=True)
class View:
    """How the layers stand in space, and how far they may be turned.

    Attributes:
        fov_deg: horizontal field of view of the photo's camera.
        relief: how many times as far as the nearest the farthest is.
        pivot: nearness of the point about which the view turns.
        turn_deg: to each side, at most.
        title: of the page, and its photo's text for screen readers.
    """

    fov_deg: float
    relief: float
    pivot: float
    turn_deg: float
    title: str = ""


def page(photo: Image, layers: Layers, view: View) -> str:
    """Write the page.

    Args:
        photo: (H, W, 3) uint8 RGB.
        layers: of it.
        view: see there.
    """
    height_px, width_px = photo.shape[:2]
    far = 1 / view.relief  # inverse distances, in those of the nearest
    scene = {
        "title": view.title,
        "frame": [width_px * _PARTS, height_px * _PARTS],
        "focal": width_px * _PARTS / 2 / math.tan(math.radians(view.fov_deg) / 2),
        "inverse": [far, 1],
        "pivot": 1 / (far + view.pivot * (1 - far)),
        "turn_deg": view.turn_deg,
        "layers": [_row(layers.front, "photo")],
    }
    if layers.back is not None:
        scene["layers"].insert(0, _row(layers.back, "plate"))
    folder = files("nearfar.effects._photo3d")
    title = html.escape(view.title)
    return Template(folder.joinpath("page.html").read_text("utf-8")).substitute(
        title=title or "3D photo",
        alt=title,
        photo=_base64(encode_image(photo, ".jpg", quality=QUALITY)),
        plate=_base64(encode_image(layers.plate, ".jpg", quality=_PLATE_QUALITY)),
        scene=json.dumps(scene, separators=(",", ":")).replace("<", "\\u003c"),
        viewer=folder.joinpath("viewer.js").read_text("utf-8"),
    )


def _row(surface: Surface, picture: str) -> dict[str, Any]:
    points = np.empty((len(surface.places), 3), np.uint32)
    points[:, :2] = np.rint(surface.places * _PARTS)
    points[:, 2] = np.rint(np.clip(surface.values, 0, 1) * _NEARNESS)
    return {
        "picture": picture,
        "points": packed(points),
        "faces": packed(surface.faces.astype(np.uint32)),
    }


def packed(table: NDArray[np.uint32]) -> str:
    """Pack a table of numbers that change little from row to row.

    Args:
        table: (N, 3).

    Returns:
        base64 of the deflated bytes of all deltas, column by column: the low bytes first.
    """
    deltas = np.diff(table.T, axis=1, prepend=np.uint32(0))
    planes = deltas.astype("<u4").reshape(-1, 1).view(np.uint8).T
    return _base64(isal_zlib.compress(np.ascontiguousarray(planes).tobytes(), 2))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
