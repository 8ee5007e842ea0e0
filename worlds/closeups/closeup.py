"""Portraits, animals and small things seen from near, in front of what is blurred.

Faces and fur are beyond a few ellipsoids; what is to be learnt is that a head, a body or a flower
in the middle is near as a whole, round, and stands clear of what is behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.closeups.pets import animal
from worlds.closeups.portraits import human
from worlds.closeups.roundparts import color, woven
from worlds.closeups.tabletop import still_life
from worlds.scene.light import Light
from worlds.scene.scene import Scene
from worlds.scene.view import View, focal_px, looking
from worlds.shapes import bodies, moves
from worlds.surfaces.foliage import foliage
from worlds.things.people import person
from worlds.things.plants import bush, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worlds.scene.arrays import Array, Picture


def _behind(rng: np.random.Generator, scene: Scene, photos: Sequence[Picture]) -> None:
    """Put a ground, and a wall, trees, people or a view behind what is shown."""
    inside = rng.random() < 0.45
    ground = woven(rng, scene, 0.05, 0.5)
    paint = (1, 1, 1) if inside else (0.25, 0.4, 0.15) if rng.random() < 0.6 else (0.6, 0.6, 0.6)
    floor = bodies.quad([(-60, 0, -4), (60, 0, -4), (60, 0, 120), (-60, 0, 120)])
    scene.add(floor.painted(paint, ground, tiles=rng.uniform(30, 400)))
    far = rng.uniform(0.5, 4) if inside else rng.uniform(6, 60)
    if inside or (photos and rng.random() < 0.5):
        high = max(3.0, far * rng.uniform(0.7, 1.2))
        picture = photos[int(rng.integers(len(photos)))] if photos else None
        shown = (
            scene.add_texture(np.asarray(cv2.GaussianBlur(picture, (0, 0), 5), np.uint8))
            if picture is not None and rng.random() < 0.7
            else ground
        )
        wall = bodies.quad(
            [
                (-1.6 * high, high, far),
                (1.6 * high, high, far),
                (1.6 * high, -0.01, far),
                (-1.6 * high, -0.01, far),
            ]
        )
        scene.add(
            moves.turned(wall, rng.normal(0, 12)).painted(
                (1, 1, 1) if shown != ground else color(rng, 0.2), shown
            )
        )
    for _ in range(int(rng.integers(0, 7))):
        z = rng.uniform(0.3, 0.9) * far if inside else rng.uniform(1.5, max(2.0, min(far, 25)))
        at = (rng.normal(0, 0.35 * z + 0.5), 0.0, z)
        kind = rng.integers(4)
        if inside or kind == 0:
            wide_m, high_m, deep_m = rng.uniform(0.2, 1.4, 3)
            texture = woven(rng, scene)
            crate = bodies.box(wide_m, high_m, deep_m, 0.05 if rng.random() < 0.5 else 0.0)
            scene.add(
                moves.moved(moves.turned(crate, rng.uniform(0, 90)), at).painted((1, 1, 1), texture)
            )
        else:
            leaf = foliage(rng, scene)
            made = (
                person(rng)
                if kind == 1
                else bush(rng, leaf, rng.uniform(0.5, 2))
                if kind == 2
                else tree(rng, leaf)
            )
            scene.add([moves.moved(moves.turned(p, float(rng.uniform(0, 360))), at) for p in made])


def make_closeup(rng: np.random.Generator, photos: Sequence[Picture]) -> tuple[Scene, list[View]]:
    """Make something near, and two or three views of it.

    Args:
        rng: The random generator.
        photos: for what hangs blurred behind.
    """
    scene = Scene(ambient=np.full(3, rng.uniform(0.15, 0.5), np.float32))
    sky = np.array([rng.uniform(0.2, 0.9), rng.uniform(0.4, 0.9), rng.uniform(0.7, 1.0)])
    scene.sky = np.stack([sky * 0.8, sky, sky * 0.4]).astype(np.float32)
    make = (human, human, animal, animal, still_life)[int(rng.integers(5))]
    things, at, high = make(rng, scene)
    raised = 0.0 if make is not still_life and rng.random() < 0.5 else rng.uniform(0, 0.9)
    if make is human:
        raised = 0.0
    scene.add([moves.moved(p, (0, raised, 0)) for p in things])
    at = at + np.array([0, raised, 0])
    if raised > 0:
        top = bodies.box(rng.uniform(0.7, 3), raised, rng.uniform(0.7, 1.6))
        board = woven(rng, scene)
        scene.add(
            moves.moved(top, (rng.normal(0, 0.2), -1e-3, 0.2)).painted(
                (1, 1, 1), board, gloss=rng.uniform(0, 0.4), tiles=2
            )
        )
    if rng.random() < 0.3:
        more, *_ = make(rng, scene)
        aside = (
            rng.choice([-1, 1]) * rng.uniform(2, 4) * high,
            raised,
            rng.uniform(-0.5, 3) * high,
        )
        scene.add([moves.moved(p, aside) for p in more])
    _behind(rng, scene, photos)
    aim = rng.normal(0, 1, 3) * [1.0, 0.3, 0.3] + [0, 1.1, -0.6]
    sun = np.float32(aim / np.linalg.norm(aim))
    strong = rng.uniform(0.3, 1.4)
    scene.lights.append(
        Light(
            sun,
            np.array([strong, strong * 0.95, strong * 0.85], np.float32),
            far=True,
            shadow=True,
            reach=6.0,
        )
    )
    lamp = np.float32(at + rng.normal(0, 1.5, 3) + [0, 1, -1])
    scene.lights.append(Light(lamp, np.full(3, rng.uniform(0.1, 1.0), np.float32)))
    return scene, [_seen(rng, at, high) for _ in range(int(rng.integers(2, 4)))]


def _seen(rng: np.random.Generator, at: Array, high: float) -> View:
    width_px, height_px = ((384, 512), (512, 384), (448, 448), (512, 320))[int(rng.integers(4))]
    fov = np.deg2rad(rng.uniform(24, 60))
    share = rng.uniform(0.15, 0.75)
    far = high / share / (2 * np.tan(fov / 2)) * (height_px / width_px) ** -1
    far = max(far, high * 0.9)
    turn, up = np.deg2rad(rng.normal(0, 25)), np.deg2rad(rng.normal(8, 10))
    eye = at + far * np.array([np.sin(turn) * np.cos(up), np.sin(up), -np.cos(turn) * np.cos(up)])
    eye[1] = max(eye[1], 0.04)
    target = (
        at + rng.normal(0, 0.35, 3) * high * np.array([1, 1, 0]) - [0, 0.4 * high * rng.random(), 0]
    )
    pose = looking(eye, target, rng.normal(0, 2.5))
    seed = int(rng.integers(2**31))
    blur_px = 0.0 if rng.random() < 0.3 else rng.uniform(3, 26)
    return View(focal_px(width_px, fov), width_px, height_px, pose, seed, far, blur_px)
