"""The two results: relative depth, and depth in metres."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nearfar.errors import DepthMapError, PointError
from nearfar.imaging import colormaps
from nearfar.imaging.normalize import between, limits
from nearfar.imaging.resize import fitting, smaller
from nearfar.io.depth_codecs import DepthRaster, Kind
from nearfar.io.depth_files import (
    COLOR_SUFFIXES,
    DEFAULT_FORMAT,
    encode_depth,
    read_raster,
    write_depth,
)
from nearfar.io.images import encode_image, write_image

_NOTEBOOK_PX: Final = 800
"""Longest side of the picture displayed in notebooks."""

_LABELS: Final = 5
"""Distances beside the color bar of a map in metres."""


@dataclass(frozen=True, eq=False, repr=False)
class DepthMap:
    """Relative depth: inverse distances up to scale and shift.

    `nearfar.calibration` converts it to metres; scale and shift are unknown here.

    Attributes:
        inverse_depth: (H, W) float32, finite, not negative; larger is nearer; no unit. Other real
            types are converted. Made read-only, not copied.
        model: name of the model that estimated it.

    Raises:
        DepthMapError: the values are invalid.
    """

    inverse_depth: NDArray[np.float32]
    model: str = ""

    def __post_init__(self) -> None:
        values = _plane(self.inverse_depth)
        low, high = float(values.min()), float(values.max())
        if not 0 <= low <= high < np.inf:
            raise DepthMapError(
                f"relative depth from {low:g} to {high:g}: every value must be finite, 0 or more"
            )
        object.__setattr__(self, "inverse_depth", values)

    def relative(self) -> "DepthMap":
        """Return the map itself; `MetricDepth.relative` is its counterpart."""
        return self

    @property
    def width_px(self) -> int:
        """Columns."""
        return int(self.inverse_depth.shape[1])

    @property
    def height_px(self) -> int:
        """Rows."""
        return int(self.inverse_depth.shape[0])

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width_px, self.height_px

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), as of an array."""
        return self.height_px, self.width_px

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return _as_array(self.inverse_depth, dtype, copy)

    def __repr__(self) -> str:
        low, high = float(self.inverse_depth.min()), float(self.inverse_depth.max())
        return (
            f"DepthMap({self.width_px} x {self.height_px} px, inverse depth {low:.3g} (far) to"
            f" {high:.3g} (near), by {self.model or 'an unnamed model'})"
        )

    def _repr_png_(self) -> bytes:
        """Return the colored map with a color bar, as notebooks show it."""
        return _notebook_png(self.colorize(), ("near", "far"))

    def nearness(self, *, robust: bool = False) -> NDArray[np.float32]:
        """Scale the map to 0 to 1.

        Args:
            robust: the limits are the 2nd and the 98th percentile instead of minimum and maximum;
                values beyond are clipped. In a large map, they are computed from every second,
                third … pixel of every such row. If both are equal, minimum and maximum are used.

        Returns:
            (H, W) float32: 0 is the farthest, 1 the nearest pixel; zeros for a constant map.
        """
        return between(self.inverse_depth, *self.limits(robust=robust))

    def limits(self, *, robust: bool = False) -> tuple[np.float32, np.float32]:
        """Return the inverse depths whose nearness is 0 and 1; `robust` as for `nearness`."""
        return limits(self.inverse_depth, robust=robust)

    def at(self, x_px: int, y_px: int) -> float:
        """Read one pixel's inverse depth.

        Raises:
            PointError: outside the picture.
        """
        return _at(self.inverse_depth, x_px, y_px)

    def percentile(self, x_px: int, y_px: int) -> float:
        """Return the percentage of pixels that are farther than a pixel, 0 to 100.

        Pixels of equal depth count half, so the result for a constant map is 50 everywhere.

        Raises:
            PointError: outside the picture.
        """
        value = _at(self.inverse_depth, x_px, y_px)
        farther = np.count_nonzero(self.inverse_depth < value)
        nearer = np.count_nonzero(self.inverse_depth > value)
        return float(50 + 50 * (farther - nearer) / self.inverse_depth.size)

    def colorize(
        self, colormap: str = colormaps.COLORMAPS[0], *, robust: bool = False
    ) -> NDArray[np.uint8]:
        """Color the map, near = warm.

        Args:
            colormap: one of `nearfar.imaging.colormaps.COLORMAPS`.
            robust: see `nearness`.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            UsageError: no color map of that name.
        """
        return colormaps.apply(self.inverse_depth, colormap, self.limits(robust=robust))

    def save(
        self, path: str | os.PathLike[str], *, format: str | None = None, overwrite: bool = True
    ) -> None:
        """Write the map, or a color picture of it where the suffix is .jpg, .jpeg or .webp.

        Arguments and errors are those of `nearfar.io.depth_files.write_depth`.
        """
        if _is_picture(path, format):
            write_image(self.colorize(), path, overwrite=overwrite)
            return
        write_depth(self._raster(), path, format=format, overwrite=overwrite)

    def encode(self, format: str = DEFAULT_FORMAT) -> bytes:
        """Return the content of such a file; see `nearfar.io.depth_files.encode_depth`."""
        return encode_depth(self._raster(), format)

    def _raster(self) -> DepthRaster:
        return DepthRaster(self.inverse_depth, "inverse_depth", self.model)


@dataclass(frozen=True, eq=False, repr=False)
class MetricDepth:
    """Depth in metres, along the view axis.

    Attributes:
        metres: (H, W) float32, above 0; inf where there is no surface. Other real types are
            converted. Read-only here; not copied.
        model: name of the model that estimated it.
        assumption: basis of the metres, as a sentence.

    Raises:
        DepthMapError: the values are invalid.
    """

    metres: NDArray[np.float32]
    model: str = ""
    assumption: str = ""

    def __post_init__(self) -> None:
        values = _plane(self.metres)
        low = float(values.min())
        if not low > 0:
            raise DepthMapError(
                f"a distance of {low:g} m: every distance must be over 0, or inf for no surface"
            )
        object.__setattr__(self, "metres", values)

    @property
    def inverse_depth(self) -> NDArray[np.float32]:
        """(H, W) float32 in 1/metre, 0 where there is no surface; computed on each access."""
        with np.errstate(over="ignore"):
            return np.asarray(np.minimum(1 / self.metres, np.finfo(np.float32).max), np.float32)

    def relative(self) -> DepthMap:
        """Return relative depth: `inverse_depth` without its unit."""
        return DepthMap(self.inverse_depth, self.model)

    @property
    def width_px(self) -> int:
        """Columns."""
        return int(self.metres.shape[1])

    @property
    def height_px(self) -> int:
        """Rows."""
        return int(self.metres.shape[0])

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width_px, self.height_px

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), as of an array."""
        return self.height_px, self.width_px

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return _as_array(self.metres, dtype, copy)

    def __repr__(self) -> str:
        seen = self.metres[np.isfinite(self.metres)]
        span = f"{seen.min():.3g} to {seen.max():.3g} m" if seen.size else "no surface"
        model = self.model or "an unnamed model"
        return f"MetricDepth({self.width_px} x {self.height_px} px, {span}, by {model})"

    def _repr_png_(self) -> bytes:
        """Return the colored map with a color bar, as notebooks show it."""
        if not np.isfinite(self.metres).any():
            return _notebook_png(self.colorize(), ("no surface", ""))
        farthest, nearest = self._limits()
        inverse = np.linspace(nearest, farthest, _LABELS)
        labels = [f"{1 / each:.3g} m" for each in inverse]
        return _notebook_png(self.colorize(), labels)

    def nearness(self, *, robust: bool = False) -> NDArray[np.float32]:
        """Scale inverse distance to 0 to 1; see `DepthMap.nearness`."""
        return self.relative().nearness(robust=robust)

    def percentile(self, x_px: int, y_px: int) -> float:
        """Return the percentage of pixels that are farther; see `DepthMap.percentile`."""
        return self.relative().percentile(x_px, y_px)

    def at(self, x_px: int, y_px: int) -> float:
        """Read one pixel's distance in metres; inf where there is no surface.

        Raises:
            PointError: outside the picture.
        """
        return _at(self.metres, x_px, y_px)

    def colorize(
        self, colormap: str = colormaps.COLORMAPS[0], *, robust: bool = False
    ) -> NDArray[np.uint8]:
        """Color the map by inverse distance, near = warm; no surface counts as farthest.

        Args:
            colormap: one of `nearfar.imaging.colormaps.COLORMAPS`.
            robust: limits at the 2nd and the 98th percentile of pixels with a surface.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            UsageError: no color map of that name.
        """
        return colormaps.apply(self.inverse_depth, colormap, self._limits(robust=robust))

    def _limits(self, *, robust: bool = False) -> tuple[np.float32, np.float32]:
        inverse = self.inverse_depth
        return limits(inverse[inverse > 0], robust=robust)

    def save(
        self, path: str | os.PathLike[str], *, format: str | None = None, overwrite: bool = True
    ) -> None:
        """Write the map, or a color picture of it where the suffix is .jpg, .jpeg or .webp.

        Arguments and errors are those of `nearfar.io.depth_files.write_depth`.
        """
        if _is_picture(path, format):
            write_image(self.colorize(), path, overwrite=overwrite)
            return
        write_depth(self._raster(), path, format=format, overwrite=overwrite)

    def encode(self, format: str = DEFAULT_FORMAT) -> bytes:
        """Return the content of such a file; see `nearfar.io.depth_files.encode_depth`."""
        return encode_depth(self._raster(), format)

    def _raster(self) -> DepthRaster:
        return DepthRaster(self.metres, "metres", self.model, self.assumption)


Depth: TypeAlias = DepthMap | MetricDepth
"""Result of an estimator: metres if its network outputs them, otherwise relative depth."""


def read_depth(path: str | os.PathLike[str] | bytes, *, kind: Kind | None = None) -> Depth:
    """Read a depth file, a path or its bytes.

    Args:
        path: the file, in any format of `nearfar.io.depth_files`.
        kind: type of the values, for a file that does not declare it.

    Raises:
        DepthFileError: see `nearfar.io.depth_files.read_raster`.
    """
    raster = read_raster(path, kind=kind)
    if raster.kind == "metres":
        return MetricDepth(raster.values, raster.model, raster.note)
    return DepthMap(raster.values, raster.model)


def _is_picture(path: str | os.PathLike[str], format: str | None) -> bool:
    return format is None and Path(path).suffix.lower() in COLOR_SUFFIXES


def _as_array(
    values: NDArray[np.float32], dtype: DTypeLike | None, copy: bool | None
) -> NDArray[Any]:
    """Implement `__array__`; return the read-only array itself if no copy is needed."""
    wanted = values.dtype if dtype is None else np.dtype(dtype)
    if copy is False and wanted != values.dtype:
        raise ValueError(f"a depth map is float32: {wanted} needs a copy")
    return values.astype(wanted, copy=bool(copy))


def _notebook_png(picture: NDArray[np.uint8], labels: Sequence[str]) -> bytes:
    from nearfar.imaging.color_bar import with_color_bar

    small = smaller(picture, fitting(picture.shape, _NOTEBOOK_PX))
    return encode_image(with_color_bar(small, labels, colormaps.COLORMAPS[0]), ".png")


def _plane(values: NDArray[Any]) -> NDArray[np.float32]:
    if values.ndim != 2 or values.size == 0:
        raise DepthMapError(f"an array of shape {values.shape}: give (height, width)")
    if values.dtype.kind not in "fiu":
        raise DepthMapError(f"an array of {values.dtype}: give float32")
    with np.errstate(over="ignore"):
        view: NDArray[np.float32] = values.astype(np.float32, copy=False).view()
    view.flags.writeable = False
    return view


def _at(values: NDArray[np.float32], x_px: int, y_px: int) -> float:
    height_px, width_px = values.shape
    if not (0 <= index(x_px) < width_px and 0 <= index(y_px) < height_px):
        raise PointError(
            f"the point {x_px},{y_px} is outside the picture: x is from 0 to {width_px - 1},"
            f" y from 0 to {height_px - 1}"
        )
    return float(values[y_px, x_px])
