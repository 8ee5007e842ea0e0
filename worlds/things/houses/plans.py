"""A house's size and manner, chosen before it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Plan:
    """A house's size and manner.

    Attributes:
        kind: "cottage", "row", "city", "slab" or "hall".
        long_m: Along the street.
        deep_m: Away from the street.
        floors: Storeys.
        shop: Whether the ground floor is a shop.
    """

    kind: str
    long_m: float
    deep_m: float
    floors: int
    shop: bool

    @property
    def high_m(self) -> float:
        """Height of the eaves."""
        each = {"cottage": 2.7, "row": 2.9, "city": 3.3, "slab": 2.8, "hall": 4.5}[self.kind]
        return each * self.floors + 0.4


def plan(rng: np.random.Generator, kind: str) -> Plan:
    """Return a likely plan of the kind."""
    long, deep, low, high = {
        "cottage": ((7, 13), (7, 11), 1, 2),
        "row": ((6, 12), (8, 12), 2, 3),
        "city": ((9, 24), (10, 16), 3, 6),
        "slab": ((18, 45), (10, 14), 3, 8),
        "hall": ((20, 50), (15, 30), 1, 2),
    }[kind]
    shop = bool(kind == "city" and rng.random() < 0.65) or bool(
        kind == "row" and rng.random() < 0.15
    )
    return Plan(
        kind,
        float(rng.uniform(*long)),
        float(rng.uniform(*deep)),
        int(rng.integers(low, high + 1)),
        shop,
    )
