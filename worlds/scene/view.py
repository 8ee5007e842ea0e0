"""A camera and where it looks; its axes are x right, y down, z forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from worlds.scene.arrays import Float


@dataclass(frozen=True)
class View:
    """A pinhole camera.

    Attributes:
        fx_px: Focal length in pixels, both ways; the principal point is the middle.
        width_px: Picture width.
        height_px: Picture height.
        pose: (4, 4) camera to world; camera x right, y down, z forward.
        seed: Chooses exposure, white balance, blur and noise of the photograph.
        focus_m: The distance that is sharp.
        blur_px: Width of the blur of what is infinitely far; 0 is a lens that sees all sharp.
    """

    fx_px: float
    width_px: int
    height_px: int
    pose: Float
    seed: int = 0
    focus_m: float = 1.0
    blur_px: float = 0.0


def focal_px(side_px: float, angle: float) -> float:
    """Return the focal length that spans this many pixels at an angle of view in radians."""
    return float(side_px / 2 / np.tan(angle / 2))


def looking(eye: ArrayLike, target: ArrayLike, roll_deg: float = 0.0) -> Float:
    """Return the (4, 4) camera-to-world pose of a camera that looks from `eye` at `target`.

    Args:
        eye: (3,) metres.
        target: (3,) metres; not straight above or below.
        roll_deg: Turn around the line of sight.
    """
    here = np.asarray(eye, np.float64)
    forward = np.asarray(target, np.float64) - here
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turn = np.deg2rad(roll_deg)
    pose = np.eye(4)
    pose[:3, 0] = np.cos(turn) * right + np.sin(turn) * down
    pose[:3, 1] = np.cos(turn) * down - np.sin(turn) * right
    pose[:3, 2] = forward
    pose[:3, 3] = here
    return pose.astype(np.float32)
