from __future__ import annotations

from worlds.shapes.blocks import block
from worlds.shapes.colors import tinted
from worlds.shapes.sheets import gathered


def test_gathering_keeps_every_triangle_and_one_solid_a_surface() -> None:
    red, blue = (tinted(block((0, 0, 0), (1, 1, 1)), tone) for tone in ((1, 0, 0), (0, 0, 1)))
    done = gathered([red, blue, red])
    assert sorted(len(part.triangles) for part in done) == [12, 24]
