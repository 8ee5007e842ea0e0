"""A furniture catalogue of one cube, written to a file."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

CORNERS = "".join(f"v {x} {y} {z}\n" for x in (0, 2) for y in (0, 2) for z in (0, 2))
OBJ = (
    "mtllib cube.mtl\n"
    + CORNERS
    + "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    + "usemtl red\nf 1 3 4 2\nf 5 6 8 7\nf 1 2 6 5\nf 3 7 8 4\n"
    + "usemtl printed\nf 2/1 6/2 8/3 4/4\n"
    + "usemtl glass\nf 1/1 3/2 7/3 5/4\n"
)
"""A cube of 2 by 2 by 2: its front (z = 2) is printed, its back glass, the rest red."""
MTL = (
    "newmtl red\nKd 1 0 0\nKs 0.5 0.5 0.5\nd 1\n"
    "newmtl printed\nKd 0.5 0.5 0.5\nmap_Kd print.png\n"
    "newmtl glass\nKd 1 1 1\nd 0.2\n"
)


def picture() -> bytes:
    """A PNG, blue at the top and see-through below."""
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:32] = (255, 0, 0, 255)
    return bytes(cv2.imencode(".png", pixels)[1])


def listed(number: int, name: str, category: str, model: str, more: str = "") -> str:
    """The catalogue's lines on one model."""
    said = (
        f"name={name}\ncategory={category}\nmodel=/{model}\nwidth=60\ndepth=50\nheight=80\n{more}"
    )
    return "\n".join(
        line.replace("=", f"#{number}=", 1) for line in said.splitlines() if "=" in line
    )


def write(folder: Path, lines: list[str], files: dict[str, str | bytes] | None = None) -> Path:
    """Write folder/cubes.sh3f and return the folder."""
    held: dict[str, str | bytes] = {
        "a/cube.obj": OBJ,
        "a/cube.mtl": MTL,
        "a/print.png": picture(),
        **(files or {}),
    }
    with zipfile.ZipFile(folder / "cubes.sh3f", "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "\n\n".join(lines))
        for name, data in held.items():
            archive.writestr(name, data)
    return folder
