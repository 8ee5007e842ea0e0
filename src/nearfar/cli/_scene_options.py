"""The options that turn relative depth into metres, and a photo into a scene."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from nearfar.cli._shared import parse_distance, parse_point
from nearfar.config import ImageLimits, Options, option
from nearfar.errors import UsageError

if TYPE_CHECKING:
    from nearfar.calibration import Calibration
    from nearfar.depth import Depth, MetricDepth
    from nearfar.estimator import Estimator
    from nearfar.geometry import Camera
    from nearfar.io.images import Image


@dataclass(frozen=True)
class MetresOptions(Options):
    """What is known, or assumed, about distances and the camera."""

    near: str | None = option("Distance of the nearest pixel, such as 1m; an assumption.", None)
    far: str | None = option("Distance of the farthest pixel, or inf; an assumption.", None)
    known: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = option(
        "Points of known distance, X,Y=1.5m, two or more; instead of --near and --far.", ()
    )
    camera_height: str | None = option(
        "Height of the camera over a flat floor, such as 1.6m; instead of the others.", None
    )
    pitch: float = option("How many degrees the camera looks down; for --camera-height.", 0.0)
    fov: float | None = option(
        "Horizontal field of view in degrees; by EXIF, or else 60 is assumed.", None, ge=1, le=170
    )

    def calibrate(self, depth: "Depth", camera: "Camera") -> "Calibration":
        """Fit what was given to a map.

        Raises:
            UsageError: options that exclude each other, or half of a range.
            CalibrationError: what was given does not determine metres.
        """
        from nearfar.calibration import Distances, KnownPoint

        points = [parse_point(text) for text in self.known]
        if unknown := [f"{x_px},{y_px}" for x_px, y_px, metres in points if metres is None]:
            raise UsageError(f"--known {unknown[0]}: write its distance too: {unknown[0]}=1.5m")
        near_m, far_m, height_m = (
            None if text is None else parse_distance(text)
            for text in (self.near, self.far, self.camera_height)
        )
        known = tuple(KnownPoint(x, y, m) for x, y, m in points if m is not None)
        distances = Distances(near_m, far_m, known, height_m, self.pitch)
        return distances.calibrate(depth, camera.hfov_deg)


Metres = Annotated[MetresOptions, Parameter(name="*")]


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo with what geometry needs of it.

    Attributes:
        warnings: what was odd about the photo, a sentence each.
    """

    photo: "Image"
    depth: "MetricDepth"
    camera: "Camera"
    warnings: tuple[str, ...] = ()


def read_scene(
    path: str, estimator: "Estimator", metres: MetresOptions, limits: ImageLimits
) -> Scene:
    """Read a photo, estimate its depth, and bring that to metres.

    Raises:
        ImageError: the photo can't be read.
        UsageError, CalibrationError: as of `MetresOptions.calibrate`.
    """
    from nearfar.geometry import Camera
    from nearfar.io.images import ImageFile

    with ImageFile(path, limits=limits) as file:
        size_px, focal_35mm_mm = (file.width_px, file.height_px), file.focal_35mm_mm
        estimator = estimator.of_file(file, fov_deg=metres.fov)
        photo, warnings = file.read(), file.warnings
    camera = Camera.of_photo(size_px, fov_deg=metres.fov, focal_35mm_mm=focal_35mm_mm)
    depth = estimator(photo)
    calibration = metres.calibrate(depth, camera)
    return Scene(photo, calibration.apply(depth.relative()), camera, warnings)
