"""Draws a scene: a photograph and the exact depth behind each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from worlds.drawing import shaders
from worlds.drawing.frames import Frames, column_major, light_matrix, put, texture_array
from worlds.drawing.photograph import focused, photographed

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Float, Picture
    from worlds.scene.scene import Scene
    from worlds.scene.view import View

_NEAR_M, _FAR_M = 0.05, 3000.0
_SHADOW_PX = 1024
_LIGHTS = 8


class Renderer:
    """An OpenGL context without a screen; reusable, one for each thread.

    Depth is what the rasterizer interpolates at each pixel's middle (32-bit float, metres along
    the camera's axis), drawn at the picture's own size. Color is drawn at `finer` times
    the size and averaged.

    Raises:
        OSError: No EGL can be opened (on Debian: install libegl1 and libgl1-mesa-dri).
    """

    def __init__(self, finer: int = 2) -> None:
        self._gl = gl = _context()
        self._finer = finer
        self._depth_program = gl.program(shaders.SURFACE_VERTEX, shaders.DEPTH_FRAGMENT)
        self._surface_program = gl.program(shaders.SURFACE_VERTEX, shaders.SURFACE_FRAGMENT)
        self._shadow_program = gl.program(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self._open_program = gl.program(shaders.SCREEN_VERTEX, shaders.OCCLUSION_FRAGMENT)
        self._light_program = gl.program(shaders.SCREEN_VERTEX, shaders.LIGHT_FRAGMENT)
        corners = gl.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())
        self._open_screen = gl.vertex_array(self._open_program, [(corners, "2f", "in_corner")])
        self._light_screen = gl.vertex_array(self._light_program, [(corners, "2f", "in_corner")])
        self._shadows = [gl.depth_texture((_SHADOW_PX, _SHADOW_PX)) for _ in range(2)]
        self._shadow_frames = [gl.framebuffer(depth_attachment=shadow) for shadow in self._shadows]
        for shadow in self._shadows:
            shadow.compare_func = "<="
            shadow.repeat_x = shadow.repeat_y = False
        self._frames: dict[tuple[int, int], Frames] = {}
        self._scene: Scene | None = None
        self._held: list[Any] = []

    def render(self, scene: Scene, view: View) -> tuple[Picture, Float]:
        """Draw one view.

        Args:
            scene: What is seen; it stays on the GPU until another scene is drawn.
            view: From where.

        Returns:
            The (h, w, 3) sRGB picture, and (h, w) depth in metres, inf where the sky is.
        """
        light, depth = self.light(scene, view)
        return photographed(focused(light, depth, view), view.seed), depth

    def light(self, scene: Scene, view: View) -> tuple[Float, Float]:
        """Draw one view as (h, w, 3) linear light and (h, w) depth in metres."""
        with self._gl:
            return self._drawn(scene, view)

    def _drawn(self, scene: Scene, view: View) -> tuple[Float, Float]:
        if scene is not self._scene:
            self._load(scene)
        size = (view.width_px, view.height_px)
        frames = self._frames.get(size)
        if frames is None:
            frames = self._frames[size] = Frames(self._gl, *size, self._finer)
        lens = (2 * view.fx_px / size[0], 2 * view.fx_px / size[1], _NEAR_M, _FAR_M)
        to_world = np.asarray(view.pose, np.float64)
        to_camera = np.linalg.inv(to_world).astype(np.float64)
        gl = self._gl
        gl.enable(gl.DEPTH_TEST)
        casters = self._cast(scene, to_world[:3, 3])
        self._pictures.use(0)
        for program, frame in (
            (self._depth_program, frames.small),
            (self._surface_program, frames.large),
        ):
            program["to_camera"].write(column_major(to_camera))
            program["lens"] = lens
            frame.use()
            frame.clear(1e9, 0.0, 0.0, 0.0, depth=1.0)
            if frame is frames.large:
                frames.clear_depth()
            self._arrays[program].render()
        gl.disable(gl.DEPTH_TEST)
        self._occlude(frames, lens, size)
        self._shine(frames, lens, scene, to_world, casters)
        depth = np.frombuffer(frames.small_depth.read(), np.float32).reshape(size[1], size[0])
        bright = np.frombuffer(frames.light.read(), np.float16).reshape(
            -1, self._finer * size[0], 4
        )
        wide = np.minimum(bright[..., :3].astype(np.float32), 8.0)
        mean = cv2.resize(wide, size, interpolation=cv2.INTER_AREA)
        return mean.astype(np.float32), np.where(depth > 1e8, np.float32(np.inf), depth)

    def _load(self, scene: Scene) -> None:
        """Put a scene's triangles and textures on the GPU."""
        for held in self._held:
            held.release()
        gl = self._gl
        rows = []
        for solid in scene.solids:
            count = 3 * len(solid.triangles)
            material = [solid.texture, solid.gloss, solid.glow, float(solid.cutout)]
            rows.append(
                np.concatenate(
                    [
                        solid.triangles.reshape(count, 3),
                        solid.normals.reshape(count, 3),
                        solid.uv.reshape(count, 2),
                        np.broadcast_to(
                            np.array([*solid.color, *material], np.float32), (count, 7)
                        ),
                    ],
                    axis=1,
                )
            )
        buffer = gl.buffer(np.concatenate(rows).astype(np.float32).tobytes())
        layout = "3f 3f 2f 3f 4f"
        names = ["in_place", "in_normal", "in_uv", "in_color", "in_material"]
        self._arrays: dict[Any, Any] = {}
        for program in (self._depth_program, self._surface_program, self._shadow_program):
            parts, kept = [], []
            for part, name in zip(layout.split(), names, strict=True):
                used = name in program
                parts.append(part if used else f"{int(part[0]) * 4}x")
                kept += [name] if used else []
            self._arrays[program] = gl.vertex_array(program, [(buffer, " ".join(parts), *kept)])
        self._pictures = texture_array(gl, scene.textures)
        self._held = [buffer, self._pictures, *self._arrays.values()]
        self._scene = scene

    def _cast(self, scene: Scene, eye: Array) -> dict[int, Array]:
        """Draw the shadow maps; return each casting light's index with its world-to-map matrix."""
        casters = [index for index, light in enumerate(scene.lights) if light.shadow][:2]
        matrices = {}
        for slot, index in enumerate(casters):
            matrices[index] = light_matrix(scene.lights[index], eye)
            self._shadow_program["to_light"].write(column_major(matrices[index]))
            self._pictures.use(0)
            self._shadow_frames[slot].use()
            self._shadow_frames[slot].clear(depth=1.0)
            self._arrays[self._shadow_program].render()
        return matrices

    def _occlude(self, frames: Frames, lens: tuple[float, ...], size: tuple[int, int]) -> None:
        frames.small_depth.use(0)
        frames.normals.use(1)
        put(self._open_program, depths=0, normals=1, lens=lens, size=size)
        frames.open_frame.use()
        self._open_screen.render(vertices=3)
        raw = np.frombuffer(frames.openness.read(), np.float32).reshape(size[1], size[0])
        frames.openness.write(cv2.blur(raw, (4, 4)).tobytes())

    def _shine(
        self,
        frames: Frames,
        lens: tuple[float, ...],
        scene: Scene,
        to_world: Array,
        casters: dict[int, Array],
    ) -> None:
        lights = scene.lights[:_LIGHTS]
        places, colors, facings = (np.zeros((_LIGHTS, 4), np.float32) for _ in range(3))
        slots = {index: slot for slot, index in enumerate(casters)}
        for index, light in enumerate(lights):
            places[index] = [*light.place, float(light.far)]
            colors[index] = [*light.color, float(slots.get(index, -1) + 1)]
            facings[index, :3] = light.facing
        for slot, texture in enumerate(
            [frames.paints, frames.normals, frames.depths, frames.openness, *self._shadows]
        ):
            texture.use(slot)
        program = self._light_program
        put(
            program,
            paints=0,
            normals=1,
            depths=2,
            openness=3,
            shade_0=4,
            shade_1=5,
            lens=lens,
            count=len(lights),
            ambient=tuple(map(float, scene.ambient)),
            haze=scene.haze,
            has_sky=float(scene.sky is not None),
        )
        for slot, matrix in enumerate(casters.values()):
            program[f"shadow_{slot}"].write(column_major(matrix))
        sky = np.zeros((3, 3)) if scene.sky is None else scene.sky
        program["sky"].write(np.asarray(sky, np.float32).tobytes())
        program["to_world"].write(column_major(to_world))
        for name, values in (("places", places), ("colors", colors), ("facings", facings)):
            program[name].write(values.tobytes())
        frames.light_frame.use()
        self._light_screen.render(vertices=3)


def _context() -> Any:
    import moderngl

    settings: Any = {"backend": "egl"}  # the package's own annotation asks for a dict of dicts
    try:
        return moderngl.create_standalone_context(require=330, **settings)
    except Exception as error:
        raise OSError(
            f"no OpenGL context without a screen ({error}); "
            "install Mesa's EGL, on Debian libegl1 and libgl1-mesa-dri"
        ) from error
