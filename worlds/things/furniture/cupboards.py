"""Shelves and cupboards; conventions as in `tables`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.things.furniture.clutter import strewn, thing
from worlds.things.furniture.workshop import Workshop, block, shift

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def shelf(shop: Workshop) -> Thing:
    """Return an open shelf full of books and things."""
    width, height, depth = shop.between(0.5, 2.0), shop.between(0.7, 2.2), shop.between(0.22, 0.42)
    parts = [
        shop.wooden(block(s * width / 2, 0, depth / 2, (0.025, height, depth))) for s in (-1, 1)
    ]
    if shop.maybe(0.7):
        parts.append(shop.wooden(block(0, 0, 0.01, (width, height, 0.01))))
    boards = max(2, round(height / shop.between(0.28, 0.42)))
    for i in range(boards + 1):
        y = i * (height - 0.025) / boards
        parts.append(shop.wooden(block(0, y, depth / 2, (width, 0.025, depth))))
        if i == boards:
            continue
        x = -width / 2 + 0.02
        while x < width / 2 - 0.12:
            run = min(shop.between(0.1, 0.6), width / 2 - x)
            if shop.maybe(0.6):
                tall = shop.between(0.6, 0.9) * height / boards
                row = block(
                    x + run / 2,
                    y + 0.025,
                    depth * 0.45,
                    (run, tall, depth * shop.between(0.5, 0.8)),
                )
                parts.append(shop.spined(row, run / 0.6))
            elif shop.maybe(0.7):
                parts += shift(
                    thing(shop), x + run / 2, y + 0.025, depth * 0.55, shop.between(-30, 30)
                )
            x += run + 0.01
    return parts + strewn(shop, width, depth, height, 0.8)


def cupboard(shop: Workshop, height: float = 0.0) -> Thing:
    """Return a wardrobe, a chest of drawers or a sideboard."""
    tall = height or float(shop.rng.choice([0.5, 0.8, 1.0, 1.3, 1.9, 2.2]))
    width, depth = shop.between(0.45, 1.8), shop.between(0.35, 0.62)
    body = shop.wooden(block(0, 0, depth / 2, (width, tall, depth)))
    parts = [body]
    columns, rows = max(1, round(width / 0.55)), int(shop.rng.integers(1, 5)) if tall < 1.5 else 1
    for i in range(columns):
        for j in range(rows):
            w, h = width / columns, (tall - 0.06) / rows
            x, y = (i + 0.5 - columns / 2) * w, 0.06 + j * h
            front = block(x, y + 0.008, depth + 0.008, (w - 0.012, h - 0.016, 0.018))
            parts.append(front.painted(tuple(body.color), body.texture, gloss=body.gloss))
            parts.append(shop.metal(block(x, y + h * 0.55, depth + 0.025, (0.1, 0.015, 0.02))))
    return parts + strewn(shop, width, depth, tall, 1.2 if tall < 1.5 else 0.4)
