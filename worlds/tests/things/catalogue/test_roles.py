from __future__ import annotations

import pytest

from worlds.things.catalogue.roles import role


@pytest.mark.parametrize(
    ("name", "group", "size_m", "elevation_m", "expected"),
    [
        ("Bed", "Bedroom", (1.4, 0.9, 2.1), 0.0, "bed"),
        ("Bedside table", "Bedroom", (0.5, 0.5, 0.4), 0.0, "bedside"),
        ("Corner sofa", "Living room", (2.3, 0.8, 1.4), 0.0, "sofa"),
        ("Coffee table", "Living room", (1.2, 0.45, 0.7), 0.0, "low"),
        ("Table", "Living room", (1.4, 0.75, 0.9), 0.0, "table"),
        ("Upper cabinet", "Kitchen", (0.6, 0.7, 0.4), 1.45, "upper"),
        ("Desk lamp", "Lights", (0.2, 0.4, 0.2), 0.0, "top"),
        ("Wall switch", "Miscellaneous", (0.08, 0.08, 0.01), 1.15, "plug"),
        ("Plant", "Living room", (0.3, 0.3, 0.3), 0.0, "top"),
        ("Ficus", "Living room", (0.4, 0.8, 0.4), 0.0, "plant"),
        ("Female", "Characters", (0.5, 1.7, 0.4), 0.0, "person"),
        ("Horse", "Characters", (0.6, 2.0, 2.6), 0.0, None),
        ("Truck", "Vehicles", (2.8, 3.4, 6.3), 0.0, None),
        ("Palm tree", "Exterior", (5.7, 12.0, 6.0), 0.0, None),
        ("Bicycle", "Vehicles", (0.5, 0.8, 1.5), 0.0, "floor"),
    ],
)
def test_models_are_what_their_names_and_sizes_say(
    name: str,
    group: str,
    size_m: tuple[float, float, float],
    elevation_m: float,
    expected: str | None,
) -> None:
    assert role(name, group, size_m, elevation_m) == expected
