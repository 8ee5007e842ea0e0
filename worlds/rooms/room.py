"""Furnished rooms: homes, kitchens, offices, baths, corridors, shops, classrooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.rooms import shell, storey
from worlds.rooms.figure import person
from worlds.rooms.plan import Plan
from worlds.rooms.shell import Hole, Wall
from worlds.scene.light import Light
from worlds.scene.scene import Scene
from worlds.shapes import bodies
from worlds.surfaces import indoors
from worlds.things.catalogue import showroom
from worlds.things.furniture.builder import FurnitureBuilder, block, shift
from worlds.things.furniture.pieces import on_floor, on_wall, piece

if TYPE_CHECKING:
    from worlds.scene.solid import Thing
    from worlds.scene.view import View
    from worlds.surfaces.library import Library
    from worlds.things.catalogue.catalogue import Catalogue

_KINDS = {
    "bedroom": 0.22,
    "living": 0.18,
    "kitchen": 0.14,
    "office": 0.13,
    "bath": 0.08,
    "dining": 0.08,
    "corridor": 0.03,
    "shop": 0.05,
    "class": 0.05,
    "store": 0.04,
}  # shares
_PIECES = {
    "bedroom": "bed cupboard night desk shelf cupboard chair lamp bed screen",
    "living": "sofa sofa low screen shelf lamp plant sofa cupboard chair",
    "kitchen": "kitchen kitchen fridge cupboard chair kitchen shelf",
    "office": "desk desk shelf cupboard desk shelf plant chair",
    "bath": "bath bath bath cupboard shelf",
    "dining": "cupboard shelf chair plant cupboard lamp",
    "corridor": "cupboard shelf plant chair",
    "shop": "shelf shelf shelf shelf shelf shelf desk shelf",
    "class": "cupboard shelf desk chair cupboard screen",
    "store": "shelf cupboard shelf cupboard shelf desk chair",
}
_MIDDLE = {
    "living": "low sofa round",
    "dining": "group group",
    "kitchen": "group",
    "office": "desk chair group",
    "class": "group group group group group group",
    "shop": "shelf low shelf low",
    "bedroom": "chair low",
    "store": "low desk",
}


def make_room(
    rng: np.random.Generator,
    library: Library,
    size_px: tuple[int, int] = (512, 384),
    catalogue: Catalogue | None = None,
) -> tuple[Scene, list[View]]:
    """Make up one room and two or three snapshots of it.

    Args:
        rng: The random generator.
        library: Surfaces and photographs.
        size_px: Width and height of the snapshots.
        catalogue: Furniture to mix with the made-up, or None.
    """
    scene = Scene()
    builder = FurnitureBuilder(rng, scene, library, catalogue)
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    width, depth = builder.between(2.6, 5.6), builder.between(3.0, 6.8)
    if kind == "corridor":
        width, depth = builder.between(1.4, 2.2), builder.between(6, 10)
    elif kind == "bath":
        width, depth = builder.between(1.9, 3.2), builder.between(2.2, 3.6)
    elif kind in {"class", "shop"}:
        width, depth = builder.between(4.5, 8), builder.between(5, 9)
    height = builder.between(2.3, 3.2)
    room = _Room(builder, width, depth, height, kind)
    room.build()
    return scene, room.plan.views(size_px)


class _Room:
    """Builds one room: shell, furniture, clutter."""

    def __init__(
        self, builder: FurnitureBuilder, width: float, depth: float, height: float, kind: str
    ) -> None:
        self.builder, self.width, self.depth, self.height = builder, width, depth, height
        self.kind = kind
        self.plan = Plan(builder, width, depth)

    def build(self) -> None:
        """Fill the scene."""
        builder, scene = self.builder, self.builder.scene
        day, lamps = builder.maybe(0.65), builder.between(0.3, 1.0)
        scene.add(
            storey.floor_and_ceiling(
                builder, self.width, self.depth, self.height, self.kind in {"bath", "kitchen"}
            )
        )
        bulbs, lights = storey.ceiling_lamps(
            builder, self.width, self.depth, self.height, lamps if builder.maybe(0.75) else 0.1
        )
        scene.add(bulbs)
        scene.lights += lights
        self._walls(builder.between(1.0, 3.0) if day else 0.05)
        scene.ambient = (np.array([1.0, 0.97, 0.93]) * builder.between(0.18, 0.5)).astype(
            np.float32
        )
        if builder.maybe(0.35):
            self._corner()
        if builder.maybe(0.45) and self.kind not in {"kitchen", "bath"}:
            rug = bodies.box(builder.between(1, 2.5), 0.012, builder.between(0.8, 2))
            scene.add(
                shift(
                    [builder.clothed(rug, 1.5)],
                    builder.between(-0.5, 0.5),
                    0,
                    builder.between(-0.7, 0.7),
                    builder.between(-8, 8),
                )
            )
        for name in self._chosen(
            _PIECES[self.kind].split(), 1.1 if builder.catalogue is None else 1.5
        ):
            self.plan.against(piece(builder, name))
        for name in self._chosen(_MIDDLE.get(self.kind, "").split(), 0.3):
            self.plan.amid(piece(builder, name))
        if builder.catalogue is not None:
            self._bought(builder.catalogue)
        for _ in range(int(builder.rng.poisson(5 + 0.25 * self.width * self.depth))):
            self.plan.amid(on_floor(builder), margin=0.1)
        for _ in range(int(builder.rng.integers(1, 3)) if builder.maybe(0.15) else 0):
            self.plan.amid(self._somebody())

    def _bought(self, catalogue: Catalogue) -> None:
        """Add what only a catalogue has: kitchen islands, pianos, exercise machines, lamps."""
        builder = self.builder
        role = "island" if self.kind == "kitchen" else "middle"
        found = showroom.single(builder, catalogue, role) if builder.maybe(0.25) else None
        if found is not None:
            self.plan.amid(found)
        if builder.maybe(0.4):
            x, z = (builder.between(-0.3, 0.3) * side for side in (self.width, self.depth))
            self.builder.scene.add(
                shift(showroom.under_ceiling(builder, catalogue, self.height), x, 0, z)
            )

    def _somebody(self) -> Thing:
        builder = self.builder
        found = None
        if builder.catalogue is not None and builder.maybe(0.8):
            found = showroom.single(builder, builder.catalogue, "person")
        return person(builder) if found is None else found

    def _chosen(self, names: list[str], per_metre: float) -> list[str]:
        room = max(1, round(per_metre * (self.width + self.depth) * self.builder.between(0.6, 1.2)))
        return (names * 3)[:room] if len(names) else []

    def _walls(self, daylight: float) -> None:
        builder, scene = self.builder, self.builder.scene
        makers = [indoors.plaster] * 5 + [
            indoors.stripes,
            indoors.flowers,
            indoors.bricks,
            indoors.wood,
        ]
        if self.kind in {"bath", "kitchen"}:
            makers += [indoors.tiles] * 6
        maker = makers[int(builder.rng.integers(len(makers)))]
        texture = scene.add_texture(builder.library.surface(builder.rng, maker))
        bare = maker in {indoors.plaster, indoors.tiles}
        paint = bodies.box(1, 1, 1).painted(
            builder.plain(0.35, 0.35) if bare else builder.plain(0.1, 0.7), texture, gloss=0.05
        )
        doors, windows = 0, 0
        for wall in shell.four_walls(self.width, self.depth):
            hole: Hole | None = None
            what = builder.rng.random()
            slack = max(wall.length / 2 - 0.8, 0.0)
            if what < 0.4 and doors < 2:
                hole, doors = (
                    Hole(
                        builder.between(-slack, slack),
                        builder.between(0.75, 0.95),
                        0,
                        builder.between(1.95, 2.1),
                    ),
                    doors + 1,
                )
                scene.add(shell.door_parts(builder, wall, hole, self.height))
                self.plan.claim(wall.placed([block(hole.at, 0, 0.4, (0.8, 2, 0.8))]))
            elif what < 0.8 and windows < 2 and wall.length > 2:
                wide = builder.between(0.7, min(2.4, wall.length - 0.6))
                slack = (wall.length - wide) / 2 - 0.15
                hole = Hole(
                    builder.between(-slack, slack),
                    wide,
                    float(builder.rng.choice([0.3, 0.85, 1.0])),
                    builder.between(1.9, 2.25),
                )
                windows += 1
                scene.add(shell.window_parts(builder, wall, hole, daylight))
                self._window_light(wall, hole, daylight)
            scene.add(shell.wall_parts(builder, wall, self.height, hole, paint))
            self._hang(wall, hole)

    def _window_light(self, wall: Wall, hole: Hole, daylight: float) -> None:
        if daylight < 0.2 or len(self.builder.scene.lights) > 6:
            return
        lamp = wall.placed(
            [
                block(hole.at, hole.high - 0.4, -0.3, (0.01, 0.01, 0.01)),
                block(hole.at, hole.high - 0.9, 0.7, (0.01, 0.01, 0.01)),
            ]
        )
        one, two = (part.triangles.reshape(-1, 3).mean(axis=0) for part in lamp)
        facing = ((two - one) / np.linalg.norm(two - one)).astype(np.float32)
        color = np.array([0.9, 0.97, 1.0], np.float32) * np.float32(daylight * 1.6 * hole.width)
        self.builder.scene.lights.append(
            Light(one.astype(np.float32), color, shadow=True, facing=facing)
        )

    def _hang(self, wall: Wall, hole: Hole | None) -> None:
        builder = self.builder
        for _ in range(int(builder.rng.poisson(0.6 * wall.length))):
            width, height = builder.between(0.15, 1.1), builder.between(0.15, 0.9)
            x = builder.between(-0.5, 0.5) * (wall.length - width)
            y = builder.between(1.1, max(1.2, self.height - height - 0.1))
            if hole is None or abs(x - hole.at) > (width + hole.width) / 2 + 0.15:
                builder.scene.add(wall.placed(on_wall(builder, width, height, x, y)))

    def _corner(self) -> None:
        """Cut a corner out of the plan: the room becomes an L."""
        w, d = (
            self.builder.between(0.3, 0.4) * self.width,
            self.builder.between(0.15, 0.4) * self.depth,
        )
        sx, sz = self.builder.rng.choice([-1, 1], 2)
        pillar = block(sx * (self.width - w) / 2, 0, sz * (self.depth - d) / 2, (w, self.height, d))
        self.plan.claim([pillar])
        self.builder.scene.add(pillar.painted(self.builder.plain(0.3, 0.4)))
