"""The options of clouds and meshes."""

from dataclasses import dataclass
from typing import Final, Literal

from nearfar.config import Options, option

EDGES: Final = (
    "Cut edges where the surface would stand steeper than this to the picture, in degrees;"
    " 90 cuts none."
)


PATCH: Final = "Leave out loose patches of fewer pixels than this: debris of edges."


@dataclass(frozen=True)
class CloudOptions(Options):
    """How depth becomes a point cloud."""

    max_slope_deg: float = option(EDGES, 75.0, gt=0, le=90)
    min_patch_px: int = option(PATCH, 100, ge=1)
    step_px: int = option("Take every n-th pixel of every n-th row.", 1, ge=1)
    max_points: int = option("Raise that step until there are no more points.", 1_000_000, ge=1)
    normals: bool = option("Give each point the normal of its surface.", default=False)


@dataclass(frozen=True)
class MeshOptions(Options):
    """How depth becomes a surface."""

    max_slope_deg: float = option(EDGES, 75.0, gt=0, le=90)
    min_patch_px: int = option(PATCH, 100, ge=1)
    step_px: int = option("Width of the grid's meshes, in pixels.", 1, ge=1)
    max_vertices: int = option("Raise that width until there are no more.", 320_000, ge=4)
    layers: bool | None = option(
        "Clean outlines, and the background carried on behind what stands before it, for looking"
        " at; else the measured surface alone, cut open at edges. By default layers for GLB only.",
        None,
    )
    normals: bool = option(
        "Store normals, for viewers to light the surface; else the photo's light is all.",
        default=False,
    )
    texture: Literal["jpg", "png"] = option("How the photo is stored in GLB and OBJ.", "jpg")
    max_texture_px: int = option("Make a photo smaller whose side is longer.", 4096, ge=1)


@dataclass(frozen=True)
class OutlierOptions(Options):
    """Which points are too lonely."""

    neighbours: int = option("How many nearest points each is compared with.", 20, ge=1)
    deviations: float = option(
        "Leave out points whose mean distance to those is more standard deviations over the mean.",
        2.0,
        gt=0,
    )


@dataclass(frozen=True)
class PoissonOptions(Options):
    """How a closed surface is laid through points."""

    octree_depth: int = option("Depth of the octree: each step doubles the detail.", 9, ge=4, le=12)
    trim: float = option(
        "Share of the surface to leave out, where points are fewest.", 0.05, ge=0, lt=1
    )
