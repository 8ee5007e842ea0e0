"""Train on order: regions and points of which one is known to be nearer than the other.

Both kinds of ordinal truth become one: regions that have an order. A point becomes a small disc,
since it was chosen well inside its surface. Regions go through every change of a picture as the
values of a map do.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Layers, PointPairs
from nearfar.io.images import Image
from nearfar.training.data.pair_file import Sample
from nearfar.training.data.resample import resize_photo

DISC_RADIUS: Final = 0.008
"""Radius of a point's disc, in parts of the picture's longer side: 3 pixels of 400."""


def shrink(photo: Image, truth: Layers | PointPairs, size: tuple[int, int]) -> Sample:
    """Bring a photo and its ordinal truth to a size, and points into the form of regions.

    Args:
        photo: (H, W, 3) uint8 RGB.
        truth: of the photo's size.
        size: width and height in pixels of what comes out.
    """
    height_px, width_px = photo.shape[:2]
    if isinstance(truth, PointPairs):
        scale = np.array((size[0] / width_px, size[1] / height_px))
        nearer, farther = (
            ((points + 0.5) * scale).astype(np.int64) for points in (truth.nearer, truth.farther)
        )
        regions, order = draw_discs(nearer, farther, size)
    else:
        regions, order = resize_regions(truth.regions, size), truth.order
    small = photo if size == (width_px, height_px) else resize_photo(photo, size)
    return Sample(small, np.zeros((size[1], size[0]), np.float32), False, regions, order)


def draw_discs(
    nearer: NDArray[np.int64], farther: NDArray[np.int64], size: tuple[int, int]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Draw a disc round each point: a region of its own, in which every pixel is its nearest.

    Args:
        nearer: (N, 2) x and y of the nearer points.
        farther: (N, 2) of the farther ones; a point may come several times.
        size: width and height of the picture in pixels.

    Returns:
        (H, W) uint16 regions, and their order (N, 2).
    """
    points, index = np.unique(np.concatenate((nearer, farther)), axis=0, return_inverse=True)
    order = index.reshape(2, -1).T + 1
    width_px, height_px = size
    radius_px = max(1.0, DISC_RADIUS * max(size))
    regions = np.zeros((height_px, width_px), np.uint16)
    closest = np.full((height_px, width_px), radius_px**2 + 1e-6)
    reach_px = int(radius_px)
    for number, (x, y) in enumerate(points.tolist(), 1):
        rows = slice(max(0, y - reach_px), min(height_px, y + reach_px + 1))
        columns = slice(max(0, x - reach_px), min(width_px, x + reach_px + 1))
        down, across = np.mgrid[rows, columns]
        squared = (down - y) ** 2.0 + (across - x) ** 2.0
        mine = squared < closest[rows, columns]
        regions[rows, columns][mine] = number
        closest[rows, columns][mine] = squared[mine]
    return regions, order.astype(np.int64)


def resize_regions(regions: NDArray[np.uint16], size: tuple[int, int]) -> NDArray[np.uint16]:
    """Take the region under each new pixel's centre."""
    if size == regions.shape[::-1]:
        return regions
    resized = cv2.resize(regions, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint16)


def paste(one: Sample, other: Sample, rng: np.random.Generator) -> Sample:
    """Put the front of one picture before another: what has an order keeps it.

    A region of the other picture is drawn, and all that is nearer than it is cut out with its
    exact border and laid over the first, nearer than everything there. A camera could see it
    so, since the size of a scene can't be told from its picture.

    Args:
        one: a pair of any kind.
        other: a pair of the same size that has regions.
        rng: where chance comes from.

    Returns:
        The pair of both; `one` as it is where nothing of the other can be cut out.
    """
    if other.regions is None or not len(other.order):
        return one
    seen = np.unique(other.regions)
    order = other.order[np.isin(other.order, seen).all(axis=1)]
    if not len(order):
        return one
    behind = order[rng.integers(len(order)), 1]
    front = np.unique(order[order[:, 1] == behind, 0])
    mask = np.isin(other.regions, front)
    own = np.zeros_like(other.regions) if one.regions is None else one.regions
    first = int(own.max()) + 1
    rest = first + int(other.regions.max()) + 1
    if rest > np.iinfo(np.uint16).max:
        return one
    # what has no region of its own, and lies behind what was pasted, becomes one region
    regions = np.where(own == 0, np.uint16(rest), own)
    regions = np.where(mask, other.regions + np.uint16(first), regions).astype(np.uint16)
    inside = order[np.isin(order, front).all(axis=1)] + first
    backs = np.union1d(own[own > 0], [rest]).astype(np.int64)
    before = np.stack(np.meshgrid(front.astype(np.int64) + first, backs), axis=-1).reshape(-1, 2)
    return Sample(
        np.where(mask[..., None], other.photo, one.photo),
        np.where(mask, np.float32(0), one.inverse),
        one.sparse,
        regions,
        np.concatenate((one.order, inside, before)),
    )
