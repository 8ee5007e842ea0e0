"""Surfaces to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.surfaces.indoors import carpet, fabric, flowers, poster, stripes
from worlds.surfaces.noise import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from worlds.scene.arrays import Picture


class Library:
    """Surfaces to choose from: made-up ones, and crops of a folder's photographs if there is one.

    Args:
        folder: A folder of JPEG or PNG photographs; None makes posters up instead.
    """

    def __init__(self, folder: Path | None = None) -> None:
        names = sorted(folder.iterdir()) if folder else []
        self._photos = [name for name in names if name.suffix.lower() in {".jpg", ".jpeg", ".png"}]
        self._read: dict[Path, Picture] = {}
        self._made: dict[tuple[str, int], Picture] = {}

    def surface(
        self,
        rng: np.random.Generator,
        maker: Callable[[np.random.Generator], Picture],
        variants: int = 24,
    ) -> Picture:
        """Return one of a maker's `variants` pictures, made once and kept."""
        number = int(rng.integers(variants))
        key = (maker.__name__, number)
        if key not in self._made:
            self._made[key] = maker(np.random.default_rng([number, *maker.__name__.encode()]))
        return self._made[key]

    def photo(self, rng: np.random.Generator) -> Picture:
        """Return one of 400 crops of the photographs, or a poster where there are none."""
        if not self._photos or rng.random() < 0.25:
            return self.surface(rng, poster, 100)
        return self.surface(rng, self._crop, 400)

    def _crop(self, rng: np.random.Generator) -> Picture:
        name = self._photos[int(rng.integers(len(self._photos)))]
        if name not in self._read:
            found = cv2.imread(str(name), cv2.IMREAD_COLOR)
            if found is None:
                raise ValueError(f"{name} is not a readable picture; take it out of the folder")
            scale = min(1.0, 640 / max(found.shape[:2]))
            small = cv2.resize(found, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            self._read[name] = small[..., ::-1].astype(np.uint8)
        whole = self._read[name]
        side = int(min(whole.shape[:2]) * rng.uniform(0.3, 1.0))
        top = int(rng.integers(whole.shape[0] - side + 1))
        left = int(rng.integers(whole.shape[1] - side + 1))
        crop = cv2.resize(whole[top : top + side, left : left + side], (SIDE, SIDE))
        return np.maximum(crop, 1).astype(np.uint8)

    def cloth(self, rng: np.random.Generator) -> Picture:
        """Return a fabric: plaid, stripes, blots, plain, or a photograph printed on it."""
        if rng.random() < 0.12:
            return self.photo(rng)
        makers = [fabric, stripes, flowers, carpet, carpet]
        return self.surface(rng, makers[int(rng.integers(len(makers)))])
