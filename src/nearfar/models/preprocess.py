"""From a photo to what the network is fed."""

import cv2
import numpy as np

from nearfar.config import DEFAULT_MAX_SIDE_PX
from nearfar.io.images import Image
from nearfar.models.sizes import target_size
from nearfar.models.spec import InputSpec
from nearfar.runtimes.session import Batch

_INTERPOLATION = {"area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}


def prepare(image: Image, spec: InputSpec, *, max_side_px: int = DEFAULT_MAX_SIDE_PX) -> Batch:
    """Resize and normalise one photo.

    MiDaS and Depth Anything resize with bicubic interpolation in floating point, so that
    values may overshoot [0, 1]; that is kept, because their networks saw it in training.

    Args:
        image: (H, W, 3) uint8 RGB.
        spec: the network's wishes.
        max_side_px: the longest side that is fed, see `nearfar.models.sizes`.

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
