"""Change a training pair at random, so that no epoch shows a picture twice alike.

Pure functions: the same pair, size and generator state give the same bytes. What moves pixels
moves photo and truth alike; what changes colors leaves the truth alone.
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
_FOCAL: Final = 0.72  # focal length over the diagonal: NYU's camera; a phone's is 0.6 to 0.8
_RAMP: Final = np.linspace(0, 1, 256)[:, None]


@dataclass(frozen=True)
class AugmentOptions(Options):
    """How much pictures are changed. Probabilities are a picture's, each drawn by itself."""

    crop_share: float = option(
        "Least share of the largest crop's area that is kept.", 0.5, gt=0, le=1
    )
    stretch: float = option("Greatest change of a crop's aspect, either way.", 4 / 3, ge=1, le=2)
    flip: float = option("Probability of a mirrored picture.", 0.5, ge=0, le=1)
    turn: float = option("Probability of a picture turned about its middle.", 0.5, ge=0, le=1)
    turn_deg: float = option("Greatest turn, either way.", 5.0, ge=0, le=45)
    tilt_deg: float = option(
        "Greatest tilt of the camera up, down, left and right, with each turn.", 8.0, ge=0, le=20
    )
    merge: float = option("Probability of a second scene merged into the first.", 0.5, ge=0, le=1)
    merge_share: float = option(
        "Its greatest share of the picture, as far as its size may be chosen.", 0.6, gt=0, le=1
    )
    paste: float = option(
        "Probability of the front regions of a picture with layers laid over another.",
        0.2,
        ge=0,
        le=1,
    )
    color: float = option("Probability of changed light and colors.", 0.8, ge=0, le=1)
    brightness: float = option("Light is multiplied by 1 plus or minus this.", 0.5, ge=0, le=0.9)
    contrast: float = option("Distance from the mean grey, the same way.", 0.3, ge=0, le=0.9)
    saturation: float = option("Distance of colors from grey, the same way.", 0.4, ge=0, le=0.9)
    tint: float = option("Each of red, green and blue, the same way.", 0.12, ge=0, le=0.5)
    gamma: float = option("Greatest exponent of the light, or one over it.", 1.7, ge=1, le=3)
    hue_deg: float = option("Greatest turn about the grey axis, either way.", 12.0, ge=0, le=180)
    grey: float = option("Probability of no color at all.", 0.1, ge=0, le=1)
    blur: float = option("Probability of Gaussian blur.", 0.15, ge=0, le=1)
    blur_px: float = option("Its greatest sigma.", 1.5, gt=0.3, le=8)
    hide: float = option("Probability of a hidden part of the photo.", 0.3, ge=0, le=1)
    hide_share: float = option("Its greatest share of the picture.", 0.2, gt=0, le=1)
    noise: float = option("Probability of Gaussian noise.", 0.15, ge=0, le=1)
    noise_levels: float = option("Its greatest sigma, in steps of 255.", 10.0, gt=0, le=64)
    jpeg: float = option("Probability of JPEG compression.", 0.3, ge=0, le=1)
    jpeg_quality: int = option("The least quality; the best is 95.", 30, ge=5, le=95)


def augment(
    sample: Sample,
    size: tuple[int, int],
    rng: np.random.Generator,
    options: AugmentOptions,
    *,
    second: Second | None = None,
    front: Sample | None = None,
) -> Sample:
    """Crop, mirror, turn, merge and recolor a pair.

    Args:
        sample: a pair; it is left as it is.
        size: width and height in pixels of what comes out.
        rng: where chance comes from.
        options: how much.
        second: what is merged into it; both need an inverse depth without an offset then.
        front: a pair with regions, whose front is laid over it.

    Returns:
        A pair of exactly that size. Where a set knows little, nothing may be known in it.
    """
    result = _reframe(sample, size, rng, options)
    if second is not None:
        other = _reframe(second.sample, size, rng, options)
        share = rng.uniform(0, options.merge_share)
        result = merge(result, other, share, SAME_UNIT if second.same_unit else math.inf)
    if front is not None:
        level = replace(options, tilt_deg=0)
        result = paste(result, _reframe(front, size, rng, level), rng)
    photo = result.photo
    if rng.random() < options.color:
        photo = recolor(photo, rng, options)
    if rng.random() < options.grey:
        photo = _mix(photo, np.tile(_LUMA, (3, 1)))
    if rng.random() < options.blur:
        photo = blur(photo, rng.uniform(0.3, options.blur_px))
    if rng.random() < options.hide:
        photo = hide(photo, rng.uniform(0, options.hide_share), rng)
    if rng.random() < options.noise:
        photo = add_noise(photo, rng.uniform(0, options.noise_levels), rng)
    if rng.random() < options.jpeg:
        photo = compress(photo, int(rng.integers(options.jpeg_quality, 96)))
    return replace(result, photo=photo)


def crop(
    sample: Sample, size: tuple[int, int], rng: np.random.Generator, options: AugmentOptions
) -> Sample:
    """Cut a part at random and bring it to size.

    The part has the aspect of `size`, times a stretch; its area is uniform in `crop_share` to
    1 of the largest that fits. If less than half as much is known in it as in the whole
    picture, another is drawn, four in all.
    """
    height_px, width_px = sample.inverse.shape
    known = sample.inverse if sample.regions is None else sample.regions
    wanted = np.count_nonzero(known) / known.size / 2
    for _ in range(_TRIES):
        aspect = size[0] / size[1] * options.stretch ** rng.uniform(-1, 1)
        share = math.sqrt(rng.uniform(options.crop_share, 1))
        full_px = min(width_px, height_px * aspect)
        part_width = min(width_px, max(1, round(full_px * share)))
        part_height = min(height_px, max(1, round(full_px * share / aspect)))
        left = int(rng.integers(width_px - part_width + 1))
        top = int(rng.integers(height_px - part_height + 1))
        part = np.s_[top : top + part_height, left : left + part_width]
        if np.count_nonzero(known[part]) >= wanted * known[part].size:
            break
    photo = resize_photo(sample.photo[part], size)
    if sample.regions is not None:
        regions = resize_regions(np.ascontiguousarray(sample.regions[part]), size)
        nothing = np.zeros(regions.shape, np.float32)
        return replace(sample, photo=photo, inverse=nothing, regions=regions)
    resized = (keep_points if sample.sparse else nearest)(sample.inverse[part], size)
    return replace(sample, photo=photo, inverse=resized)


def flip(sample: Sample) -> Sample:
    """Mirror left and right."""
    photo = np.asarray(cv2.flip(sample.photo, 1), np.uint8)
    inverse = np.asarray(cv2.flip(sample.inverse, 1), np.float32)
    regions = sample.regions
    if regions is not None:
        regions = np.asarray(cv2.flip(regions, 1), np.uint16)
    return replace(sample, photo=photo, inverse=inverse, regions=regions)


def turn(sample: Sample, roll_deg: float, pitch_deg: float = 0, yaw_deg: float = 0) -> Sample:
    """Turn the camera that took a pair, about its own place.

    No pixel sees anything new, so that the depth behind it follows exactly from how far it lies
    along the new axis (Hartley and Zisserman, "Multiple View Geometry", 8.4). In the corners
    that come in from outside the photo is mirrored and nothing is known.

    Args:
        sample: a pair; its inverse depth has no offset, and it no regions, if `pitch_deg` or
            `yaw_deg` is not 0.
        roll_deg: of the picture, counterclockwise.
        pitch_deg: of the camera, upwards.
        yaw_deg: of the camera, to the right.
    """
    height_px, width_px = sample.inverse.shape
    size = (width_px, height_px)
    focal_px = _FOCAL * math.hypot(width_px, height_px)
    lens = np.array(
        ((focal_px, 0, (width_px - 1) / 2), (0, focal_px, (height_px - 1) / 2), (0, 0, 1))
    )
    rays = np.linalg.inv(lens)
    turned = _rotation(2, roll_deg) @ _rotation(0, pitch_deg) @ _rotation(1, yaw_deg)
    matrix = lens @ turned.T @ rays
    photo = cv2.warpPerspective(
        sample.photo, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    inverse = cv2.warpPerspective(sample.inverse, matrix, size, flags=cv2.INTER_NEAREST)
    along = (turned @ rays)[2].astype(np.float32)  # the old depth of each new ray of depth 1
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
    """Change brightness, contrast, gamma and tint by a table, saturation and hue by a matrix.

    Args:
        photo: (H, W, 3) uint8.
        rng: where chance comes from.
        options: how much.
    """
    gamma = options.gamma ** rng.uniform(-1, 1)
    light = _about_1(options.brightness, rng)
    contrast = _about_1(options.contrast, rng)
    tint = 1 + options.tint * rng.uniform(-1, 1, 3)
    grey = (float(_LUMA @ cv2.mean(photo)[:3]) / 255) ** gamma * light
    curve = (_RAMP**gamma * light * tint - grey) * contrast + grey
    table = (np.clip(curve, 0, 1) * 255).round().astype(np.uint8)
    shown = cv2.LUT(photo, table[None])
    saturation = _about_1(options.saturation, rng)
    turn = _turn_hue(math.radians(options.hue_deg * rng.uniform(-1, 1)))
    return _mix(np.asarray(shown, np.uint8), _saturate(saturation) @ turn)


def blur(photo: Image, sigma_px: float) -> Image:
    """Blur with a Gaussian."""
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma_px), np.uint8)


def hide(photo: Image, share: float, rng: np.random.Generator) -> Image:
    """Lay a rectangle of one color over a photo, anywhere (DeVries and Taylor, "Cutout", 2017).

    Args:
        photo: (H, W, 3) uint8.
        share: of the photo's area, 0 to 1; what would lie outside is left out.
        rng: where chance comes from.
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
    """Add Gaussian noise to each value, clipped at 0 and 255."""
    noisy = rng.standard_normal(photo.shape, np.float32)
    noisy *= np.float32(sigma_levels)
    noisy += photo
    return np.asarray(np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy), np.uint8)


def compress(photo: Image, quality: int) -> Image:
    """Send a photo through JPEG."""
    bgr = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _reframe(
    sample: Sample, size: tuple[int, int], rng: np.random.Generator, options: AugmentOptions
) -> Sample:
    """Change where the camera looks."""
    result = crop(sample, size, rng, options)
    if rng.random() < options.flip:
        result = flip(result)
    if rng.random() < options.turn:
        turned, up, right = rng.uniform(-1, 1, 3)
        tilt = options.tilt_deg
        result = turn(result, options.turn_deg * turned, tilt * up, tilt * right)
    return result


def _rotation(axis: int, angle_deg: float) -> NDArray[np.float64]:
    """About x, y or z."""
    return np.asarray(cv2.Rodrigues(np.eye(3)[axis] * math.radians(angle_deg))[0], np.float64)


def _about_1(spread: float, rng: np.random.Generator) -> float:
    return 1 + spread * rng.uniform(-1, 1)


def _saturate(factor: float) -> NDArray[np.float64]:
    return factor * np.eye(3) + (1 - factor) * np.tile(_LUMA, (3, 1))


def _turn_hue(angle: float) -> NDArray[np.float64]:
    """Rotation about the axis of greys, (1, 1, 1): Rodrigues' formula."""
    cross = np.array(((0, -1, 1), (1, 0, -1), (-1, 1, 0))) / math.sqrt(3)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _mix(photo: Image, matrix: NDArray[np.float64]) -> Image:
    """Multiply each color by a (3, 3) matrix, clipped at 0 and 255."""
    return np.asarray(cv2.transform(photo, matrix), np.uint8)
