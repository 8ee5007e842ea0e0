"""A rough, smooth figure that stands in a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves

if TYPE_CHECKING:
    from worlds.scene.solid import Thing
    from worlds.things.furniture.builder import FurnitureBuilder


def person(builder: FurnitureBuilder) -> Thing:
    """Return a rough, smooth figure, standing."""
    tall = builder.between(1.5, 1.9) / 1.75
    skin = (
        0.55 * builder.between(0.3, 1.2),
        0.36 * builder.between(0.4, 1.1),
        0.26 * builder.between(0.4, 1.1),
    )
    trousers, shirt = builder.colored(bodies.box(1, 1, 1)), builder.clothed(bodies.box(1, 1, 1))
    parts: Thing = []
    for s in (-1, 1):
        swing = builder.between(-20, 20)
        leg = moves.moved(
            bodies.lathe([(0.06, 0), (0.05, 0.1), (0.085, 0.7), (0.1, 0.9)], 12), (s * 0.1, 0, 0.2)
        )
        parts.append(leg.painted(tuple(trousers.color)))
        arm = moves.moved(
            moves.turned(bodies.ellipsoid(0.05, 0.36, 0.05, 12), s * 9 + swing / 3, "z"),
            (s * 0.27, 1.12, 0.2),
        )
        parts.append(arm.painted(tuple(shirt.color), shirt.texture))
        parts.append(
            moves.moved(bodies.ellipsoid(0.05, 0.05, 0.13, 10), (s * 0.1, 0.04, 0.26)).painted(
                (0.03, 0.03, 0.03)
            )
        )
    body = moves.scaled(
        bodies.lathe(
            [(0.16, 0), (0.17, 0.1), (0.14, 0.25), (0.19, 0.45), (0.17, 0.55), (0.06, 0.62)], 16
        ),
        (1, 1, 0.65),
    )
    parts.append(moves.moved(body, (0, 0.85, 0.2)).painted(tuple(shirt.color), shirt.texture))
    parts.append(moves.moved(bodies.ellipsoid(0.085, 0.12, 0.1, 16), (0, 1.6, 0.21)).painted(skin))
    parts.append(
        moves.moved(bodies.ellipsoid(0.095, 0.1, 0.105, 16), (0, 1.645, 0.19)).painted(
            builder.plain(0.4, 0.01) if builder.maybe(0.2) else (0.03, 0.02, 0.015)
        )
    )
    return [moves.scaled(part, tall) for part in parts]
