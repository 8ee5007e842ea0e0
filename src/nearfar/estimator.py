"""The main job: a photo in, a depth map out."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap
from nearfar.errors import ImageError, InferenceError, UsageError
from nearfar.imaging.guided_filter import refine
from nearfar.io.images import Image, ImageFile, Photo, open_photo
from nearfar.models.preprocess import prepare, target_size
from nearfar.models.spec import InputSpec, ModelSpec
from nearfar.runtimes.base import Batch, RawDepth, Session

SPARE = 2
"""How many times larger than it is fed a JPEG is decoded at the least.

Decoded at the size that is fed or just above, a JPEG gives a map 6 % off (mean over photos, of the
map's mean deviation) from that of the whole photo; at twice the size, 2 %; at four times, 1 %, for
more time (benchmarks/decode_size.py).
"""

_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


class Estimator:
    """A loaded model, ready for any number of photos. Safe to share between threads.

    Calling it runs `prepare`, `session.run` and `finish` in turn. `nearfar.load` makes one. It can
    be pickled, for a process pool: the other process loads the same model again.

    Args:
        spec: what the model is.
        session: the loaded network.
        options: how photos become depth.
        reload: loads the same estimator in another process; without it, it can't be pickled.
    """

    def __init__(
        self,
        spec: ModelSpec,
        session: Session,
        options: EstimateOptions | None = None,
        *,
        reload: "Callable[[], Estimator] | None" = None,
    ) -> None:
        self.spec = spec
        self.session = session
        self.options = options or EstimateOptions()
        self._reload = reload

    def __repr__(self) -> str:
        return f"Estimator({self.spec.name!r} in {self.session.runtime})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reload is None:
            raise UsageError("this Estimator can't be pickled: use one that nearfar.load made")
        return _reloaded, (self._reload,)

    def __call__(
        self, image: Photo, *, size_px: tuple[int, int] | None = None, bgr: bool = False
    ) -> DepthMap:
        """Estimate the depth of one photo.

        Args:
            image: a path, bytes, an open binary file, a PIL picture, or an upright uint8 array:
                (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey. Transparent pixels are laid over
                white.
            size_px: width and height of the map; the photo's own when not given. Of use when
                `image` was decoded at a smaller size than the photo has.
            bgr: whether the channels of an array are in OpenCV's order, as `cv2.imread` gives them.

        Raises:
            PhotoTypeError: `image` is none of these; it is a TypeError too.
            ImageError: the photo can't be read.
            InferenceError: the network failed, or answered with NaN.
        """
        photo = open_photo(image, bgr=bgr)
        if isinstance(photo, ImageFile):
            with photo:
                return self.from_file(photo, size_px=size_px)
        raw = self.session.run(self.prepare(photo))
        return self.finish(raw[0], photo, size_px=size_px)

    def from_file(self, file: ImageFile, *, size_px: tuple[int, int] | None = None) -> DepthMap:
        """Estimate the depth of a photo that is still encoded.

        A big JPEG is decoded only as large as it is needed.

        Args:
            file: the photo.
            size_px: width and height of the map; the photo's own when not given.
        """
        return self(self.decode(file), size_px=size_px or (file.width_px, file.height_px))

    def decode(self, file: ImageFile) -> Image:
        """Decode a photo as large as its map needs it; a big JPEG may come out smaller.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ImageError: the pixels are damaged, or too many for the memory.
        """
        at_least_px, _ = plan((file.width_px, file.height_px), self.spec.input, self.options)
        return file.read(at_least_px=at_least_px)

    def fed_px(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Width and height at which a photo of this width and height is fed.

        Raises:
            UsageError: the longest side allowed is too small for this model.
        """
        return target_size(*size_px, self.spec.input, max_side_px=self.options.max_side_px)

    def prepare(self, image: Image) -> Batch:
        """Resize and normalise one photo to (1, 3, h, w) float32, as its model wants it."""
        check_image(image)
        return prepare(image, self.spec.input, max_side_px=self.options.max_side_px)

    def finish(
        self, raw: RawDepth, image: Image, *, size_px: tuple[int, int] | None = None
    ) -> DepthMap:
        """Turn what the network gave for one photo into a map of the photo's size.

        Args:
            raw: (h, w) float32.
            image: the photo it was made from.
            size_px: width and height of the map; the photo's own when not given.
        """
        self.check(raw)
        if self.spec.output.zero == "free":
            raw = raw - raw.min()
        surface = refine(raw, image) if self.options.refine else raw
        size_px = size_px or (image.shape[1], image.shape[0])
        # with a size that it has already, resize copies: what the network gave stays as it is
        kind = _INTERPOLATION[self.spec.output.interpolation]
        surface = np.asarray(cv2.resize(surface, size_px, interpolation=kind), np.float32)
        return DepthMap(np.maximum(surface, 0, out=surface), self.spec.name)

    def check(self, raw: RawDepth) -> None:
        """Refuse an answer of the network that is no map.

        Raises:
            InferenceError: NaN or infinity is in it.
        """
        if not np.isfinite(raw).all():
            raise InferenceError(
                f"{self.spec.name} answered with values that are no numbers:"
                f" check the file with: nearfar models verify {self.spec.name}"
            )


def _reloaded(reload: Callable[[], Estimator]) -> Estimator:
    return reload()


def plan(
    size_px: tuple[int, int], spec: InputSpec, options: EstimateOptions
) -> tuple[int | None, tuple[int, int] | None]:
    """Plan how large a photo is decoded, and how small it can be made before it is prepared.

    Args:
        size_px: its width and height.
        spec: the network's wishes.
        options: how it becomes depth.

    Returns:
        How many pixels its longer side needs at the least, None for all. And the size to which
        averages of areas may bring it then, with the same map; None where the photo itself is
        needed.

    Raises:
        UsageError: the longest side allowed is too small for this model.
    """
    fed_px = target_size(*size_px, spec, max_side_px=options.max_side_px)
    if options.refine:
        return None, None
    # both sides must suffice, also where the model doesn't keep the aspect
    enlarge = max(fed_px[0] / size_px[0], fed_px[1] / size_px[1])
    at_least_px = math.ceil(SPARE * enlarge * max(size_px))
    is_kept = target_size(*fed_px, spec, max_side_px=options.max_side_px) == fed_px
    return at_least_px, fed_px if spec.interpolation == "area" and is_kept else None


def check_image(image: Image) -> None:
    """Refuse an array that is no photo.

    Raises:
        ImageError: not (H, W, 3) uint8, or empty.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ImageError(
            f"a photo is an array (height, width, 3) of uint8, not {image.shape} of"
            f" {image.dtype}: nearfar.read_image makes one"
        )
