"""Options of point clouds and meshes."""

from dataclasses import dataclass
from typing import Final, Literal

from nearfar.config import Options, option

EDGES: Final = (
    "Cut edges where the angle between surface and image plane is larger than this, in degrees;"
    " 90 cuts none."
)


PATCH: Final = "Remove isolated patches of fewer pixels than this: artifacts at edges."


@dataclass(frozen=True)
class CloudOptions(Options):
    """How depth is converted to a point cloud."""

    max_slope_deg: float = option(EDGES, 75.0, gt=0, le=90)
    min_patch_px: int = option(PATCH, 100, ge=1)
    step_px: int = option("Use every n-th pixel of every n-th row.", 1, ge=1)
    max_points: int = option("Largest number of points; raises the step.", 1_000_000, ge=1)
    normals: bool = option("Compute normals.", default=False)


@dataclass(frozen=True)
class MeshOptions(Options):
    """How depth is converted to a mesh."""

    max_slope_deg: float = option(EDGES, 75.0, gt=0, le=90)
    min_patch_px: int = option(PATCH, 100, ge=1)
    step_px: int = option("Grid spacing in pixels.", 1, ge=1)
    max_vertices: int = option(
        "Largest number of vertices; raises the grid spacing.", 320_000, ge=4
    )
    layers: bool | None = option(
        "Clean outlines, and the background continued behind the foreground, for viewing;"
        " otherwise the measured surface alone, cut at edges. By default layers for GLB only.",
        None,
    )
    normals: bool = option(
        "Store normals, so that viewers light the surface; otherwise the photo is shown unlit.",
        default=False,
    )
    texture: Literal["jpg", "png"] = option("Format of the texture in GLB and OBJ.", "jpg")
    max_texture_px: int = option("Largest side of the texture.", 4096, ge=1)


@dataclass(frozen=True)
class OutlierOptions(Options):
    """How outliers of a point cloud are removed."""

    neighbours: int = option("Number of nearest neighbors of each point.", 20, ge=1)
    deviations: float = option(
        "Remove points whose mean distance to these exceeds the average by this many standard"
        " deviations.",
        2.0,
        gt=0,
    )


@dataclass(frozen=True)
class PoissonOptions(Options):
    """How a surface is reconstructed from points."""

    octree_depth: int = option("Octree depth; each level doubles the detail.", 9, ge=4, le=12)
    trim: float = option(
        "Share of the surface to remove, where points are sparsest.", 0.05, ge=0, lt=1
    )
