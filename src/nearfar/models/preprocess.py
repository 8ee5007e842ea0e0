"""Resize and normalize a photo to a network's input."""

import cv2
import numpy as np

from nearfar.config import DEFAULT_MAX_SIDE_PX
from nearfar.errors import UsageError
from nearfar.io.images import Image
from nearfar.models.spec import InputSpec
from nearfar.runtimes.base import Batch


def target_size(
    width_px: int, height_px: int, spec: InputSpec, *, max_side_px: int = DEFAULT_MAX_SIDE_PX
) -> tuple[int, int]:
    """Return the size to which a photo is resized for a network.

    The rule is the one of MiDaS's `Resize` transform (midas/transforms.py): scale by the side that
    determines the bound, and round each side to the nearest multiple that satisfies the bound. Two
    things are added: no side is less than one multiple (the published rule returns 0 for very
        elongated photos), and no side exceeds `max_side_px`, except for `stretch`, whose size is
        fixed.

    Args:
        width_px: of the photo, upright.
        height_px: of the photo, upright.
        spec: the network's input.
        max_side_px: upper limit of the longer side.

    Returns:
        Width and height in pixels, both multiples of `spec.multiple_of`.

    Raises:
        UsageError: `max_side_px` is smaller than one multiple.
    """
    if spec.resize == "stretch":
        return spec.width_px, spec.height_px
    if max_side_px < spec.multiple_of:
        raise UsageError(
            f"a longest side of {max_side_px} px is too small for this model:"
            f" give at least {spec.multiple_of}"
        )
    pick = max if spec.resize == "lower_bound" else min
    scale = pick(spec.width_px / width_px, spec.height_px / height_px)
    capped = scale * max(width_px, height_px) > max_side_px
    if capped:
        scale = max_side_px / max(width_px, height_px)

    def side(length_px: int, bound_px: int) -> int:
        multiples = scale * length_px / spec.multiple_of
        count = round(multiples)
        if capped or spec.resize == "upper_bound":
            limit_px = max_side_px if capped else bound_px
            if count * spec.multiple_of > limit_px:
                count = int(multiples)
        elif count * spec.multiple_of < bound_px:
            count = -int(-multiples // 1)
        count = min(count, max_side_px // spec.multiple_of)  # rounding up may exceed it
        return max(count, 1) * spec.multiple_of

    return side(width_px, spec.width_px), side(height_px, spec.height_px)


_INTERPOLATION = {"area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}


def prepare(image: Image, spec: InputSpec, *, max_side_px: int = DEFAULT_MAX_SIDE_PX) -> Batch:
    """Resize and normalize one photo.

    MiDaS and Depth Anything resize with bicubic interpolation in floating point, so that
    values may overshoot [0, 1]; that is kept, because the networks were trained with it.

    Args:
        image: (H, W, 3) uint8 RGB.
        spec: the network's input.
        max_side_px: see `target_size`.

    Returns:
        (1, 3, h, w) float32.
    """
    height_px, width_px = image.shape[:2]
    size = target_size(width_px, height_px, spec, max_side_px=max_side_px)
    source = image.astype(np.float32) if spec.interpolation == "cubic" else image
    resized = cv2.resize(source, size, interpolation=_INTERPOLATION[spec.interpolation])
    batch = np.empty((1, 3, size[1], size[0]), np.float32)
    for channel, (mean, std) in enumerate(zip(spec.mean, spec.std, strict=True)):
        plane = batch[0, channel]
        np.multiply(resized[..., channel], np.float32(1 / (255 * std)), out=plane)
        plane -= np.float32(mean / std)
    return batch
