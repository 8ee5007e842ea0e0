from __future__ import annotations

import ctypes.util

import numpy as np
import pytest

from worlds.drawing.render import Renderer
from worlds.rooms.room import make_room
from worlds.scene.light import Light
from worlds.scene.scene import Scene
from worlds.scene.view import View, looking
from worlds.shapes import bodies, moves
from worlds.surfaces.library import Library

pytestmark = pytest.mark.skipif(
    ctypes.util.find_library("EGL") is None, reason="no EGL library: install libegl1"
)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def traced(scene: Scene, view: View) -> np.ndarray:
    """Depth along the camera's axis at each pixel's middle, by Moeller and Trumbore, in float64."""
    columns, rows = np.meshgrid(np.arange(view.width_px) + 0.5, np.arange(view.height_px) + 0.5)
    x, y = (columns - view.width_px / 2) / view.fx_px, (rows - view.height_px / 2) / view.fx_px
    pose = view.pose.astype(float)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ pose[:3, :3].T
    depth = np.full(x.shape, np.inf)
    for solid in scene.solids:
        for one, two, three in solid.triangles.astype(float):
            edge, other, start = two - one, three - one, pose[:3, 3] - one
            across = np.cross(rays, other)
            scale = across @ edge
            with np.errstate(divide="ignore", invalid="ignore"):
                u = across @ start / scale
                v = rays @ np.cross(start, edge) / scale
                t = other @ np.cross(start, edge) / scale
                hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
            depth = np.where(hit, np.minimum(depth, t), depth)
    return depth


def still(lit: bool = True) -> tuple[Scene, View]:
    scene = Scene()
    scene.add(moves.turned(bodies.box(1, 1.2, 0.8), 25).painted((0.8, 0.3, 0.2)))
    lamp = Light(np.array([2, 3, -2], np.float32), np.full(3, 6, np.float32), shadow=True)
    scene.lights = [lamp] if lit else []
    return scene, View(90.0, 96, 64, looking((0.4, 1.5, -3), (0, 0.6, 0), 4.0), 3)


def test_depth_is_that_of_traced_rays(renderer: Renderer) -> None:
    scene, view = still()
    _, depth = renderer.render(scene, view)
    truth = traced(scene, view)
    both = np.isfinite(depth) & np.isfinite(truth)
    assert both.mean() > 0.1
    assert np.mean(np.isfinite(depth) != np.isfinite(truth)) < 0.002
    near = np.abs(depth[both] - truth[both])
    assert np.quantile(near, 0.995) < 1e-3


def test_light_makes_surfaces_brighter_than_shade(renderer: Renderer) -> None:
    bright, depth = renderer.light(*still())
    dark, _ = renderer.light(*still(lit=False))
    seen = np.isfinite(depth)
    assert bright[seen].mean() > 1.5 * dark[seen].mean()


def test_a_shadow_falls_behind_a_block(renderer: Renderer) -> None:
    scene = Scene()
    scene.add(bodies.box(8, 0.01, 8))
    scene.add(moves.moved(bodies.box(0.6, 1, 0.6), (0, 0.01, 0)))
    sun = np.array([1, 1, 0], np.float32) / np.float32(np.sqrt(2))
    scene.lights = [Light(sun, np.ones(3, np.float32), far=True, shadow=True, reach=6.0)]
    light, _ = renderer.light(scene, View(60.0, 64, 64, looking((0, 6, -0.01), (0, 0, 0))))
    left, right = (light[32, 32 + side * 9].mean() for side in (1, -1))
    assert max(left, right) > 1.5 * min(left, right)


def test_holes_of_a_cut_out_texture_are_seen_through(renderer: Renderer) -> None:
    scene = Scene()
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:, :4] = 200
    sheet = bodies.quad([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)])
    scene.add(sheet.painted((1, 1, 1), scene.add_texture(picture), cutout=True))
    _, depth = renderer.render(scene, View(32.0, 32, 32, looking((0, 0, -1), (0, 0, 0))))
    assert 0.4 < np.isfinite(depth).mean() < 0.6


def test_a_seed_decides_the_picture(renderer: Renderer) -> None:
    def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
        scene, views = make_room(np.random.default_rng(seed), Library(), (96, 72))
        return renderer.render(scene, views[0])

    one, again, other = drawn(5), drawn(5), drawn(6)
    assert np.array_equal(one[0], again[0])
    assert np.array_equal(one[1], again[1])
    assert not np.array_equal(one[0], other[0])
