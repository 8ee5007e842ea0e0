"""Estimate where a robot can drive, from one photo."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._ground.ground import Ground, Missing, find_ground, what_is_missing
from nearfar.effects._ground.occupancy_grid import OccupancyGrid, occupancy
from nearfar.effects._ground.overlay import draw
from nearfar.effects.base import Effect
from nearfar.errors import UsageError
from nearfar.imaging.color import FloatMap
from nearfar.io.images import Image

NEAR: Final = 0.5
"""Nearness from which a sector is not free, where there is no floor to go by."""

CANNOT_TELL: Final = ("water", "ice", "glass", "step down")
"""What depth alone can't tell from floor."""

_HEADINGS: Final = 61
_LOOK: Final = 0.8  # of half the field of view: a way along the very rim is half unseen
_ENOUGH: Final = 4.0  # times the clearance: farther away is no better
_STRAIGHT: Final = 0.3  # of the score is lost at the rim: turning costs something


@dataclass(frozen=True)
class NavigateOptions(Options):
    """Options of `navigate`."""

    fov_deg: float = option("Horizontal field of view in degrees.", 60.0, ge=10, le=150)
    pitch_deg: float | None = option(
        "Downward pitch of the camera in degrees; default: the smallest that the map allows.",
        None,
        ge=-60,
        le=80,
    )
    camera_height_m: float | None = option(
        "Camera height above the floor in metres; needed for metres and the occupancy grid.",
        None,
        ge=0.001,
        le=100,
    )
    sectors: int = option("Number of sectors of the field of view.", 5, ge=1, le=60)
    clearance: float = option(
        "Free floor that a sector needs to count as free, in camera heights.", 3.0, gt=0
    )
    body: float = option(
        "Width of the path that the heading needs, in camera heights.", 0.6, ge=0, le=20
    )
    cell_m: float = option("Cell size of the occupancy grid, in metres.", 0.05, ge=0.005, le=1)
    range_m: float = option(
        "Range of the occupancy grid ahead, in metres; half as much to each side.", 5.0, gt=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.range_m / self.cell_m > 4000:
            raise UsageError("more than 4000 cells ahead: raise cell_m or lower range_m")


@dataclass(frozen=True)
class Sector:
    """One sector of the field of view.

    Attributes:
        from_deg: left end; negative is left of straight ahead.
        to_deg: right end.
        nearness: of what stands there, floor left out; 0 to 1, the 90th percentile.
        reach: length of the free floor, in camera heights; None without a floor.
        reach_m: the same in metres, if the camera's height is known.
        is_free: whether that is enough; without a floor, whether nothing near stands there.
    """

    from_deg: float
    to_deg: float
    nearness: float
    reach: float | None
    reach_m: float | None
    is_free: bool


@dataclass(frozen=True, eq=False)
class NavigationPlan:
    """Result of `navigate`.

    Attributes:
        sectors: from left to right.
        heading_deg: where to go, positive to the right; None if no way is free or no floor found.
        floor_found: whether a flat floor was found; if not, sectors go by nearness alone.
        floor_share: of the picture that is floor, 0 to 1.
        pitch_deg: how far the camera looks down, given or found; None without a floor.
        grid: bird's-eye map, if there is a floor and the camera's height is known.
        pixels: (H, W, 3) uint8 RGB, the photo with all this drawn over it.
        missing: why no floor was found; None where one was.
    """

    sectors: tuple[Sector, ...]
    heading_deg: float | None
    floor_found: bool
    floor_share: float
    pitch_deg: float | None
    grid: OccupancyGrid | None
    pixels: Image
    missing: Missing | None = None

    def values(self) -> dict[str, Any]:
        """Return all but the picture and the grid, ready for JSON."""
        return {
            "floor_found": self.floor_found,
            "missing": self.missing,
            "floor_share": self.floor_share,
            "pitch_deg": self.pitch_deg,
            "heading_deg": self.heading_deg,
            "sectors": [asdict(sector) for sector in self.sectors],
            "cannot_tell": list(CANNOT_TELL),
        }


def navigate(photo: Image, depth: DepthMap, options: NavigateOptions) -> NavigationPlan:
    """Estimate the floor, its free length in each direction, and a heading.

    The floor is a plane, affine in inverse depth (`nearfar.imaging.ground_plane`). In each column
    it is followed from the bottom to the first thing that is no floor. Distances come from the
    plane and are in heights of the camera, so they need no metres. Holes in the floor stop the way
    as obstacles do.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: of the same size.
        options: see there.
    """
    ground = find_ground(depth.inverse_depth, options.fov_deg, options.pitch_deg)
    nearness = depth.nearness(robust=True)
    if ground is None:
        sectors = _by_nearness(nearness, options)
        pixels = draw(photo, None, sectors, None, options.fov_deg)
        missing = what_is_missing(depth.inverse_depth)
        return NavigationPlan(sectors, None, False, 0.0, None, None, pixels, missing)
    free = np.logical_and.accumulate(ground.mask[::-1], axis=0)[::-1]
    free, right, ahead, reach = _rim(ground, free)
    sectors = _by_floor(ground, depth, reach, options)
    heading_deg = _heading(right, ahead, options)
    grid = None
    if options.camera_height_m is not None:
        grid = occupancy(ground, free, options.camera_height_m, options.cell_m, options.range_m)
    share = float(np.mean(ground.mask))
    pixels = draw(photo, free, sectors, heading_deg, options.fov_deg)
    pitch_deg = math.degrees(ground.pitch_rad)
    return NavigationPlan(sectors, heading_deg, True, share, pitch_deg, grid, pixels)


def _edges(options: NavigateOptions) -> NDArray[np.float64]:
    return np.linspace(-options.fov_deg / 2, options.fov_deg / 2, options.sectors + 1)


def _parts(width_px: int, options: NavigateOptions) -> list[slice]:
    """Return the columns of each sector, at least one."""
    half = math.tan(math.radians(options.fov_deg) / 2)
    places = (np.tan(np.radians(_edges(options))) / half + 1) / 2 * width_px
    starts = np.clip(np.rint(places[:-1]), 0, width_px - 1).astype(int)
    stops = np.maximum(np.rint(places[1:]).astype(int), starts + 1)
    return [slice(start, stop) for start, stop in zip(starts, stops, strict=True)]


def _by_nearness(nearness: FloatMap, options: NavigateOptions) -> tuple[Sector, ...]:
    edges = _edges(options)
    found = []
    for number, part in enumerate(_parts(nearness.shape[1], options)):
        near = float(np.percentile(nearness[:, part], 90))
        ends = float(edges[number]), float(edges[number + 1])
        found.append(Sector(*ends, near, None, None, near < NEAR))
    return tuple(found)


def _by_floor(
    ground: Ground, depth: DepthMap, reach: FloatMap, options: NavigateOptions
) -> tuple[Sector, ...]:
    low, high = np.percentile(depth.inverse_depth, (2, 98))
    nearness = np.clip((ground.inverse_depth - low) / max(high - low, 1e-12), 0, 1)
    standing = np.where(ground.above, nearness, 0)
    edges = _edges(options)
    found = []
    for number, part in enumerate(_parts(reach.size, options)):
        far = float(np.percentile(reach[part], 10))
        near = float(np.percentile(standing[:, part], 90))
        metres = None if options.camera_height_m is None else far * options.camera_height_m
        ends = float(edges[number]), float(edges[number + 1])
        found.append(Sector(*ends, near, far, metres, far >= options.clearance))
    return tuple(found)


def _rim(
    ground: Ground, free: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], FloatMap, FloatMap, FloatMap]:
    """Find where the free floor of each column ends.

    Where something stands on it, its own depth gives the distance: its foot is
    still taken for floor, within what a floor may rise. A column without any floor is stopped
    where the picture ends below, and reaches 0.

    Returns:
        (h, w) the free floor without such feet; (w,) the end's place to the right and ahead,
        and its distance.
    """
    height, width = free.shape
    columns = np.arange(width)
    top = height - np.count_nonzero(free, axis=0)
    next_up = np.maximum(top - 1, 0)
    stands = (top > 0) & (top < height) & ground.above[next_up, columns]
    level = np.maximum(ground.level, np.float32(ground.beyond + ground.tolerance))
    foot = np.where(stands, ground.inverse_depth[next_up, columns], -np.inf)
    row = np.minimum(top, height - 1)
    _, right, ahead = ground.points(level)
    right, ahead = right[row, columns], ahead[row, columns]
    reach = np.hypot(right, ahead)
    ends = level[row, columns]
    # along one ray of the ground, distance is proportional to the inverse of the map
    nearer = np.minimum(1, (ends - ground.beyond) / np.maximum(foot - ground.beyond, 1e-9))
    nearer = np.where(stands, nearer, 1)
    reach = np.where(top == height, 0, reach * nearer)
    kept = free & (ground.level >= foot)
    right, ahead = (right * nearer).astype(np.float32), (ahead * nearer).astype(np.float32)
    return kept, right, ahead, reach.astype(np.float32)


def _heading(right: FloatMap, ahead: FloatMap, options: NavigateOptions) -> float | None:
    """Choose the direction in which a body of the given width gets far, best straight on."""
    limit = math.radians(options.fov_deg) / 2 * _LOOK
    angles = np.linspace(-limit, limit, _HEADINGS)[:, None]
    along = ahead * np.cos(angles) + right * np.sin(angles)
    aside = right * np.cos(angles) - ahead * np.sin(angles)
    in_the_way = np.abs(aside) <= options.body / 2
    # the ray itself always counts, however few columns there are
    in_the_way[np.arange(_HEADINGS), np.abs(aside).argmin(axis=1)] = True
    clear = np.where(in_the_way, np.maximum(along, 0), np.inf).min(axis=1)
    clear = np.minimum(clear, _ENOUGH * options.clearance)
    score = clear * (1 - _STRAIGHT * np.abs(angles[:, 0]) / limit)
    score[clear < options.clearance] = -1
    best = int(score.argmax())
    return None if score[best] < 0 else float(np.degrees(angles[best, 0]))


EFFECT: Final = Effect(
    "navigate",
    "Estimate free floor, a heading and an occupancy grid from one photo.",
    NavigateOptions,
    navigate,
)
