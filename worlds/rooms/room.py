"""Made-up rooms, lived in: homes, kitchens, offices, baths, corridors, shops, classrooms."""

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
from worlds.things.furniture.pieces import on_floor, on_wall, piece
from worlds.things.furniture.workshop import Workshop, block, shift

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
        rng: Chance.
        library: Surfaces and photographs.
        size_px: Width and height of the snapshots.
        catalogue: Furniture to mix with the made-up, or None.
    """
    scene = Scene()
    shop = Workshop(rng, scene, library, catalogue)
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    width, depth = shop.between(2.6, 5.6), shop.between(3.0, 6.8)
    if kind == "corridor":
        width, depth = shop.between(1.4, 2.2), shop.between(6, 10)
    elif kind == "bath":
        width, depth = shop.between(1.9, 3.2), shop.between(2.2, 3.6)
    elif kind in {"class", "shop"}:
        width, depth = shop.between(4.5, 8), shop.between(5, 9)
    height = shop.between(2.3, 3.2)
    room = _Room(shop, width, depth, height, kind)
    room.build()
    return scene, room.plan.views(size_px)


class _Room:
    """Builds one room: shell, furniture, clutter."""

    def __init__(
        self, shop: Workshop, width: float, depth: float, height: float, kind: str
    ) -> None:
        self.shop, self.width, self.depth, self.height = shop, width, depth, height
        self.kind = kind
        self.plan = Plan(shop, width, depth)

    def build(self) -> None:
        """Fill the scene."""
        shop, scene = self.shop, self.shop.scene
        day, lamps = shop.maybe(0.65), shop.between(0.3, 1.0)
        scene.add(
            storey.floor_and_ceiling(
                shop, self.width, self.depth, self.height, self.kind in {"bath", "kitchen"}
            )
        )
        bulbs, lights = storey.ceiling_lamps(
            shop, self.width, self.depth, self.height, lamps if shop.maybe(0.75) else 0.1
        )
        scene.add(bulbs)
        scene.lights += lights
        self._walls(shop.between(1.0, 3.0) if day else 0.05)
        scene.ambient = (np.array([1.0, 0.97, 0.93]) * shop.between(0.18, 0.5)).astype(np.float32)
        if shop.maybe(0.35):
            self._corner()
        if shop.maybe(0.45) and self.kind not in {"kitchen", "bath"}:
            rug = bodies.box(shop.between(1, 2.5), 0.012, shop.between(0.8, 2))
            scene.add(
                shift(
                    [shop.clothed(rug, 1.5)],
                    shop.between(-0.5, 0.5),
                    0,
                    shop.between(-0.7, 0.7),
                    shop.between(-8, 8),
                )
            )
        for name in self._chosen(
            _PIECES[self.kind].split(), 1.1 if shop.catalogue is None else 1.5
        ):
            self.plan.against(piece(shop, name))
        for name in self._chosen(_MIDDLE.get(self.kind, "").split(), 0.3):
            self.plan.amid(piece(shop, name))
        if shop.catalogue is not None:
            self._bought(shop.catalogue)
        for _ in range(int(shop.rng.poisson(5 + 0.25 * self.width * self.depth))):
            self.plan.amid(on_floor(shop), margin=0.1)
        for _ in range(int(shop.rng.integers(1, 3)) if shop.maybe(0.15) else 0):
            self.plan.amid(self._somebody())

    def _bought(self, catalogue: Catalogue) -> None:
        """Add what only a catalogue has: kitchen islands, pianos, exercise machines, lamps."""
        shop = self.shop
        role = "island" if self.kind == "kitchen" else "middle"
        found = showroom.single(shop, catalogue, role) if shop.maybe(0.25) else None
        if found is not None:
            self.plan.amid(found)
        if shop.maybe(0.4):
            x, z = (shop.between(-0.3, 0.3) * side for side in (self.width, self.depth))
            self.shop.scene.add(
                shift(showroom.under_ceiling(shop, catalogue, self.height), x, 0, z)
            )

    def _somebody(self) -> Thing:
        shop = self.shop
        found = None
        if shop.catalogue is not None and shop.maybe(0.8):
            found = showroom.single(shop, shop.catalogue, "person")
        return person(shop) if found is None else found

    def _chosen(self, names: list[str], per_metre: float) -> list[str]:
        room = max(1, round(per_metre * (self.width + self.depth) * self.shop.between(0.6, 1.2)))
        return (names * 3)[:room] if len(names) else []

    def _walls(self, daylight: float) -> None:
        shop, scene = self.shop, self.shop.scene
        makers = [indoors.plaster] * 5 + [
            indoors.stripes,
            indoors.flowers,
            indoors.bricks,
            indoors.wood,
        ]
        if self.kind in {"bath", "kitchen"}:
            makers += [indoors.tiles] * 6
        maker = makers[int(shop.rng.integers(len(makers)))]
        texture = scene.add_texture(shop.library.surface(shop.rng, maker))
        bare = maker in {indoors.plaster, indoors.tiles}
        paint = bodies.box(1, 1, 1).painted(
            shop.plain(0.35, 0.35) if bare else shop.plain(0.1, 0.7), texture, gloss=0.05
        )
        doors, windows = 0, 0
        for wall in shell.four_walls(self.width, self.depth):
            hole: Hole | None = None
            what = shop.rng.random()
            slack = max(wall.length / 2 - 0.8, 0.0)
            if what < 0.4 and doors < 2:
                hole, doors = (
                    Hole(
                        shop.between(-slack, slack),
                        shop.between(0.75, 0.95),
                        0,
                        shop.between(1.95, 2.1),
                    ),
                    doors + 1,
                )
                scene.add(shell.door_parts(shop, wall, hole, self.height))
                self.plan.claim(wall.placed([block(hole.at, 0, 0.4, (0.8, 2, 0.8))]))
            elif what < 0.8 and windows < 2 and wall.length > 2:
                wide = shop.between(0.7, min(2.4, wall.length - 0.6))
                slack = (wall.length - wide) / 2 - 0.15
                hole = Hole(
                    shop.between(-slack, slack),
                    wide,
                    float(shop.rng.choice([0.3, 0.85, 1.0])),
                    shop.between(1.9, 2.25),
                )
                windows += 1
                scene.add(shell.window_parts(shop, wall, hole, daylight))
                self._window_light(wall, hole, daylight)
            scene.add(shell.wall_parts(shop, wall, self.height, hole, paint))
            self._hang(wall, hole)

    def _window_light(self, wall: Wall, hole: Hole, daylight: float) -> None:
        if daylight < 0.2 or len(self.shop.scene.lights) > 6:
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
        self.shop.scene.lights.append(
            Light(one.astype(np.float32), color, shadow=True, facing=facing)
        )

    def _hang(self, wall: Wall, hole: Hole | None) -> None:
        shop = self.shop
        for _ in range(int(shop.rng.poisson(0.6 * wall.length))):
            width, height = shop.between(0.15, 1.1), shop.between(0.15, 0.9)
            x = shop.between(-0.5, 0.5) * (wall.length - width)
            y = shop.between(1.1, max(1.2, self.height - height - 0.1))
            if hole is None or abs(x - hole.at) > (width + hole.width) / 2 + 0.15:
                shop.scene.add(wall.placed(on_wall(shop, width, height, x, y)))

    def _corner(self) -> None:
        """Cut a corner out of the plan: the room becomes an L."""
        w, d = self.shop.between(0.3, 0.4) * self.width, self.shop.between(0.15, 0.4) * self.depth
        sx, sz = self.shop.rng.choice([-1, 1], 2)
        pillar = block(sx * (self.width - w) / 2, 0, sz * (self.depth - d) / 2, (w, self.height, d))
        self.plan.claim([pillar])
        self.shop.scene.add(pillar.painted(self.shop.plain(0.3, 0.4)))
