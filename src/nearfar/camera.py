"""Pinhole camera model."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import GeometryError

ASSUMED_FOV_DEG: Final = 60.0
"""Assumed horizontal field of view: between 65 of a phone and 40 of a standard lens."""

_FULL_FRAME_DIAGONAL_MM: Final = math.hypot(36, 24)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion; x right, y down, z forward.

    Pixel centers have integer coordinates, as in OpenCV, ROS and Middlebury: the upper left one is
    (0, 0), and the image center is ((width - 1) / 2, (height - 1) / 2).

    Attributes:
        fx_px: focal length in pixel widths, above 0.
        fy_px: focal length in pixel heights, above 0.
        cx_px: column of the principal point.
        cy_px: row of the principal point.
        width_px: of the image.
        height_px: of the image.
        note: origin of the numbers, in a sentence.

    Raises:
        GeometryError: a number is out of range.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    width_px: int
    height_px: int
    note: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.fx_px < math.inf and 0 < self.fy_px < math.inf):
            raise GeometryError(
                "the focal length must be above 0 px, and finite, not"
                f" {self.fx_px:g} x {self.fy_px:g} px"
            )
        if not (math.isfinite(self.cx_px) and math.isfinite(self.cy_px)):
            raise GeometryError(
                f"the principal point must be finite, not {self.cx_px:g},{self.cy_px:g}"
            )
        if self.width_px < 1 or self.height_px < 1:
            raise GeometryError(
                f"the image must have at least 1 x 1 px, not {self.width_px} x {self.height_px}"
            )

    @classmethod
    def of_photo(
        cls,
        size_px: tuple[int, int],
        *,
        fov_deg: float | None = None,
        focal_35mm_mm: float | None = None,
    ) -> "Camera":
        """Create a camera from the field of view, EXIF, or else an assumed 60 degrees.

        Args:
            size_px: width and height of the photo.
            fov_deg: horizontal field of view, if known.
            focal_35mm_mm: from `nearfar.io.images.ImageFile`, if EXIF contains it.

        Raises:
            GeometryError: a number is out of range.
        """
        if fov_deg is not None:
            return cls.from_fov(fov_deg, size_px)
        if focal_35mm_mm is not None:
            return cls.from_focal_35mm(focal_35mm_mm, size_px)
        camera = cls.from_fov(ASSUMED_FOV_DEG, size_px)
        return replace(camera, note=f"{camera.note} (assumed)")

    @classmethod
    def from_fov(cls, fov_deg: float, size_px: tuple[int, int]) -> "Camera":
        """Create a camera with square pixels and the principal point in the image center.

        Args:
            fov_deg: horizontal field of view, 1 to 170, from edge to edge of the image.
            size_px: width and height.

        Raises:
            GeometryError: a number is out of range.
        """
        if not 1 <= fov_deg <= 170:
            raise GeometryError(f"the field of view must be 1 to 170 degrees, not {fov_deg:g}")
        focal_px = size_px[0] / 2 / math.tan(math.radians(fov_deg) / 2)
        return cls._centered(focal_px, size_px, f"field of view {fov_deg:g} deg")

    @classmethod
    def from_focal_35mm(cls, focal_mm: float, size_px: tuple[int, int]) -> "Camera":
        """Create a camera from EXIF's FocalLengthIn35mmFilm.

        The equivalence refers to the diagonal (CIPA DCG-001), so it holds for both orientations.

        Args:
            focal_mm: 35 mm equivalent focal length, 1 to 10,000.
            size_px: width and height of the whole photo, not of a crop.

        Raises:
            GeometryError: a number is out of range.
        """
        if not 1 <= focal_mm <= 10_000:
            raise GeometryError(f"the focal length must be 1 to 10000 mm, not {focal_mm:g}")
        focal_px = focal_mm * math.hypot(*size_px) / _FULL_FRAME_DIAGONAL_MM
        return cls._centered(focal_px, size_px, f"focal length {focal_mm:g} mm (35 mm equivalent)")

    @classmethod
    def from_matrix(
        cls, matrix: NDArray[np.floating], size_px: tuple[int, int], note: str = "intrinsics given"
    ) -> "Camera":
        """Create a camera from the intrinsic matrix that OpenCV, ROS and COLMAP call K.

        Args:
            matrix: (3, 3), [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels.
            size_px: width and height of the images it applies to.
            note: its origin.

        Raises:
            GeometryError: the matrix has another form.
        """
        if matrix.shape != (3, 3):
            raise GeometryError(f"intrinsics must have shape (3, 3), not {matrix.shape}")
        (fx, skew, cx), (zero, fy, cy), bottom = matrix.tolist()
        if abs(skew) > 1e-6 * abs(fx) or zero or bottom != [0, 0, 1]:
            raise GeometryError(
                "intrinsics must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]: skew is not supported"
            )
        return cls(fx, fy, cx, cy, *size_px, note)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width_px, self.height_px

    @property
    def hfov_deg(self) -> float:
        """Horizontal field of view, from edge to edge of the image."""
        left = math.atan((self.cx_px + 0.5) / self.fx_px)
        right = math.atan((self.width_px - 0.5 - self.cx_px) / self.fx_px)
        return math.degrees(left + right)

    def scaled(self, size_px: tuple[int, int]) -> "Camera":
        """Return the camera for the image scaled to another size."""
        across, down = size_px[0] / self.width_px, size_px[1] / self.height_px
        return Camera(
            self.fx_px * across,
            self.fy_px * down,
            (self.cx_px + 0.5) * across - 0.5,
            (self.cy_px + 0.5) * down - 0.5,
            *size_px,
            self.note,
        )

    def unproject(
        self,
        x_px: NDArray[np.integer] | NDArray[np.float32],
        y_px: NDArray[np.integer] | NDArray[np.float32],
        metres: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Convert pixels and their depths to points.

        Args:
            x_px: (N,) columns.
            y_px: (N,) rows.
            metres: (N,) depth along the optical axis, finite.

        Returns:
            (N, 3) float32 metres, x right, y down, z forward.
        """
        points = np.empty((len(metres), 3), np.float32)
        for axis, (at_px, middle_px, focal_px) in enumerate(
            ((x_px, self.cx_px, self.fx_px), (y_px, self.cy_px, self.fy_px))
        ):
            along = at_px.astype(np.float32)
            along -= np.float32(middle_px)
            along *= np.float32(1 / focal_px)
            np.multiply(along, metres, out=points[:, axis])
        points[:, 2] = metres
        return points

    def project(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Project points into the image.

        Args:
            points: (N, 3) metres, z above 0.

        Returns:
            (N, 2) float64 columns and rows; pixel centers are integers.
        """
        focal, principal = (self.fx_px, self.fy_px), (self.cx_px, self.cy_px)
        pixels: NDArray[np.float64] = points[:, :2] / points[:, 2:].astype(np.float64)
        return pixels * focal + principal

    @classmethod
    def _centered(cls, focal_px: float, size_px: tuple[int, int], note: str) -> "Camera":
        width_px, height_px = size_px
        middle = (width_px - 1) / 2, (height_px - 1) / 2
        return cls(focal_px, focal_px, *middle, width_px, height_px, note)
