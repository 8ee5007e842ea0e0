"""Triangles of one material.

The world's axes are x right, y up and z so that they are right-handed, in metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from worlds.scene.arrays import Color, Float


@dataclass(frozen=True)
class Solid:
    """Triangles of one material.

    Attributes:
        triangles: (T, 3, 3) corners in metres; both faces are seen.
        normals: (T, 3, 3) unit normal at each corner.
        uv: (T, 3, 2) place in the texture, 1 = once across; textures repeat.
        color: (3,) linear red, green, blue, 0 to 1; it multiplies the texture.
        texture: index into the scene's textures, -1 for none.
        gloss: 0 dull to 1 polished.
        glow: light it gives off itself, in units of its own color.
        cutout: texels of the texture that are pure black are holes (leaves, fences).
    """

    triangles: Float
    normals: Float
    uv: Float
    color: Float
    texture: int = -1
    gloss: float = 0.0
    glow: float = 0.0
    cutout: bool = False

    def transformed(self, matrix: ArrayLike) -> Solid:
        """Return the solid taken through a 4x4 affine matrix."""
        affine = np.asarray(matrix, np.float64)
        linear = affine[:3, :3]
        triangles = self.triangles @ linear.T + affine[:3, 3]
        normals = self.normals @ np.linalg.inv(linear)
        lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
        normals = normals / np.maximum(lengths, 1e-12)
        return replace(
            self, triangles=triangles.astype(np.float32), normals=normals.astype(np.float32)
        )

    def painted(
        self,
        color: Color = (1.0, 1.0, 1.0),
        texture: int = -1,
        *,
        gloss: float = 0.0,
        glow: float = 0.0,
        tiles: float | tuple[float, float] = 1.0,
        cutout: bool = False,
    ) -> Solid:
        """Return the solid with another surface.

        Args:
            color: Linear red, green, blue, 0 to 1.
            texture: Index into the scene's textures, -1 for none.
            gloss: 0 dull to 1 polished.
            glow: Light given off, in units of the color.
            tiles: How often the texture repeats across the solid's own 0 to 1.
            cutout: Whether pure black texels are holes.
        """
        uv = self.uv * np.asarray(tiles, np.float32)
        return replace(
            self,
            color=np.asarray(color, np.float32),
            texture=texture,
            gloss=gloss,
            glow=glow,
            uv=uv.astype(np.float32),
            cutout=cutout,
        )


Thing = list[Solid]
