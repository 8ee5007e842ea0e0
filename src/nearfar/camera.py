"""The pinhole camera: which pixel looks which way."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import GeometryError

ASSUMED_FOV_DEG: Final = 60.0
"""Horizontal field of view of a photo that does not tell: between a phone's 65 and a lens's 40."""

_FULL_FRAME_DIAGONAL_MM: Final = math.hypot(36, 24)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion; x right, y down, z forward.

    The middle of the upper left pixel is (0, 0), as in OpenCV, ROS and Middlebury's files, so
    the middle of a picture is ((width - 1) / 2, (height - 1) / 2).

    Attributes:
        fx_px: focal length in widths of a pixel, over 0.
        fy_px: in heights of a pixel, over 0.
        cx_px: column of the principal point.
        cy_px: row of the principal point.
        width_px: of the picture.
        height_px: of the picture.
        note: where the numbers come from, in a sentence.

    Raises:
        GeometryError: numbers that are no camera.
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
                f"a focal length of {self.fx_px:g} x {self.fy_px:g} px: give pixels, more than 0"
            )
        if not (math.isfinite(self.cx_px) and math.isfinite(self.cy_px)):
            raise GeometryError(f"a principal point at {self.cx_px:g},{self.cy_px:g}: give pixels")
        if self.width_px < 1 or self.height_px < 1:
            raise GeometryError(f"a picture of {self.width_px} x {self.height_px} pixels")

    @classmethod
    def of_photo(
        cls,
        size_px: tuple[int, int],
        *,
        fov_deg: float | None = None,
        focal_35mm_mm: float | None = None,
    ) -> "Camera":
        """Take the best that is known: a given field of view, EXIF, or 60 degrees.

        Args:
            size_px: width and height of the photo.
            fov_deg: horizontal field of view, if the user gives one.
            focal_35mm_mm: as `nearfar.io.images.ImageFile` read it, if EXIF tells it.

        Raises:
            GeometryError: a number out of range.
        """
        if fov_deg is not None:
            return cls.from_fov(fov_deg, size_px)
        if focal_35mm_mm is not None:
            return cls.from_focal_35mm(focal_35mm_mm, size_px)
        camera = cls.from_fov(ASSUMED_FOV_DEG, size_px)
        return replace(camera, note=f"{camera.note} (assumed)")

    @classmethod
    def from_fov(cls, fov_deg: float, size_px: tuple[int, int]) -> "Camera":
        """Make a camera with square pixels that looks through the middle of the picture.

        Args:
            fov_deg: horizontal field of view, 1 to 170, from edge to edge of the picture.
            size_px: width and height.

        Raises:
            GeometryError: a number out of range.
        """
        if not 1 <= fov_deg <= 170:
            raise GeometryError(f"a field of view of {fov_deg:g} degrees: give 1 to 170")
        focal_px = size_px[0] / 2 / math.tan(math.radians(fov_deg) / 2)
        return cls._centred(focal_px, size_px, f"field of view {fov_deg:g} deg")

    @classmethod
    def from_focal_35mm(cls, focal_mm: float, size_px: tuple[int, int]) -> "Camera":
        """Make a camera from what EXIF calls FocalLengthIn35mmFilm.

        It compares diagonals (CIPA DCG-001), so it holds upright and turned.

        Args:
            focal_mm: 35 mm equivalent focal length, 1 to 10,000.
            size_px: width and height of the whole photo, not of a part of it.

        Raises:
            GeometryError: a number out of range.
        """
        if not 1 <= focal_mm <= 10_000:
            raise GeometryError(f"a focal length of {focal_mm:g} mm: give 1 to 10000")
        focal_px = focal_mm * math.hypot(*size_px) / _FULL_FRAME_DIAGONAL_MM
        return cls._centred(focal_px, size_px, f"focal length {focal_mm:g} mm (35 mm equivalent)")

    @classmethod
    def from_matrix(
        cls, matrix: NDArray[np.floating], size_px: tuple[int, int], note: str = "intrinsics given"
    ) -> "Camera":
        """Take the 3 x 3 matrix of intrinsics that OpenCV, ROS and COLMAP call K.

        Args:
            matrix: (3, 3), [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels.
            size_px: width and height of the pictures it holds for.
            note: where it comes from.

        Raises:
            GeometryError: a matrix of another form.
        """
        if matrix.shape != (3, 3):
            raise GeometryError(f"intrinsics of shape {matrix.shape}: give 3 x 3")
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
        """Horizontal field of view, from edge to edge of the picture."""
        left = math.atan((self.cx_px + 0.5) / self.fx_px)
        right = math.atan((self.width_px - 0.5 - self.cx_px) / self.fx_px)
        return math.degrees(left + right)

    def scaled(self, size_px: tuple[int, int]) -> "Camera":
        """Give the camera of the same picture at another size."""
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
        self, x_px: NDArray[np.integer], y_px: NDArray[np.integer], metres: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Turn pixels and their distances into points.

        Args:
            x_px: (N,) columns.
            y_px: (N,) rows.
            metres: (N,) along the view axis, finite.

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
        """Say which pixel each point is seen at.

        Args:
            points: (N, 3) metres, z over 0.

        Returns:
            (N, 2) float64 columns and rows; the middle of a pixel is whole.
        """
        focal, principal = (self.fx_px, self.fy_px), (self.cx_px, self.cy_px)
        pixels: NDArray[np.float64] = points[:, :2] / points[:, 2:].astype(np.float64)
        return pixels * focal + principal

    @classmethod
    def _centred(cls, focal_px: float, size_px: tuple[int, int], note: str) -> "Camera":
        width_px, height_px = size_px
        middle = (width_px - 1) / 2, (height_px - 1) / 2
        return cls(focal_px, focal_px, *middle, width_px, height_px, note)
