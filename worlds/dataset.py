"""Writes pictures and depth in the layout that `nearfar train` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.drawing.render import Renderer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from worlds.scene.arrays import Float, Picture
    from worlds.scene.scene import Scene
    from worlds.scene.view import View

_TOML = {
    "rooms": 'kind = "depth"\nunit = "mm"\ninvalid = 0\nscene = "indoor"\n'
    'note = "made-up rooms, exact depth"\n',
    "streets": 'kind = "inverse"\nunit = "relative"\ninvalid = 0\nscene = "rendered outdoor"\n'
    'note = "made-up streets, exact depth; 1 is the sky, infinitely far"\n',
    "closeups": 'kind = "inverse"\nunit = "relative"\ninvalid = 0\nscene = "closeups"\n'
    'note = "made-up portraits, animals and small things, exact depth; 1 is the sky"\n',
}
KINDS = tuple(_TOML)


def prepare(folder: Path, kind: str) -> None:
    """Make a data set's folders and its dataset.toml."""
    for name in ("rgb", "depth", "done"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text(_TOML[kind], encoding="utf-8")


def done(folder: Path, name: str) -> bool:
    """Return whether a world's pictures are all written."""
    return (folder / "done" / name).exists()


def encoded(depth_m: Float, kind: str) -> NDArray[np.uint16]:
    """Return depth as the 16-bit values that are stored.

    Args:
        depth_m: (h, w) metres, inf for the sky.
        kind: "rooms" gives millimetres, the sky without value; the others give inverse depth,
            the nearest pixel 65520 and the sky 1.
    """
    if kind == "rooms":
        seen = np.isfinite(depth_m) & (depth_m < 65.0)
        return np.where(seen, np.round(np.where(seen, depth_m, 0) * 1000), 0).astype(np.uint16)
    nearest = float(depth_m.min())
    if not np.isfinite(nearest):
        return np.ones(depth_m.shape, np.uint16)
    values = np.maximum(np.round(65520.0 * nearest / depth_m), 2)
    return np.where(np.isfinite(depth_m), values, 1).astype(np.uint16)


def sensible(depth_m: Float, kind: str) -> bool:
    """Return whether a snapshot shows something: not a wall or a cupboard from too near."""
    seen = depth_m[np.isfinite(depth_m)]
    if seen.size < 0.1 * depth_m.size:
        return False
    near, middle, far = np.percentile(seen, [2, 50, 95])
    if kind == "rooms":
        return bool(near > 0.35 and middle > 1.1 and far > 1.25 * middle)
    return bool(near > (0.1 if kind == "closeups" else 0.3) and far > 1.5 * near)


class Drawer:
    """Renders views and writes them; one for each process."""

    def __init__(self) -> None:
        self._renderer = Renderer(finer=1)

    def draw(self, folder: Path, kind: str, name: str, scene: Scene, views: Sequence[View]) -> int:
        """Write every sensible view of a scene and return how many were."""
        written = 0
        for number, view in enumerate(views):
            picture, depth = self._renderer.render(scene, view)
            if not sensible(depth, kind):
                continue
            quality = 80 + view.seed % 16
            _write(folder / "depth" / f"{name}_{number}.png", encoded(depth, kind), [])
            flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
            _write(folder / "rgb" / f"{name}_{number}.jpg", picture[..., ::-1], flags)
            written += 1
        (folder / "done" / name).touch()
        return written


def _write(path: Path, picture: Picture | NDArray[np.uint16], flags: list[int]) -> None:
    ready, data = cv2.imencode(path.suffix, picture, flags)
    if not ready:
        raise OSError(f"{path} cannot be encoded; report this with the command that was run")
    part = path.with_suffix(".part")
    part.write_bytes(data.tobytes())
    part.replace(path)
