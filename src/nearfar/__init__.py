"""Monocular depth estimation on any CPU: depth from one photo, without a GPU.

    import nearfar
    estimator = nearfar.load()
    depth = estimator("street.jpg")
    depth.save("street-depth.png")

An estimator accepts paths, bytes, files, PIL pictures and arrays. `depth` is a `DepthMap`, which
NumPy and Matplotlib accept as an array; `nearfar.calibration` converts it to metres, and
`nearfar.effects` and `nearfar.geometry` create pictures, point clouds and meshes from it.

Importing this package loads nothing heavy: each name is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from nearfar.version import __version__

if TYPE_CHECKING:
    from nearfar import calibration, effects, errors, geometry
    from nearfar.depth import DepthMap, MetricDepth, read_depth
    from nearfar.errors import NearfarError
    from nearfar.estimator import Estimator
    from nearfar.io.images import read_image
    from nearfar.loading import load
    from nearfar.models.registry import list_models
    from nearfar.pipelines import pipeline

__all__ = [
    "DepthMap",
    "Estimator",
    "MetricDepth",
    "NearfarError",
    "__version__",
    "calibration",
    "effects",
    "errors",
    "geometry",
    "list_models",
    "load",
    "pipeline",
    "read_depth",
    "read_image",
]

_MODULES = ("calibration", "effects", "errors", "geometry")

_PLACES = {
    "DepthMap": "depth",
    "Estimator": "estimator",
    "MetricDepth": "depth",
    "NearfarError": "errors",
    "list_models": "models.registry",
    "load": "loading",
    "pipeline": "pipelines",
    "read_depth": "depth",
    "read_image": "io.images",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"nearfar.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'nearfar' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"nearfar.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
