"""Turn a photo and the flags on distances into a scene in metres, for `cloud` and `mesh`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nearfar.calibration import DistanceOptions
from nearfar.cli._options import flags_of, options_of
from nearfar.config import ImageLimits

if TYPE_CHECKING:
    from nearfar.depth import MetricDepth
    from nearfar.estimator import Estimator
    from nearfar.geometry import Camera
    from nearfar.io.images import Image

Distances, NO_DISTANCES = flags_of(DistanceOptions)
"""Annotation and default of the parameter `distances` of a command."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo, its depth in metres and its camera.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        depth: of the photo's size.
        camera: of the photo's size.
        warnings: sentences on what was unusual in the photo's file.
    """

    photo: "Image"
    depth: "MetricDepth"
    camera: "Camera"
    warnings: tuple[str, ...] = ()


def read_scene(path: str, estimator: "Estimator", distances: Any, limits: ImageLimits) -> Scene:
    """Read a photo, estimate its depth, and convert that to metres.

    Args:
        path: of the photo.
        estimator: the loaded model.
        distances: the flags of `DistanceOptions`.
        limits: beyond which the photo is refused.

    Raises:
        ImageError: the photo can't be read.
        UsageError, CalibrationError: as of `DistanceOptions` and its `calibrate`.
    """
    from nearfar.geometry import Camera
    from nearfar.io.images import ImageFile

    options = options_of(DistanceOptions, distances)
    with ImageFile(path, limits=limits) as file:
        size_px, focal_35mm_mm = (file.width_px, file.height_px), file.focal_35mm_mm
        estimator = estimator.of_file(file, fov_deg=options.fov_deg)
        photo, warnings = file.read(), file.warnings
    camera = Camera.of_photo(size_px, fov_deg=options.fov_deg, focal_35mm_mm=focal_35mm_mm)
    depth = estimator(photo)
    calibration = options.calibrate(depth, camera.hfov_deg)
    return Scene(photo, calibration.apply(depth.relative()), camera, warnings)
