"""Shelves and cupboards; conventions as in `tables`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.things.furniture.builder import FurnitureBuilder, block, shift
from worlds.things.furniture.clutter import strewn, thing

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def shelf(builder: FurnitureBuilder) -> Thing:
    """Return an open shelf full of books and things."""
    width, height, depth = (
        builder.between(0.5, 2.0),
        builder.between(0.7, 2.2),
        builder.between(0.22, 0.42),
    )
    parts = [
        builder.wooden(block(s * width / 2, 0, depth / 2, (0.025, height, depth))) for s in (-1, 1)
    ]
    if builder.maybe(0.7):
        parts.append(builder.wooden(block(0, 0, 0.01, (width, height, 0.01))))
    boards = max(2, round(height / builder.between(0.28, 0.42)))
    for i in range(boards + 1):
        y = i * (height - 0.025) / boards
        parts.append(builder.wooden(block(0, y, depth / 2, (width, 0.025, depth))))
        if i == boards:
            continue
        x = -width / 2 + 0.02
        while x < width / 2 - 0.12:
            run = min(builder.between(0.1, 0.6), width / 2 - x)
            if builder.maybe(0.6):
                tall = builder.between(0.6, 0.9) * height / boards
                row = block(
                    x + run / 2,
                    y + 0.025,
                    depth * 0.45,
                    (run, tall, depth * builder.between(0.5, 0.8)),
                )
                parts.append(builder.spined(row, run / 0.6))
            elif builder.maybe(0.7):
                parts += shift(
                    thing(builder), x + run / 2, y + 0.025, depth * 0.55, builder.between(-30, 30)
                )
            x += run + 0.01
    return parts + strewn(builder, width, depth, height, 0.8)


def cupboard(builder: FurnitureBuilder, height: float = 0.0) -> Thing:
    """Return a wardrobe, a chest of drawers or a sideboard."""
    tall = height or float(builder.rng.choice([0.5, 0.8, 1.0, 1.3, 1.9, 2.2]))
    width, depth = builder.between(0.45, 1.8), builder.between(0.35, 0.62)
    body = builder.wooden(block(0, 0, depth / 2, (width, tall, depth)))
    parts = [body]
    columns, rows = (
        max(1, round(width / 0.55)),
        int(builder.rng.integers(1, 5)) if tall < 1.5 else 1,
    )
    for i in range(columns):
        for j in range(rows):
            w, h = width / columns, (tall - 0.06) / rows
            x, y = (i + 0.5 - columns / 2) * w, 0.06 + j * h
            front = block(x, y + 0.008, depth + 0.008, (w - 0.012, h - 0.016, 0.018))
            parts.append(front.painted(tuple(body.color), body.texture, gloss=body.gloss))
            parts.append(builder.metal(block(x, y + h * 0.55, depth + 0.025, (0.1, 0.015, 0.02))))
    return parts + strewn(builder, width, depth, tall, 1.2 if tall < 1.5 else 0.4)
