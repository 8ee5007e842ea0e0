"""A room's floor plan: what stands where, and where to photograph it from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.rooms import shell
from worlds.scene.view import View, focal_px, looking
from worlds.things.furniture.builder import FurnitureBuilder, shift

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


class Plan:
    """The floor of a room whose middle is at x = z = 0.

    Args:
        builder: The random generator and the scene.
        width: Along x, metres.
        depth: Along z, metres.
    """

    def __init__(self, builder: FurnitureBuilder, width: float, depth: float) -> None:
        self.builder, self.width, self.depth = builder, width, depth
        self.taken: list[tuple[float, float, float, float, float]] = []

    def claim(self, parts: Thing, margin: float = 0.0) -> bool:
        """Take the floor under parts; False if it is taken or outside."""
        corners = np.concatenate([part.triangles.reshape(-1, 3) for part in parts])
        low, high = corners.min(axis=0) + margin, corners.max(axis=0) - margin
        if low[0] < -self.width / 2 - 0.1 or high[0] > self.width / 2 + 0.1:
            return False
        if low[2] < -self.depth / 2 - 0.1 or high[2] > self.depth / 2 + 0.1:
            return False
        if any(
            low[0] < x2 and high[0] > x1 and low[2] < z2 and high[2] > z1
            for x1, z1, x2, z2, _ in self.taken
        ):
            return False
        self.taken.append(
            (float(low[0]), float(low[2]), float(high[0]), float(high[2]), float(high[1]))
        )
        return True

    def _outline(self, parts: Thing) -> Thing:
        """Return what decides whether parts fit: of catalogue models only the hull, for speed."""
        if self.builder.catalogue is None or not parts:
            return parts
        corners = np.concatenate([part.triangles.reshape(-1, 3) for part in parts])
        hull = corners[cv2.convexHull(corners[:, [0, 2]], returnPoints=False).ravel()]
        hull = np.concatenate([hull, corners[corners[:, 1].argmax()][None]])
        thrice = np.repeat(hull[:, None], 3, axis=1)
        return [replace(parts[0], triangles=thrice, normals=thrice, uv=thrice[..., :2])]

    def against(self, parts: Thing) -> None:
        """Stand a piece somewhere along a wall, if there is room."""
        walls = shell.four_walls(self.width, self.depth)
        outline = self._outline(parts)
        for _ in range(8):
            wall = walls[int(self.builder.rng.integers(4))]
            x = self.builder.between(-0.5, 0.5) * (wall.length - 0.3)
            askew = self.builder.between(-4, 4) if self.builder.maybe(0.3) else 0.0
            off = self.builder.between(0.01, 0.08)
            if self.claim(wall.placed(shift(outline, x, 0, off, askew)), 0.02):
                self.builder.scene.add(wall.placed(shift(parts, x, 0, off, askew)))
                return

    def amid(self, parts: Thing, margin: float = 0.02) -> None:
        """Put parts anywhere on the floor, at a random angle, if there is room."""
        outline = self._outline(parts)
        for _ in range(5):
            x, z = (
                self.builder.between(-0.45, 0.45) * self.width,
                self.builder.between(-0.45, 0.45) * self.depth,
            )
            turn = self.builder.between(0, 360)
            if self.claim(shift(outline, x, 0, z, turn), margin):
                self.builder.scene.add(shift(parts, x, 0, z, turn))
                return

    def views(self, size_px: tuple[int, int]) -> list[View]:
        """Stand near walls and corners and look across."""
        builder = self.builder
        found: list[View] = []
        wanted = int(builder.rng.integers(2, 4))
        if builder.catalogue is not None and builder.maybe(0.7):
            found += self._near(size_px)
            wanted += len(found)
        for attempt in range(120):
            clear = 0.3 if attempt < 60 else 0.15
            if len(found) == wanted:
                break
            x, z = (
                float(builder.rng.choice([-1, 1]) * builder.between(0.1, 0.47)) * side
                for side in (self.width, self.depth)
            )
            y = builder.between(0.85, 1.7)
            if any(
                x1 - clear < x < x2 + clear and z1 - clear < z < z2 + clear and top > y - 0.4
                for x1, z1, x2, z2, top in self.taken
            ):
                continue
            aim = np.array(
                [
                    -np.sign(x) * builder.between(-0.2, 0.4) * self.width,
                    0.0,
                    -np.sign(z) * builder.between(-0.2, 0.4) * self.depth,
                ]
            )
            flat = np.hypot(aim[0] - x, aim[2] - z)
            if flat < 0.5 + 2 * clear:
                continue
            pitch = np.clip(builder.rng.normal(13, 8), -6, 34)
            aim[1] = y - flat * np.tan(np.deg2rad(pitch))
            pose = looking((x, y, z), aim, float(builder.rng.normal(0, 2.5)))
            fov = np.deg2rad(57 if builder.maybe(0.6) else builder.between(50, 70))
            focal = focal_px(size_px[0], fov)
            found.append(View(focal, *size_px, pose, int(builder.rng.integers(2**31))))
        return found

    def _near(self, size_px: tuple[int, int]) -> list[View]:
        """Stand before a piece of furniture and look down at it."""
        builder = self.builder
        pieces = [box for box in self.taken if 0.35 < box[4] < 1.4 and box[2] - box[0] > 0.35]
        for _ in range(30 if pieces else 0):
            x1, z1, x2, z2, top = pieces[int(builder.rng.integers(len(pieces)))]
            aim = np.array(
                [builder.between(x1, x2), builder.between(0.6, 1.0) * top, builder.between(z1, z2)]
            )
            turn, away = builder.between(0, 2 * np.pi), builder.between(0.9, 1.9)
            x, z = float(aim[0] + away * np.cos(turn)), float(aim[2] + away * np.sin(turn))
            y = max(builder.between(1.0, 1.65), top + 0.2)
            if abs(x) > self.width / 2 - 0.15 or abs(z) > self.depth / 2 - 0.15:
                continue
            if any(
                a - 0.3 < x < c + 0.3 and b - 0.3 < z < d + 0.3 and high > y - 0.5
                for a, b, c, d, high in self.taken
            ):
                continue
            aim[1] += builder.between(-0.1, 0.35)
            pose = looking((x, y, z), aim, float(builder.rng.normal(0, 3)))
            focal = focal_px(size_px[0], np.deg2rad(builder.between(52, 64)))
            return [View(focal, *size_px, pose, int(builder.rng.integers(2**31)))]
        return []
