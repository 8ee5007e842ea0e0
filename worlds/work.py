"""Makes one world: builds its scene, renders it, writes its pictures; runs in each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worlds import dataset
from worlds.closeups.closeup import make_closeup
from worlds.rooms.room import make_room
from worlds.streets.street import make_street
from worlds.surfaces.library import Library
from worlds.things.catalogue.catalogue import Catalogue

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Task:
    """One world to make up and photograph.

    Attributes:
        folder: The data set's folder.
        kind: "rooms", "streets" or "closeups".
        number: Index of the world; with the seed it determines everything.
        seed: The seed of the run.
        textures: Folder of photographs, or None.
        furniture: Folder of furniture catalogues, or None.
    """

    folder: Path
    kind: str
    number: int
    seed: int
    textures: Path | None
    furniture: Path | None = None


_kept: dict[tuple[Path | None, Path | None], tuple[Library, Catalogue | None, dataset.Drawer]] = {}


def make(task: Task) -> int:
    """Make one world's pictures and return how many there are."""
    folders = (task.textures, task.furniture)
    if folders not in _kept:
        catalogue = None if task.furniture is None else Catalogue(task.furniture)
        _kept[folders] = (Library(task.textures), catalogue, dataset.Drawer())
    library, catalogue, drawer = _kept[folders]
    rng = np.random.default_rng([task.seed, task.number, *task.kind.encode()])
    if task.kind == "rooms":
        scene, views = make_room(rng, library, catalogue=catalogue)
    elif task.kind == "streets":
        scene, views = make_street(rng, [library.photo(rng) for _ in range(12)])
    else:
        scene, views = make_closeup(rng, [library.photo(rng) for _ in range(4)])
    return drawer.draw(task.folder, task.kind, f"s{task.seed}_{task.number:05d}", scene, views)
