"""What the renderer keeps on the GPU: framebuffers, textures, shadow-map cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Picture
    from worlds.scene.light import Light

_TEXTURE_PX = 256


class Frames:
    """The drawing surfaces for one picture size."""

    def __init__(self, gl: Any, width: int, height: int, finer: int) -> None:
        small, large = (width, height), (finer * width, finer * height)
        self.small_depth = gl.texture(small, 1, dtype="f4")
        self.small = gl.framebuffer([self.small_depth], gl.depth_renderbuffer(small))
        self.paints = gl.texture(large, 4)
        self.normals = gl.texture(large, 4, dtype="f2")
        self.depths = gl.texture(large, 1, dtype="f4")
        self.large = gl.framebuffer(
            [self.paints, self.normals, self.depths], gl.depth_renderbuffer(large)
        )
        self._only_depth = gl.framebuffer([self.depths])
        self.openness = gl.texture(small, 1, dtype="f4")
        self.open_frame = gl.framebuffer([self.openness])
        self.light = gl.texture(large, 4, dtype="f2")
        self.light_frame = gl.framebuffer([self.light])
        for texture in (self.small_depth, self.normals, self.depths, self.paints, self.openness):
            texture.repeat_x = texture.repeat_y = False
        for texture in (self.small_depth, self.normals, self.depths):
            texture.filter = (0x2600, 0x2600)

    def clear_depth(self) -> None:
        """Mark every large pixel as sky."""
        self._only_depth.use()
        self._only_depth.clear(1e9)
        self.large.use()


def texture_array(gl: Any, textures: list[Picture]) -> Any:
    """Stack textures at one size; pure black becomes transparent."""
    layers = [np.full((_TEXTURE_PX, _TEXTURE_PX, 4), 255, np.uint8)]
    for index, picture in enumerate(textures):
        sized = cv2.resize(picture, (_TEXTURE_PX, _TEXTURE_PX), interpolation=cv2.INTER_AREA)
        alpha = np.where(sized.max(axis=-1, keepdims=True) == 0, 0, 255).astype(np.uint8)
        layer = np.concatenate([sized, alpha], axis=-1)
        layers[index:] = [layer]
    array = gl.texture_array((_TEXTURE_PX, _TEXTURE_PX, len(layers)), 4, np.stack(layers).tobytes())
    array.build_mipmaps()
    return array


def light_matrix(light: Light, eye: Array) -> Array:
    """Return the world-to-clip matrix of a light's shadow map."""
    if light.far:
        forward = -np.asarray(light.place, np.float64)
        centre = eye
    else:
        forward = np.asarray(light.facing, np.float64)
        if not forward.any():
            forward = np.array([0.0, -1.0, 0.0])
        centre = np.asarray(light.place, np.float64)
    forward = forward / np.linalg.norm(forward)
    side = np.cross(forward, [0.0, 1.0, 0.0] if abs(forward[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(side, forward), forward])
    look = np.eye(4)
    look[:3, :3] = axes
    look[:3, 3] = -axes @ centre
    clip = np.zeros((4, 4))
    if light.far:
        depth_m = 4 * light.reach
        clip[0, 0] = clip[1, 1] = 1 / light.reach
        clip[2, 2] = 1 / depth_m
        clip[3, 3] = 1.0
    else:
        near, far, spread = 0.05, 30.0, 0.45
        clip[0, 0] = clip[1, 1] = spread
        clip[2, 2], clip[2, 3] = (far + near) / (far - near), -2 * far * near / (far - near)
        clip[3, 2] = 1.0
    return clip @ look


def column_major(matrix: Array) -> bytes:
    """Return a matrix as OpenGL wants it."""
    return np.ascontiguousarray(matrix.T, np.float32).tobytes()


def put(program: Any, **values: Any) -> None:
    """Set those of a program's inputs that it kept."""
    for name, value in values.items():
        if name in program:
            program[name] = value
