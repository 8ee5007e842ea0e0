"""A photo to look around in: one HTML file with depth."""

from dataclasses import dataclass
from typing import Final

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._photo3d.page import View, page
from nearfar.effects.base import Effect, WebPage, fitted
from nearfar.imaging.cut_grid import Grid
from nearfar.imaging.layers import layered, sharp_edges, steps
from nearfar.io.images import Image

_PIVOT: Final = 0.5
"""Nearness of the point about which the view turns."""

_MOST_VERTICES: Final = 60_000
"""Of the photo's surface: outlines follow the photo's pixels all the same."""


@dataclass(frozen=True)
class Photo3dOptions(Options):
    """What the page shows, and how far it can be turned."""

    turn_deg: float = option(
        "How far the view can be turned to each side, in degrees; 180 is all the way round.",
        20.0,
        ge=1,
        le=180,
    )
    relief: float = option(
        "How many times as far away as the nearest the farthest is.", 2.0, ge=1.1, le=50
    )
    fov_deg: float = option(
        "Horizontal field of view of the photo, in degrees.", 60.0, ge=1, le=170
    )
    picture_px: int = option(
        "Longest side of the photo in the page: with 1600 the file stays under about 1.5 MB.",
        1600,
        ge=16,
        le=4096,
    )
    title: str = option("Title of the page, and what the photo shows.", "")


def photo3d(photo: Image, depth: DepthMap, options: Photo3dOptions) -> WebPage:
    """Make a page that shows the photo with depth, in any browser, without a network.

    The photo is cut at depth edges, and the background is carried on behind them. The first
    view is the photo as it is; mouse, finger, tilt and arrow keys turn it.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: of the same size.
        options: see there.
    """
    photo, depth = fitted(photo, depth, options.picture_px)
    grid = Grid.over(sharp_edges(depth.nearness(robust=True)), _MOST_VERTICES)
    layers = layered(photo, grid, *steps(grid.at_vertices()))
    view = View(options.fov_deg, options.relief, _PIVOT, options.turn_deg, options.title)
    return WebPage(page(photo, layers, view))


def photo3d_html(
    photo: Image,
    depth: DepthMap,
    options: Photo3dOptions = Photo3dOptions(),
    *,
    fov_deg: float | None = None,
    near_m: float | None = None,
    far_m: float | None = None,
) -> str:
    """Give the HTML of a 3D photo whose camera and distances may be known.

    It can be shown in an iframe by `srcdoc`; `sandbox="allow-scripts"` is enough for it.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: of the same size.
        options: see there.
        fov_deg: horizontal field of view, instead of the options'.
        near_m: distance of the nearest point, with `far_m` instead of the options' relief.
        far_m: distance of the farthest.

    Raises:
        UsageError: a value out of its range.
    """
    values = options.values()
    if fov_deg is not None:
        values["fov_deg"] = fov_deg
    if near_m is not None and far_m is not None:
        values["relief"] = min(50.0, max(1.1, far_m / near_m))
    return photo3d(photo, depth, Photo3dOptions.of(**values)).html


EFFECT: Final = Effect(
    "photo3d",
    "A web page in one file that shows the photo with depth: look around by mouse, touch or tilt.",
    Photo3dOptions,
    photo3d,
)
