"""Between sRGB bytes and linear light, by tables.

Light adds up in linear values only (IEC 61966-2-1 gives the curve): a blur or a mix of sRGB
bytes makes edges too dark and highlights too weak.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.parallel import for_each_strip

FloatMap: TypeAlias = NDArray[np.float32]
"""(H, W) float32."""

Light: TypeAlias = NDArray[np.float32]
"""(H, W, 3) float32 RGB, linear, 0 to 1 unless something shines brighter."""

_STEPS: Final = 65535


def _decoded(code: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_TO_LIGHT: Final = _decoded(np.arange(256) / 255).astype(np.float32)
_TO_BYTES: Final = np.rint(_encoded(np.arange(_STEPS + 1) / _STEPS) * 255).astype(np.uint8)


def to_linear(pixels: NDArray[np.uint8]) -> Light:
    """Give the light of sRGB bytes, 0 to 1.

    Args:
        pixels: any shape, uint8.

    Returns:
        The same shape, float32.
    """
    return np.asarray(cv2.LUT(pixels, _TO_LIGHT), np.float32).reshape(pixels.shape)


def to_srgb(light: Light) -> NDArray[np.uint8]:
    """Give the sRGB bytes of light; what is darker than 0 or brighter than 1 is clipped.

    `to_srgb(to_linear(pixels))` is `pixels` exactly.

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
    """Give how bright light is to the eye (ITU-R BT.709 weights).

    Args:
        light: (H, W, 3) float32.

    Returns:
        (H, W) float32.
    """
    weights = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
    return np.asarray(cv2.transform(light, weights), np.float32).reshape(light.shape[:2])


def brightest(light: Light) -> FloatMap:
    """Give the light of each pixel's strongest color.

    Args:
        light: (H, W, 3) float32.

    Returns:
        (H, W) float32.
    """
    strongest: FloatMap = np.maximum(light[..., 0], light[..., 1])
    return np.maximum(strongest, light[..., 2], out=strongest)


def mix(behind: Light, before: Light, alpha: FloatMap) -> Light:
    """Lay one picture over another.

    Args:
        behind: (H, W, 3) float32.
        before: (H, W, 3) float32, or (3,) for one color.
        alpha: (H, W) float32; 1 shows only `before`.

    Returns:
        (H, W, 3) float32.
    """
    mixed: Light = before - behind
    mixed *= alpha[..., None]
    mixed += behind
    return mixed
