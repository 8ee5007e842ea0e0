"""Ordinal ground truth for training: ordered regions and ordered points.

Both become ordered regions. A point becomes a small disc, since points are labeled well inside
their surface. Regions are resized and augmented like the values of a map.
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
"""Radius of a point's disc as a share of the image's longer side: 3 pixels of 400."""


def shrink(photo: Image, truth: Layers | PointPairs, size: tuple[int, int]) -> Sample:
    """Resize a photo and its ordinal ground truth, and convert points to regions.

    Args:
        photo: (H, W, 3) uint8 RGB.
        truth: of the photo's size.
        size: width and height of the result in pixels.
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
    """Draw a disc around each point as a region; where discs overlap, the nearest point wins.

    Args:
        nearer: (N, 2) x and y of the nearer points.
        farther: (N, 2) of the farther points; a point may appear several times.
        size: width and height of the image in pixels.

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
        closer = squared < closest[rows, columns]
        regions[rows, columns][closer] = number
        closest[rows, columns][closer] = squared[closer]
    return regions, order.astype(np.int64)


def resize_regions(regions: NDArray[np.uint16], size: tuple[int, int]) -> NDArray[np.uint16]:
    """Resize a region map by nearest neighbor."""
    if size == regions.shape[::-1]:
        return regions
    resized = cv2.resize(regions, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint16)


def paste(one: Sample, other: Sample, rng: np.random.Generator) -> Sample:
    """Paste the front regions of one image over another, and combine their orders.

    A region of `other` is drawn, and all regions nearer than it are cut out with their exact
    borders and pasted over `one`, nearer than everything there. The result is plausible, since
    the scale of a scene is unknown from its image.

    Args:
        one: a pair of any kind.
        other: a pair of the same size with regions.
        rng: random generator.

    Returns:
        The combined pair; `one` unchanged if `other` has no ordered regions to paste.
    """
    if other.regions is None or not len(other.order):
        return one
    present = np.unique(other.regions)
    order = other.order[np.isin(other.order, present).all(axis=1)]
    if not len(order):
        return one
    behind = order[rng.integers(len(order)), 1]
    front = np.unique(order[order[:, 1] == behind, 0])
    mask = np.isin(other.regions, front)
    base = np.zeros_like(other.regions) if one.regions is None else one.regions
    first = int(base.max()) + 1
    rest = first + int(other.regions.max()) + 1
    if rest > np.iinfo(np.uint16).max:
        return one
    # pixels of `one` without a region become one region, behind what was pasted
    regions = np.where(base == 0, np.uint16(rest), base)
    regions = np.where(mask, other.regions + np.uint16(first), regions).astype(np.uint16)
    inside = order[np.isin(order, front).all(axis=1)] + first
    backs = np.union1d(base[base > 0], [rest]).astype(np.int64)
    before = np.stack(np.meshgrid(front.astype(np.int64) + first, backs), axis=-1).reshape(-1, 2)
    return Sample(
        np.where(mask[..., None], other.photo, one.photo),
        np.where(mask, np.float32(0), one.inverse),
        one.sparse,
        regions,
        np.concatenate((one.order, inside, before)),
    )
