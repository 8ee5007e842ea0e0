"""nearfar: what is near and what is far, from one photo, on a plain CPU.

    import nearfar
    estimator = nearfar.load()
    depth = estimator(nearfar.read_image("street.jpg"))
    depth.save("street-depth.png")

Importing this package loads nothing heavy; each name is fetched when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from nearfar.version import __version__

if TYPE_CHECKING:
    from nearfar import effects
    from nearfar.depth import DepthMap, MetricDepth, read_depth
    from nearfar.errors import NearfarError
    from nearfar.estimator import Estimator
    from nearfar.io.images import read_image
    from nearfar.loading import load
    from nearfar.models.registry import list_models

__all__ = [
    "DepthMap",
    "Estimator",
    "MetricDepth",
    "NearfarError",
    "__version__",
    "effects",
    "list_models",
    "load",
    "read_depth",
    "read_image",
]

_ROOM = {
    "DepthMap": "depth",
    "Estimator": "estimator",
    "MetricDepth": "depth",
    "NearfarError": "errors",
    "list_models": "models.registry",
    "load": "loading",
    "read_depth": "depth",
    "read_image": "io.images",
}


def __getattr__(name: str) -> Any:
    if name == "effects":
        return importlib.import_module("nearfar.effects")
    if name not in _ROOM:
        raise AttributeError(f"module 'nearfar' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"nearfar.{_ROOM[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
