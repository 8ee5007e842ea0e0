"""Convert between sRGB bytes and linear light with lookup tables.

Light is additive in linear values only (sRGB transfer function: IEC 61966-2-1). Blurring or
blending sRGB bytes makes edges too dark and highlights too weak.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.parallel import for_each_strip

FloatMap: TypeAlias = NDArray[np.float32]
"""(H, W) float32."""

Light: TypeAlias = NDArray[np.float32]
"""(H, W, 3) float32 linear RGB, 0 to 1, or more for light sources."""

_STEPS: Final = 65535


def _srgb_to_linear(code: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_TO_LIGHT: Final = _srgb_to_linear(np.arange(256) / 255).astype(np.float32)
_TO_BYTES: Final = np.rint(_linear_to_srgb(np.arange(_STEPS + 1) / _STEPS) * 255).astype(np.uint8)


def to_linear(pixels: NDArray[np.uint8]) -> Light:
    """Convert sRGB bytes to linear light, 0 to 1.

    Args:
        pixels: any shape, uint8.

    Returns:
        The same shape, float32.
    """
    return np.asarray(cv2.LUT(pixels, _TO_LIGHT), np.float32).reshape(pixels.shape)


def to_srgb(light: Light) -> NDArray[np.uint8]:
    """Convert linear light to sRGB bytes; values outside 0 to 1 are clipped.

    `to_srgb(to_linear(pixels))` equals `pixels` exactly.

    Args:
        light: any shape, float32.

    Returns:
        The same shape, uint8.
    """
    pixels = np.empty(light.shape, np.uint8)

    def encode(rows: slice) -> None:
        steps = np.clip(light[rows], 0, 1)
        steps *= _STEPS
        steps += 0.5
        pixels[rows] = _TO_BYTES[steps.astype(np.uint16)]

    for_each_strip(encode, light)
    return pixels


def luminance(light: Light) -> FloatMap:
    """Return the luminance of light (ITU-R BT.709 weights).

    Args:
        light: (H, W, 3) float32.

    Returns:
        (H, W) float32.
    """
    weights = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
    return np.asarray(cv2.transform(light, weights), np.float32).reshape(light.shape[:2])


def brightest(light: Light) -> FloatMap:
    """Return the largest channel of each pixel.

    Args:
        light: (H, W, 3) float32.

    Returns:
        (H, W) float32.
    """
    strongest: FloatMap = np.maximum(light[..., 0], light[..., 1])
    return np.maximum(strongest, light[..., 2], out=strongest)


def mix(behind: Light, before: Light, alpha: FloatMap) -> Light:
    """Blend one image over another.

    Args:
        behind: (H, W, 3) float32.
        before: (H, W, 3) float32, or (3,) for one color.
        alpha: (H, W) float32, opacity of `before`.

    Returns:
        (H, W, 3) float32.
    """
    mixed: Light = before - behind
    mixed *= alpha[..., None]
    mixed += behind
    return mixed
