"""Surfaces of rooms as (256, 256, 3) sRGB pictures, most of them seamless."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.surfaces.noise import SIDE, noise

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Picture


def tint(
    rng: np.random.Generator, saturation: float = 0.5, value: tuple[float, float] = (0.25, 0.95)
) -> Array:
    """Return a random sRGB color, (3,) of 0 to 1, of at most this saturation."""
    color = colorsys.hsv_to_rgb(rng.random(), rng.random() ** 1.7 * saturation, rng.uniform(*value))
    return np.array(color)


def brown(rng: np.random.Generator) -> Array:
    """Return a wood's or leather's sRGB color, (3,)."""
    hue, saturation = rng.uniform(0.045, 0.11), rng.uniform(0.25, 0.7)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, rng.uniform(0.25, 0.85)))


def _painted(shade: Array, color: Array) -> Picture:
    picture: Picture = np.clip(shade[..., None] * color * 255, 1, 255).astype(np.uint8)
    return picture


def _mixed(share: Array, one: Array, two: Array) -> Picture:
    part = np.clip(share, 0, 1)[..., None]
    picture: Picture = np.clip((one * (1 - part) + two * part) * 255, 1, 255).astype(np.uint8)
    return picture


def _across() -> tuple[Array, Array]:
    line = np.arange(SIDE) / SIDE
    x, y = np.meshgrid(line, line)
    return x, y


def veneer(rng: np.random.Generator) -> Picture:
    """Return one board with grain along x."""
    return wood(rng, 1)


def wood(rng: np.random.Generator, boards: int = 0) -> Picture:
    """Return this many boards, or a random number, with grain along x."""
    boards = boards or int(rng.choice([3, 4, 6, 8]))
    grain = noise(rng, 6, 4)
    long = cv2.resize(grain[:, :32].astype(np.float32), (SIDE, SIDE)).astype(np.float64)
    x, y = _across()
    board = np.floor(y * boards)
    tone = rng.uniform(0.8, 1.05, boards)[board.astype(int)]
    shade = tone + 0.16 * long + 0.05 * np.sin(2 * np.pi * (24 * y + 2 * long))
    seam = (np.abs(y * boards - np.round(y * boards)) < 0.025) & (boards > 1)
    start = rng.random(boards)[board.astype(int)]
    seam |= (np.abs(x - start) < 0.006) & (boards > 1)
    return _painted(np.where(seam, 0.55 * shade, shade), brown(rng))


def carpet(rng: np.random.Generator) -> Picture:
    """Return short fibres, speckled."""
    fleck = rng.normal(0, rng.uniform(0.04, 0.16), (SIDE, SIDE)) + 0.08 * noise(rng, 4)
    return _painted(0.85 + fleck, tint(rng, 0.45, (0.25, 0.85)))


def tiles(rng: np.random.Generator) -> Picture:
    """Return square tiles with joints, plain or checked."""
    count = int(rng.choice([2, 4, 8]))
    x, y = _across()
    near = np.minimum(
        np.abs(x * count - np.round(x * count)), np.abs(y * count - np.round(y * count))
    )
    odd = (np.floor(x * count) + np.floor(y * count)) % 2
    one = tint(rng, 0.35, (0.55, 1.0))
    two = tint(rng, 0.5) if rng.random() < 0.3 else one * rng.uniform(0.93, 1.0)
    picture = _mixed(odd + 0.12 * noise(rng, 4), one, two)
    joint = tint(rng, 0.1, (0.3, 0.9)) * 255
    return np.where((near < 0.02 * count / 2)[..., None], joint, picture).astype(np.uint8)


def stripes(rng: np.random.Generator) -> Picture:
    """Return wallpaper or cloth stripes along y, or dots."""
    x, y = _across()
    count = int(rng.choice([4, 8, 16]))
    if rng.random() < 0.6:
        wave = np.sin(2 * np.pi * count * x) + 0.5 * np.sin(
            4 * np.pi * count * x * rng.choice([1, 2])
        )
    else:
        wave = 3 * np.sin(2 * np.pi * count * x) * np.sin(2 * np.pi * count * y) - 1
    one = tint(rng, 0.5, (0.5, 1.0))
    two = one * rng.uniform(0.7, 0.95) if rng.random() < 0.6 else tint(rng, 0.7)
    return _mixed(1 / (1 + np.exp(-6 * wave)) + 0.04 * noise(rng, 4), one, two)


def plaster(rng: np.random.Generator) -> Picture:
    """Return a nearly plain wall: faint stains and grain."""
    shade = 0.95 + rng.uniform(0.01, 0.05) * noise(rng, 6, 2) + rng.normal(0, 0.01, (SIDE, SIDE))
    return _painted(shade, np.ones(3))


def fabric(rng: np.random.Generator) -> Picture:
    """Return woven plaid of two to four colors."""
    x, y = _across()
    picture = np.ones((SIDE, SIDE, 3)) * tint(rng, 0.6)
    for _ in range(int(rng.integers(1, 4))):
        count, width, color = int(rng.choice([2, 4, 6])), rng.uniform(0.1, 0.5), tint(rng, 0.8)
        for along in (x, y):
            inside = (((along * count + rng.random()) % 1.0) < width)[..., None]
            picture = np.where(inside, 0.55 * picture + 0.45 * color, picture)
    weave = 0.94 + 0.06 * np.sin(2 * np.pi * 64 * x) * np.sin(2 * np.pi * 64 * y)
    return np.clip(picture * (weave + 0.06 * noise(rng, 4))[..., None] * 255, 1, 255).astype(
        np.uint8
    )


def flowers(rng: np.random.Generator) -> Picture:
    """Return cloth or paper strewn with blots."""
    picture = np.ones((SIDE, SIDE, 3), np.float32) * (tint(rng, 0.4) * 255).astype(np.float32)
    picture = np.ascontiguousarray(picture)
    for _ in range(int(rng.integers(20, 90))):
        at = (int(rng.integers(0, SIDE)), int(rng.integers(0, SIDE)))
        axes = (int(rng.integers(3, 18)), int(rng.integers(3, 18)))
        color = tuple(float(c) for c in tint(rng, 0.8) * 255)
        cv2.ellipse(picture, at, axes, float(rng.uniform(0, 180)), 0, 360, color, -1)
    return np.clip(picture, 1, 255).astype(np.uint8)


def bricks(rng: np.random.Generator) -> Picture:
    """Return a running bond of eight by four bricks."""
    x, y = _across()
    row = np.floor(y * 8)
    along = x * 4 + 0.5 * (row % 2)
    tone = rng.uniform(0.7, 1.1, (8, 5))[row.astype(int), np.floor(along).astype(int) % 4]
    joint = (np.abs(along - np.round(along)) < 0.03) | (np.abs(y * 8 - np.round(y * 8)) < 0.06)
    color = np.array([rng.uniform(0.45, 0.75), rng.uniform(0.25, 0.5), rng.uniform(0.15, 0.4)])
    picture = _painted(tone + 0.15 * noise(rng, 6), color)
    mortar = _painted(rng.uniform(0.5, 0.8) + 0.1 * noise(rng, 6), np.ones(3))
    return np.where(joint[..., None], mortar, picture).astype(np.uint8)


def poster(rng: np.random.Generator) -> Picture:
    """Return blocks, discs and lines of writing."""
    canvas = np.full((SIDE, SIDE, 3), tint(rng, 0.6) * 255).astype(np.uint8)
    for _ in range(int(rng.integers(2, 9))):
        one, two = (tuple(int(v) for v in rng.integers(0, SIDE, 2)) for _ in range(2))
        color = tuple(int(c) for c in tint(rng, 0.9) * 255)
        if rng.random() < 0.6:
            cv2.rectangle(canvas, one, two, color, -1)
        else:
            cv2.circle(canvas, one, int(rng.integers(8, 90)), color, -1)
    ink = tuple(int(c) for c in tint(rng, 0.3, (0.0, 1.0)) * 255)
    for line in range(int(rng.integers(0, 20))):
        start = int(rng.integers(10, 40))
        cv2.line(
            canvas, (start, 20 + 11 * line), (int(rng.integers(90, 246)), 20 + 11 * line), ink, 2
        )
    return np.maximum(canvas, 1)


def spines(rng: np.random.Generator) -> Picture:
    """Return a row of book spines or packets, touching."""
    canvas = np.full((SIDE, SIDE, 3), 25, np.uint8)
    x = 0
    while x < SIDE:
        width, height = int(rng.integers(6, 22)), int(rng.integers(150, 250))
        color = tuple(int(c) for c in tint(rng, 0.85, (0.15, 1.0)) * 255)
        cv2.rectangle(canvas, (x, SIDE - height), (x + width - 2, SIDE), color, -1)
        label = tuple(int(c) for c in tint(rng, 0.4, (0.4, 1.0)) * 255)
        top = SIDE - height + int(rng.integers(10, 60))
        cv2.rectangle(
            canvas, (x + 2, top), (x + width - 4, top + int(rng.integers(5, 60))), label, -1
        )
        x += width
    return np.maximum(canvas, 1)


def foliage(rng: np.random.Generator) -> Picture:
    """Return leaves with holes between them (pure black; paint with `cutout`)."""
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    hue = rng.uniform(0.18, 0.38)
    for _ in range(int(rng.integers(25, 60))):
        at = tuple(int(v) for v in rng.normal(SIDE / 2, SIDE / 5, 2))
        size = (int(rng.integers(14, 40)), int(rng.integers(5, 14)))
        leaf = colorsys.hsv_to_rgb(
            hue + rng.normal(0, 0.02), rng.uniform(0.4, 0.8), rng.uniform(0.25, 0.7)
        )
        color = tuple(int(c * 254) + 1 for c in leaf)
        cv2.ellipse(canvas, at, size, float(rng.uniform(0, 360)), 0, 360, color, -1)
    return canvas
