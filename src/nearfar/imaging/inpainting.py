"""Split a photo into a front layer and an inpainted background behind its edges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import larger
from nearfar.io.images import Image

STEP: Final = 0.06
"""Of the whole range of nearness: a smaller step at an edge opens no gap worth a plate."""

_RAMP: Final = 0.006  # of the longer side: half the width of a network's ramp at an edge
_RIDGE: Final = 0.7  # of the step over twice the width: a slope has half, a step all of it
_GUARD_PX: Final = 4  # pixels beside an edge show a mixture of both sides


@dataclass(frozen=True, eq=False)
class Scene:
    """Two layers with a margin all round, ready to be seen from elsewhere.

    Attributes:
        atlas: (2 h, w, 3) uint8, the photo above the plate: the same photo with the background
            carried on behind the rim of everything that stands before it.
        nearness: (2 h, w) float32, 0 to 1, of both.
        hidden: (n,) flat indices of the pixels where the plate differs.
        margin_px: (across, down), mirrored pixels beyond each border.
    """

    atlas: Image
    nearness: FloatMap
    hidden: NDArray[np.intp]
    margin_px: tuple[int, int]


def split(photo: Image, nearness: FloatMap, reach_px: tuple[float, float]) -> Scene:
    """Take a photo apart, so that gaps can be filled from behind.

    Behind every edge the background is continued by its own mirror image, from the nearest
    background pixel: the foreground is never used, so it can't smear.

    Args:
        photo: (H, W, 3) uint8 RGB.
        nearness: (H, W) float32, 0 to 1.
        reach_px: how far the nearest may move against the farthest, across and down.
    """
    across, down = (int(np.ceil(each)) + 2 for each in reach_px)
    sharp = widened(sharpened(nearness))
    frame = (down, down, across, across)
    front = cv2.copyMakeBorder(sharp, *frame, cv2.BORDER_REFLECT).astype(np.float32, copy=False)
    colors = cv2.copyMakeBorder(photo, *frame, cv2.BORDER_REFLECT)
    hidden, source = _behind(front, (across, down))
    layers = np.concatenate((front, front))
    layers.flat[hidden + front.size] = front.flat[source.background]
    plate = colors.copy()
    plate.reshape(-1, 3)[hidden] = colors.reshape(-1, 3)[source.mirrored]
    soft = cv2.GaussianBlur(plate, (5, 5), 0)
    plate.reshape(-1, 3)[hidden] = soft.reshape(-1, 3)[hidden]
    atlas = np.concatenate((colors, plate)).astype(np.uint8, copy=False)
    return Scene(atlas, layers, hidden, (across, down))


@dataclass(frozen=True, eq=False)
class _Source:
    """Flat indices: the background pixel nearest to each hidden one, and its mirror image."""

    background: NDArray[np.intp]
    mirrored: NDArray[np.intp]


def sharpened(
    nearness: FloatMap, *, ramp: float = _RAMP, step: float = STEP, even: float = 0.0
) -> FloatMap:
    """Turn the ramps at edges into steps: each pixel goes to the side it is closer to.

    A toggle mapping (Kramer and Bruckner, Pattern Recognition 7, 1975), where the range of a
    window hardly grows with the window, so slopes stay slopes.

    Args:
        nearness: (H, W) float32, 0 to 1.
        ramp: half the width of the widest ramp that becomes a step, as part of the longer side.
        step: of the range of nearness, the lowest.
        even: deviation over which outlines are evened, as part of the longer side.
    """
    height_px, width_px = nearness.shape
    radius = round(ramp * max(height_px, width_px))
    if radius < 1:
        return nearness
    coarse = _halved(nearness)
    radius = max(1, round(radius * coarse.shape[1] / width_px))
    low, high = _window(cv2.erode, coarse, radius), _window(cv2.dilate, coarse, radius)
    lower, higher = _window(cv2.erode, low, radius), _window(cv2.dilate, high, radius)
    height = high - low
    is_edge = (height > step) & (height > _RIDGE * (higher - lower))
    size = (width_px, height_px)
    low, high = larger(low, nearness.shape), larger(high, nearness.shape)
    edge = cv2.resize(is_edge.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    side_of = nearness
    if even > 0:
        sigma_px = even * max(height_px, width_px)
        side_of = np.asarray(cv2.GaussianBlur(nearness, (0, 0), sigma_px), np.float32)
    side = np.where(side_of + side_of > low + high, high, low)
    return np.asarray(np.where(edge, side, nearness), np.float32)


def widened(nearness: FloatMap, rim_px: int = 1) -> FloatMap:
    """Let what stands before an edge take the mixed pixels of its rim with it."""
    wide = cv2.dilate(nearness, np.ones((2 * rim_px + 1, 2 * rim_px + 1), np.uint8))
    return np.asarray(np.where(wide - nearness > STEP, wide, nearness), np.float32)


def _behind(front: FloatMap, reach_px: tuple[int, int]) -> tuple[NDArray[np.intp], _Source]:
    """Find the pixels a gap may open behind, and where each takes its background from."""
    height_px, width_px = front.shape
    small = _halved(front)
    scale = small.shape[1] / width_px
    across, down = (max(1, round(each * scale)) for each in reach_px)
    guard = max(1, round(_GUARD_PX * scale))
    far = _window(cv2.erode, small, across, down)
    rim = small - far > STEP
    # as wide again, so that the nearest pixel outside is background and not the inside
    beyond = _window(cv2.erode, far, across + guard, down + guard)
    kernel = np.ones((2 * guard + 1, 2 * guard + 1), np.uint8)
    standing = cv2.dilate((small - beyond > STEP).astype(np.uint8), kernel)
    none = np.empty(0, np.intp)
    if not rim.any() or standing.all():
        return none, _Source(none, none)
    _, labels = cv2.distanceTransformWithLabels(
        standing, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ground = np.flatnonzero(standing == 0)
    where = np.empty(labels.max() + 1, np.intp)
    where[labels.flat[ground]] = ground
    size = (width_px, height_px)
    wide = cv2.resize(rim.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    hidden = np.flatnonzero(wide)
    rows, columns = np.divmod(hidden, width_px)
    rows_small = np.minimum((rows * scale).astype(np.intp), small.shape[0] - 1)
    columns_small = np.minimum((columns * scale).astype(np.intp), small.shape[1] - 1)
    back_rows, back_columns = np.divmod(where[labels[rows_small, columns_small]], small.shape[1])
    step_y = np.rint((back_rows - rows_small) / scale).astype(np.intp)
    step_x = np.rint((back_columns - columns_small) / scale).astype(np.intp)

    def at(times: int) -> NDArray[np.intp]:
        y = np.clip(rows + times * step_y, 0, height_px - 1)
        x = np.clip(columns + times * step_x, 0, width_px - 1)
        return np.asarray(y * width_px + x, np.intp)

    background, mirrored = at(1), at(2)
    same = np.abs(front.flat[mirrored] - front.flat[background]) <= STEP
    return hidden, _Source(background, np.where(same, mirrored, background))


def _halved(values: FloatMap) -> FloatMap:
    height_px, width_px = values.shape
    if min(height_px, width_px) < 64:
        return values
    size = (width_px // 2, height_px // 2)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _window(
    morph: Callable[..., Any], values: FloatMap, across: int, down: int | None = None
) -> FloatMap:
    down = across if down is None else down
    kernel = np.ones((2 * down + 1, 2 * across + 1), np.uint8)
    return np.asarray(morph(values, kernel), np.float32)
