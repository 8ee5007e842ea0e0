"""Resize and normalize a photo to a network's input."""

import cv2
import numpy as np

from nearfar.io.images import Image
from nearfar.models.spec import InputSpec
from nearfar.runtimes.base import Batch

MAX_SIDE_PX = 1024
"""Longest side that is fed where no size is given: very long photos would be fed too large."""


def target_size(
    width_px: int, height_px: int, spec: InputSpec, *, input_size_px: int | None = None
) -> tuple[int, int]:
    """Return the size at which a photo is fed to a network.

    Without `input_size_px` it is the network's own size, by the rule of MiDaS's `Resize` transform
    (midas/transforms.py): scale by the side that the bound asks for, round each side to the
    nearest multiple, and away from the bound where that would break it. Two things are added: no
    side is less than one multiple (the published rule gives 0 for a very long and thin photo),
    and no side exceeds `MAX_SIDE_PX`. `stretch` always feeds the same size.

    Args:
        width_px: of the photo, upright.
        height_px: of the photo, upright.
        spec: the network's input.
        input_size_px: longest side at which the photo is fed, limited to `spec.range_px` and
            rounded to a multiple.

    Returns:
        Width and height in pixels, both multiples of `spec.multiple_of`.
    """
    if spec.resize == "stretch":
        return spec.width_px, spec.height_px
    longest_px, limit_px = max(width_px, height_px), max(MAX_SIDE_PX, spec.multiple_of)
    if input_size_px is None:
        pick = max if spec.resize == "lower_bound" else min
        scale = pick(spec.width_px / width_px, spec.height_px / height_px)
        capped = scale * longest_px > limit_px
    else:
        low_px, high_px = spec.range_px
        multiples = round(min(max(input_size_px, low_px), high_px) / spec.multiple_of)
        capped, limit_px = True, max(multiples, 1) * spec.multiple_of
    if capped:
        scale = limit_px / longest_px

    def side(length_px: int, bound_px: int) -> int:
        multiples = scale * length_px / spec.multiple_of
        count = round(multiples)
        if capped or spec.resize == "upper_bound":
            most_px = limit_px if capped else bound_px
            if count * spec.multiple_of > most_px:
                count = int(multiples)
        elif count * spec.multiple_of < bound_px:
            count = -int(-multiples // 1)
        count = min(count, limit_px // spec.multiple_of)  # rounding up may exceed it
        return max(count, 1) * spec.multiple_of

    return side(width_px, spec.width_px), side(height_px, spec.height_px)


_INTERPOLATION = {"area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}


def prepare(image: Image, spec: InputSpec, *, input_size_px: int | None = None) -> Batch:
    """Resize and normalize one photo.

    MiDaS and Depth Anything resize with bicubic interpolation in floating point, so that
    values may overshoot [0, 1]; that is kept, because the networks were trained with it.

    Args:
        image: (H, W, 3) uint8 RGB.
        spec: the network's input.
        input_size_px: longest side that is fed, see `target_size`.

    Returns:
        (1, 3, h, w) float32.
    """
    height_px, width_px = image.shape[:2]
    size = target_size(width_px, height_px, spec, input_size_px=input_size_px)
    source = image.astype(np.float32) if spec.interpolation == "cubic" else image
    resized = cv2.resize(source, size, interpolation=_INTERPOLATION[spec.interpolation])
    batch = np.empty((1, 3, size[1], size[0]), np.float32)
    for channel, (mean, std) in enumerate(zip(spec.mean, spec.std, strict=True)):
        plane = batch[0, channel]
        np.multiply(resized[..., channel], np.float32(1 / (255 * std)), out=plane)
        plane -= np.float32(mean / std)
    return batch
