"""A folder of Sweet Home 3D furniture catalogues (.sh3f)."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from worlds.things.catalogue.model import built
from worlds.things.catalogue.roles import role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worlds.scene.arrays import Array
    from worlds.things.catalogue.model import Part

_LIST = "PluginFurnitureCatalog.properties"
_LINE = re.compile(r"(\w+)#(\d+)\s*[=:]\s*(.*)")
_MOST_BYTES = {"top": 600_000, "person": 1_600_000}
_MOST_TRIANGLES = 60_000


@dataclass(frozen=True)
class Entry:
    """One model that a catalogue lists.

    Attributes:
        archive: The .sh3f file.
        file: The OBJ file in it.
        name: What it is called.
        role: What it is in a room.
        size_m: Width, height and depth.
        elevation_m: Height above the floor at which it hangs.
        turn: Rotation that stands it upright, row by row.
    """

    archive: Path
    file: str
    name: str
    role: str
    size_m: tuple[float, float, float]
    elevation_m: float
    turn: tuple[float, ...]


class Catalogue:
    """The models of a folder's catalogues, read on first use.

    Args:
        folder: Holds .sh3f files.
        kept: How many models are held in memory.

    Raises:
        ValueError: If the folder holds no usable catalogue.
    """

    def __init__(self, folder: Path, kept: int = 500) -> None:
        self.roles: dict[str, list[Entry]] = {}
        self._kept = kept
        self._models: OrderedDict[Entry, list[Part]] = OrderedDict()
        self._broken: set[Entry] = set()
        self._open: dict[Path, tuple[zipfile.ZipFile, dict[str, str]]] = {}
        for archive in sorted(folder.glob("*.sh3f")):
            for entry in self._entries(archive):
                self.roles.setdefault(entry.role, []).append(entry)
        if not self.roles:
            raise ValueError(
                f"{folder} holds no .sh3f catalogue with models; unpack Debian's package "
                "sweethome3d-furniture and name its furniture folder"
            )

    def _opened(self, archive: Path) -> tuple[zipfile.ZipFile, dict[str, str]]:
        if archive not in self._open:
            opened = zipfile.ZipFile(archive)
            self._open[archive] = opened, {name.lower(): name for name in opened.namelist()}
        return self._open[archive]

    def _entries(self, archive: Path) -> Iterator[Entry]:
        try:
            opened, names = self._opened(archive)
            text = opened.read(_LIST).decode("latin-1")
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"{archive} is skipped, it is no furniture catalogue: {error}", stacklevel=4
            )
            return
        listed: dict[int, dict[str, str]] = {}
        for line in text.splitlines():
            found = _LINE.match(line)
            if found:
                listed.setdefault(int(found[2]), {})[found[1]] = found[3].strip()
        for said in listed.values():
            file = names.get(said.get("model", "").lstrip("/").lower(), "")
            if not file.lower().endswith(".obj") or said.get("doorOrWindow") == "true":
                continue
            entry = _entry(archive, file, said)
            if entry is None:
                continue
            most = _MOST_BYTES.get(entry.role, 2_600_000)
            if opened.getinfo(file).file_size <= most:
                yield entry

    def chosen(self, rng: np.random.Generator, role_name: str) -> Entry | None:
        """Return a random entry of a role whose model can be read, or None."""
        entries = self.roles.get(role_name, [])
        for _ in range(4 if entries else 0):
            entry = entries[int(rng.integers(len(entries)))]
            if self.parts(entry):
                return entry
        return None

    def parts(self, entry: Entry) -> list[Part]:
        """Return a model's parts; none if it is all glass, too fine, or, with a warning, broken."""
        if entry in self._models:
            self._models.move_to_end(entry)
            return self._models[entry]
        if entry in self._broken:
            return []
        try:
            parts = self._read(entry)
        except (ValueError, IndexError, KeyError, OSError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"{entry.file} in {entry.archive} is skipped: {error}; mend or remove the model",
                stacklevel=3,
            )
            self._broken.add(entry)
            return []
        self._models[entry] = parts
        while len(self._models) > self._kept:
            self._models.popitem(last=False)
        return parts

    def _read(self, entry: Entry) -> list[Part]:
        opened, names = self._opened(entry.archive)
        folder = PurePosixPath(entry.file).parent

        def read(name: str) -> bytes | None:
            found = names.get(str(folder / name.replace("\\", "/")).lower())
            return opened.read(found) if found else None

        turn: Array = np.array(entry.turn).reshape(3, 3)
        obj = opened.read(entry.file).decode("latin-1")
        parts = built(obj, entry.size_m, turn, read)
        count = sum(len(part.solid.triangles) for part in parts)
        return parts if count <= _MOST_TRIANGLES else []


def _entry(archive: Path, file: str, said: dict[str, str]) -> Entry | None:
    try:
        width, height, depth = (float(said[key]) / 100 for key in ("width", "height", "depth"))
        elevation = float(said.get("elevation", "0")) / 100
        turn = tuple(float(word) for word in said.get("modelRotation", "1 0 0 0 1 0 0 0 1").split())
    except (KeyError, ValueError):
        return None
    name = said.get("name", "")
    found = role(name, said.get("category", ""), (width, height, depth), elevation)
    if found is None or len(turn) != 9:
        return None
    return Entry(archive, file, name, found, (width, height, depth), elevation, turn)
