"""From light to a photograph: exposure, white balance, tone curve, lens and sensor."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from worlds.scene.arrays import Float, Picture
    from worlds.scene.view import View

_BANDS = (0.0, 1.0, 2.5, 5.0, 9.0, 15.0, np.inf)
"""Widths in pixels between which one blur serves."""


def focused(light: Float, depth_m: Float, view: View) -> Float:
    """Blur what a lens sees out of its focus, from the widest blur to the least.

    Args:
        light: (h, w, 3) linear light.
        depth_m: (h, w), inf where the sky is.
        view: Its `focus_m` and `blur_px` are the lens.
    """
    light = np.nan_to_num(light)
    if view.blur_px <= 0:
        return light
    width = view.blur_px * np.abs(1 - view.focus_m / np.maximum(depth_m, 1e-3))
    result, covered = np.zeros_like(light), np.zeros(light.shape[:2], np.float32)
    for low, high in reversed(list(pairwise(_BANDS))):
        here = ((width >= low) & (width < high)).astype(np.float32)
        if not here.any():
            continue
        seen, share = light * here[..., None], here
        if low:
            sigma = (low + min(high, 1.5 * view.blur_px)) / 4
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), sigma), np.float32)
            share = np.asarray(cv2.GaussianBlur(here, (0, 0), sigma), np.float32)
        result = result * (1 - share[..., None]) + seen
        covered = covered * (1 - share) + share
    sharp: Float = (result / np.maximum(covered, 1e-3)[..., None]).astype(np.float32)
    return sharp


def photographed(light: Float, seed: int) -> Picture:
    """Develop linear light as a snapshot camera would.

    Args:
        light: (h, w, 3) linear light, 0 and up.
        seed: Chooses exposure, white balance, contrast, blur and noise.

    Returns:
        (h, w, 3) sRGB picture.
    """
    rng = np.random.default_rng([seed, 77])
    height, width = light.shape[:2]
    grey = light.mean(axis=-1)
    middle = float(np.exp(np.mean(np.log(grey + 1e-3))))
    bright = float(np.percentile(grey, 92)) + 1e-3
    exposure = (0.17 / middle) ** 0.65 * (0.62 / bright) ** 0.35 * np.exp(rng.normal(0.0, 0.22))
    balance = np.exp(rng.normal(0.0, 1.0, 3) * [0.08, 0.02, 0.1])
    picture = light * (exposure * balance / balance.mean()).astype(np.float32)
    if rng.random() < 0.35:
        picture = picture + np.float32(rng.uniform(0.005, 0.04))
    shoulder = rng.uniform(0.5, 0.85)
    over = np.maximum(picture - shoulder, 0.0)
    room = 1.0 - shoulder
    picture = np.minimum(picture, shoulder) + room * over / (over + room)
    across = np.linspace(-1, 1, width)[None, :] ** 2 + np.linspace(-1, 1, height)[:, None] ** 2
    picture *= (1.0 - rng.uniform(0.0, 0.18) * across[..., None]).astype(np.float32)
    picture = np.clip(picture, 0.0, 1.0) ** np.float32(1 / rng.uniform(1.9, 2.3))
    greyed = picture.mean(axis=-1, keepdims=True)
    picture = greyed + (picture - greyed) * np.float32(rng.uniform(0.7, 1.15))
    if rng.random() < 0.6:
        sigma = rng.uniform(0.3, 1.0) * width / 640
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    strength = rng.uniform(0.002, 0.02)
    grain = rng.standard_normal((height, width, 3), np.float32) * np.float32(strength)
    if rng.random() < 0.5:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.7) * 1.5
    shown: Picture = np.clip((picture + grain) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return shown
