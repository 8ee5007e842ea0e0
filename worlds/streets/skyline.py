"""What closes the view: hills, woods and towers far away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import grey, shade, tinted

if TYPE_CHECKING:
    from worlds.scene.arrays import Array
    from worlds.scene.solid import Thing
    from worlds.streets.roads import Road
    from worlds.surfaces.outdoors import Materials


def skyline(rng: np.random.Generator, road: Road, materials: Materials) -> Thing:
    """Return hills, woods and towers 150 to 900 m away all round."""
    solids: Thing = []
    for away, high in (
        (rng.uniform(600, 900), rng.uniform(10, 90)),
        (rng.uniform(260, 420), rng.uniform(4, 22)),
    ):
        angle = np.linspace(0, 2 * np.pi, 181)
        crest = sum(
            rng.uniform(0.2, 1) * np.sin(k * angle + rng.uniform(0, 6)) / k**0.7
            for k in (1, 2, 3, 5, 8, 13, 21)
        )
        top = high * (0.6 + 0.35 * np.asarray(crest)) + rng.normal(0, 0.02 * high, 181)
        top[-1] = top[0]
        centre = road.middle(80.0)
        low = np.stack([np.cos(angle) * away, np.full(181, -30.0), np.sin(angle) * away], 1)
        peak = np.stack([low[:, 0] * 1.15, np.maximum(top, -5.0), low[:, 2] * 1.15], 1)
        places = np.stack(np.meshgrid(np.linspace(0, 60, 181), [0, 2]), -1)
        sheet = sheets.grid(np.stack([low, peak]) + centre, places)
        solids.append(sheet.painted(shade(rng, (0.18, 0.24, 0.13), 0.4), materials.grass))
    net = road.middle(80.0) + np.array(
        [[[x, -9.0, z] for x in (-900, 0, 900)] for z in (-900, 0, 900)]
    )
    solids.append(sheets.grid(net).painted((0.3, 0.36, 0.22), materials.grass, tiles=80))
    if rng.random() < 0.5:
        count = int(rng.integers(3, 14))
        turn = rng.normal(0, 0.35, count)
        reach = rng.uniform(190, 420, count)
        spot: Array = np.stack(
            [np.sin(turn) * reach, np.full(count, -12.0), -np.cos(turn) * reach], 1
        )
        size = rng.uniform([12, 20, 10], [40, 60, 30], (count, 3))
        body = blocks(spot, spot + size)
        solids.append(body.painted(shade(rng, grey(0.5), 0.4), materials.plaster, tiles=0.1))
        rows = [
            (
                np.add(spot[k], (-0.1, y, 2)),
                np.add(spot[k], (size[k, 0] + 0.1, y + 1.3, size[k, 2] + 0.1)),
            )
            for k in range(count)
            for y in np.arange(14, size[k, 1] - 2, 3.3)
        ]
        solids.append(
            tinted(blocks([low for low, _ in rows], [high for _, high in rows]), grey(0.06), 0.6)
        )
    return solids
