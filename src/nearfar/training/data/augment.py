"""Random augmentation of training pairs.

Pure functions: the same pair, size and generator state give identical results. Geometric changes
apply to photo and ground truth; color changes apply to the photo only.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, option
from nearfar.io.images import Image
from nearfar.training.data.ordinal import paste, resize_regions
from nearfar.training.data.pair_file import Sample
from nearfar.training.data.resample import keep_points, nearest, resize_photo
from nearfar.training.data.scene_mix import SAME_UNIT, Second, merge

_TRIES: Final = 4
_LUMA: Final = np.array((0.299, 0.587, 0.114))  # BT.601
_FOCAL: Final = 0.72  # focal length / image diagonal of NYU's camera; phones have 0.6 to 0.8
_RAMP: Final = np.linspace(0, 1, 256)[:, None]


@dataclass(frozen=True)
class AugmentOptions(Options):
    """Strength of the augmentation. Each probability is drawn independently for each image."""

    crop_share: float = option(
        "Smallest crop, as a share of the area of the largest one.", 0.5, gt=0, le=1
    )
    stretch: float = option(
        "Largest factor of a crop's aspect ratio, and its inverse the smallest.", 4 / 3, ge=1, le=2
    )
    flip: float = option("Probability of a horizontal flip.", 0.5, ge=0, le=1)
    rotate: float = option("Probability of a camera rotation.", 0.5, ge=0, le=1)
    roll_deg: float = option("Largest roll, in either direction.", 5.0, ge=0, le=45)
    tilt_deg: float = option("Largest pitch and yaw, in either direction.", 8.0, ge=0, le=20)
    merge: float = option("Probability of merging a second scene into the image.", 0.5, ge=0, le=1)
    merge_share: float = option(
        "Largest share of the image that the second scene covers, if its scale is free.",
        0.6,
        gt=0,
        le=1,
    )
    paste: float = option(
        "Probability of pasting the front regions of an image with layers.", 0.2, ge=0, le=1
    )
    color: float = option("Probability of color changes.", 0.8, ge=0, le=1)
    brightness: float = option(
        "Brightness: the factor is 1 plus or minus up to this.", 0.5, ge=0, le=0.9
    )
    contrast: float = option(
        "Contrast: the factor is 1 plus or minus up to this.", 0.3, ge=0, le=0.9
    )
    saturation: float = option(
        "Saturation: the factor is 1 plus or minus up to this.", 0.4, ge=0, le=0.9
    )
    tint: float = option(
        "Gain of each of red, green and blue: 1 plus or minus up to this.", 0.12, ge=0, le=0.5
    )
    gamma: float = option("Largest gamma exponent, and its inverse the smallest.", 1.7, ge=1, le=3)
    hue_deg: float = option("Largest hue rotation, in either direction.", 12.0, ge=0, le=180)
    gray: float = option("Probability of conversion to gray.", 0.1, ge=0, le=1)
    blur: float = option("Probability of Gaussian blur.", 0.15, ge=0, le=1)
    blur_px: float = option("Largest sigma of the blur.", 1.5, gt=0.3, le=8)
    cutout: float = option("Probability of hiding a rectangle.", 0.3, ge=0, le=1)
    cutout_share: float = option("Largest share of the image it covers.", 0.2, gt=0, le=1)
    noise: float = option("Probability of Gaussian noise.", 0.15, ge=0, le=1)
    noise_levels: float = option("Largest sigma of the noise, in 8-bit levels.", 10.0, gt=0, le=64)
    jpeg: float = option("Probability of JPEG compression.", 0.3, ge=0, le=1)
    jpeg_quality: int = option("Lowest JPEG quality; the highest is 95.", 30, ge=5, le=95)


def augment(
    sample: Sample,
    size: tuple[int, int],
    rng: np.random.Generator,
    options: AugmentOptions,
    *,
    second: Second | None = None,
    front: Sample | None = None,
) -> Sample:
    """Crop, flip, rotate, merge and recolor a pair.

    Args:
        sample: the pair; not modified.
        size: width and height of the result in pixels.
        rng: random generator.
        options: strength of each change.
        second: pair to merge into it; both need an inverse depth without unknown offset.
        front: pair with regions, the front ones of which are pasted over the result.

    Returns:
        A pair of exactly this size. If little of the ground truth is known, all of it may be
        unknown in the result.
    """
    result = _reframe(sample, size, rng, options)
    if second is not None:
        other = _reframe(second.sample, size, rng, options)
        share = rng.uniform(0, options.merge_share)
        result = merge(result, other, share, SAME_UNIT if second.same_unit else math.inf)
    if front is not None:
        no_tilt = replace(options, tilt_deg=0)
        result = paste(result, _reframe(front, size, rng, no_tilt), rng)
    photo = result.photo
    if rng.random() < options.color:
        photo = recolor(photo, rng, options)
    if rng.random() < options.gray:
        photo = _mix(photo, np.tile(_LUMA, (3, 1)))
    if rng.random() < options.blur:
        photo = blur(photo, rng.uniform(0.3, options.blur_px))
    if rng.random() < options.cutout:
        photo = cutout(photo, rng.uniform(0, options.cutout_share), rng)
    if rng.random() < options.noise:
        photo = add_noise(photo, rng.uniform(0, options.noise_levels), rng)
    if rng.random() < options.jpeg:
        photo = compress(photo, int(rng.integers(options.jpeg_quality, 96)))
    return replace(result, photo=photo)


def crop(
    sample: Sample, size: tuple[int, int], rng: np.random.Generator, options: AugmentOptions
) -> Sample:
    """Take a random crop and resize it.

    The crop has the aspect ratio of `size` times a random stretch. Its area is a share, uniform
    between `crop_share` and 1, of the largest one that fits. If the known share of its ground
    truth is less than half of the whole image's, another crop is drawn, up to four in total.
    """
    height_px, width_px = sample.inverse.shape
    known = sample.inverse if sample.regions is None else sample.regions
    needed = np.count_nonzero(known) / known.size / 2
    for _ in range(_TRIES):
        aspect = size[0] / size[1] * options.stretch ** rng.uniform(-1, 1)
        share = math.sqrt(rng.uniform(options.crop_share, 1))
        full_px = min(width_px, height_px * aspect)
        part_width = min(width_px, max(1, round(full_px * share)))
        part_height = min(height_px, max(1, round(full_px * share / aspect)))
        left = int(rng.integers(width_px - part_width + 1))
        top = int(rng.integers(height_px - part_height + 1))
        part = np.s_[top : top + part_height, left : left + part_width]
        if np.count_nonzero(known[part]) >= needed * known[part].size:
            break
    photo = resize_photo(sample.photo[part], size)
    if sample.regions is not None:
        regions = resize_regions(np.ascontiguousarray(sample.regions[part]), size)
        unknown = np.zeros(regions.shape, np.float32)
        return replace(sample, photo=photo, inverse=unknown, regions=regions)
    resized = (keep_points if sample.sparse else nearest)(sample.inverse[part], size)
    return replace(sample, photo=photo, inverse=resized)


def flip(sample: Sample) -> Sample:
    """Flip horizontally."""
    photo = np.asarray(cv2.flip(sample.photo, 1), np.uint8)
    inverse = np.asarray(cv2.flip(sample.inverse, 1), np.float32)
    regions = sample.regions
    if regions is not None:
        regions = np.asarray(cv2.flip(regions, 1), np.uint16)
    return replace(sample, photo=photo, inverse=inverse, regions=regions)


def rotate_camera(
    sample: Sample, roll_deg: float, pitch_deg: float = 0, yaw_deg: float = 0
) -> Sample:
    """Rotate the camera about its center of projection.

    The rotation changes no ray, so the new depth follows exactly from the rays' components along
    the new optical axis (Hartley and Zisserman, "Multiple View Geometry", 8.4). Corners outside
    the original image get a reflection of the photo and unknown ground truth.

    Args:
        sample: a pair; if `pitch_deg` or `yaw_deg` is not 0, its inverse depth must have no
            unknown offset, and it must have no regions.
        roll_deg: rotation of the image, counterclockwise.
        pitch_deg: rotation of the camera upwards.
        yaw_deg: rotation of the camera to the right.
    """
    height_px, width_px = sample.inverse.shape
    size = (width_px, height_px)
    focal_px = _FOCAL * math.hypot(width_px, height_px)
    lens = np.array(
        ((focal_px, 0, (width_px - 1) / 2), (0, focal_px, (height_px - 1) / 2), (0, 0, 1))
    )
    rays = np.linalg.inv(lens)
    rotation = _rotation(2, roll_deg) @ _rotation(0, pitch_deg) @ _rotation(1, yaw_deg)
    matrix = lens @ rotation.T @ rays
    photo = cv2.warpPerspective(
        sample.photo, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    inverse = cv2.warpPerspective(sample.inverse, matrix, size, flags=cv2.INTER_NEAREST)
    along = (rotation @ rays)[2].astype(np.float32)  # old depth of a new ray of depth 1
    columns, lines = (np.arange(count, dtype=np.float32) for count in size)
    inverse *= along[0] * columns + (along[1] * lines + along[2])[:, None]
    regions = sample.regions
    if regions is not None:
        warped = cv2.warpPerspective(regions, matrix, size, flags=cv2.INTER_NEAREST)
        regions = np.asarray(warped, np.uint16)
    return replace(
        sample,
        photo=np.asarray(photo, np.uint8),
        inverse=np.asarray(inverse, np.float32),
        regions=regions,
    )


def recolor(photo: Image, rng: np.random.Generator, options: AugmentOptions) -> Image:
    """Change brightness, contrast, gamma and tint (lookup table), saturation and hue (matrix).

    Args:
        photo: (H, W, 3) uint8.
        rng: random generator.
        options: strength of each change.
    """
    gamma = options.gamma ** rng.uniform(-1, 1)
    light = _factor(options.brightness, rng)
    contrast = _factor(options.contrast, rng)
    tint = 1 + options.tint * rng.uniform(-1, 1, 3)
    gray = (float(_LUMA @ cv2.mean(photo)[:3]) / 255) ** gamma * light
    curve = (_RAMP**gamma * light * tint - gray) * contrast + gray
    table = (np.clip(curve, 0, 1) * 255).round().astype(np.uint8)
    toned = cv2.LUT(photo, table[None])
    saturation = _factor(options.saturation, rng)
    hue = _rotate_hue(math.radians(options.hue_deg * rng.uniform(-1, 1)))
    return _mix(np.asarray(toned, np.uint8), _saturate(saturation) @ hue)


def blur(photo: Image, sigma_px: float) -> Image:
    """Apply a Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma_px), np.uint8)


def cutout(photo: Image, share: float, rng: np.random.Generator) -> Image:
    """Fill a random rectangle with one color (DeVries and Taylor, "Cutout", 2017).

    Args:
        photo: (H, W, 3) uint8.
        share: area of the rectangle as a share of the photo's, 0 to 1, before it is clipped to
            the image.
        rng: random generator.
    """
    height_px, width_px = photo.shape[:2]
    aspect = 2 ** rng.uniform(-1, 1)
    half_width = math.sqrt(share * height_px * width_px * aspect) / 2
    half_height = half_width / aspect
    x, y = rng.uniform(0, width_px), rng.uniform(0, height_px)
    hidden: Image = photo.copy()
    hidden[
        max(0, round(y - half_height)) : round(y + half_height),
        max(0, round(x - half_width)) : round(x + half_width),
    ] = rng.integers(0, 256, 3)
    return hidden


def add_noise(photo: Image, sigma_levels: float, rng: np.random.Generator) -> Image:
    """Add Gaussian noise to each value, and clip to 0 to 255."""
    noisy = rng.standard_normal(photo.shape, np.float32)
    noisy *= np.float32(sigma_levels)
    noisy += photo
    return np.asarray(np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy), np.uint8)


def compress(photo: Image, quality: int) -> Image:
    """Apply the artifacts of JPEG compression."""
    bgr = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _reframe(
    sample: Sample, size: tuple[int, int], rng: np.random.Generator, options: AugmentOptions
) -> Sample:
    """Crop, flip and rotate at random."""
    result = crop(sample, size, rng, options)
    if rng.random() < options.flip:
        result = flip(result)
    if rng.random() < options.rotate:
        rotation, up, right = rng.uniform(-1, 1, 3)
        tilt = options.tilt_deg
        result = rotate_camera(result, options.roll_deg * rotation, tilt * up, tilt * right)
    return result


def _rotation(axis: int, angle_deg: float) -> NDArray[np.float64]:
    """Return the rotation matrix about axis 0, 1 or 2 (x, y or z)."""
    return np.asarray(cv2.Rodrigues(np.eye(3)[axis] * math.radians(angle_deg))[0], np.float64)


def _factor(spread: float, rng: np.random.Generator) -> float:
    return 1 + spread * rng.uniform(-1, 1)


def _saturate(factor: float) -> NDArray[np.float64]:
    return factor * np.eye(3) + (1 - factor) * np.tile(_LUMA, (3, 1))


def _rotate_hue(angle: float) -> NDArray[np.float64]:
    """Return the rotation of colors about the gray axis (1, 1, 1), by Rodrigues' formula."""
    cross = np.array(((0, -1, 1), (1, 0, -1), (-1, 1, 0))) / math.sqrt(3)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _mix(photo: Image, matrix: NDArray[np.float64]) -> Image:
    """Multiply each color by a (3, 3) matrix, and clip to 0 to 255."""
    return np.asarray(cv2.transform(photo, matrix), np.uint8)
