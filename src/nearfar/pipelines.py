"""Estimate depth through the interface of Hugging Face's `transformers.pipeline`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict, overload

import numpy as np
from numpy.typing import NDArray

from nearfar.depth import MetricDepth
from nearfar.errors import UsageError
from nearfar.estimator import Estimator
from nearfar.io.images import Photo
from nearfar.loading import load

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

TASK: Final = "depth-estimation"


class DepthResult(TypedDict):
    """The result for one photo, with the keys of the depth estimation pipeline of transformers."""

    predicted_depth: NDArray[np.float32]
    """(H, W) of the photo's size: inverse depth without a unit, larger = nearer; or metres, for
    metric models."""

    depth: "PillowImage"
    """8-bit grey of the photo's size: white is the nearest pixel, black the farthest."""


@dataclass(frozen=True)
class DepthPipeline:
    """Depth estimation with the interface of a transformers pipeline.

    Attributes:
        estimator: the loaded model.
    """

    estimator: Estimator

    @overload
    def __call__(self, inputs: Photo) -> DepthResult: ...
    @overload
    def __call__(self, inputs: list[Photo] | tuple[Photo, ...]) -> list[DepthResult]: ...
    def __call__(self, inputs: Any) -> Any:
        """Estimate the depth of a photo, or of each of a list.

        Args:
            inputs: input of `Estimator`: a path, bytes, a file, a PIL picture or an array; or a
                list of these. URLs are not supported.

        Raises:
            PhotoTypeError: another type; it is also a TypeError.
            ImageError: a photo can't be read.
        """
        if isinstance(inputs, list | tuple):
            return [self(each) for each in inputs]
        depth = self.estimator(inputs)
        values = depth.metres if isinstance(depth, MetricDepth) else depth.inverse_depth
        return {"predicted_depth": np.array(values), "depth": _grey(depth.colorize("grey"))}


def pipeline(task: str = TASK, model: str = "auto", **options: Any) -> DepthPipeline:
    """Return a depth estimation pipeline, for code written for Hugging Face's transformers.

        depth = nearfar.pipeline("depth-estimation")("photo.jpg")["depth"]

    Args:
        task: `depth-estimation`.
        model: see `nearfar.load`.
        options: further arguments of `nearfar.load`.

    Raises:
        UsageError: another task.
        NearfarError: the model can't be loaded; see `nearfar.load`.
    """
    if task != TASK:
        raise UsageError(f"no task {task!r}: there is {TASK}")
    return DepthPipeline(load(model, **options))


def _grey(picture: NDArray[np.uint8]) -> "PillowImage":
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(picture[..., 0]))
