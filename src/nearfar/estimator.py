"""Estimate depth: a photo in, a depth map out."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.config import EstimateOptions
from nearfar.depth import Depth, DepthMap, MetricDepth
from nearfar.errors import ImageError, InferenceError, UsageError
from nearfar.imaging.guided_filter import refine
from nearfar.io.images import Image, ImageFile, Photo, open_photo
from nearfar.models.family import family_of
from nearfar.models.preprocess import prepare, target_size
from nearfar.models.spec import InputSpec, ModelSpec
from nearfar.runtimes.base import Batch, CameraSession, RawDepth, Session

SPARE = 2
"""Minimum ratio of the size at which a JPEG is decoded to the size of the network's input.

Decoded at the input's size or just above, a JPEG yields a map that differs by 6 % (mean over
photos, of the map's mean deviation) from that of the whole photo; at twice the size, 2 %; at four
times, 1 %, for more time (benchmarks/decode_size.py).
"""

_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


class Estimator:
    """A loaded model, ready for any number of photos. Safe to share between threads.

    A call runs `prepare`, `session.run` and `finish`. `nearfar.load` creates one. It can be
    pickled, for a process pool: the other process loads the same model again.

    Args:
        spec: description of the model.
        session: the loaded network.
        options: options of estimation.
        reload: loads the same estimator in another process; required for pickling.
        camera: of the photos; see `for_camera`.
        fov_deg: horizontal field of view of photos without a given camera.
    """

    def __init__(
        self,
        spec: ModelSpec,
        session: Session,
        options: EstimateOptions | None = None,
        *,
        reload: "Callable[[], Estimator] | None" = None,
        camera: Camera | None = None,
        fov_deg: float | None = None,
    ) -> None:
        self.spec = spec
        self.session = session
        self.options = options or EstimateOptions()
        self.camera = camera
        self.fov_deg = fov_deg
        self._reload = reload

    def __repr__(self) -> str:
        return f"Estimator({self.spec.name!r} in {self.session.runtime})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reload is None:
            raise UsageError("this Estimator can't be pickled: use one that nearfar.load made")
        return _reload, (self._reload, self.camera, self.fov_deg)

    def __call__(
        self,
        image: Photo,
        *,
        size_px: tuple[int, int] | None = None,
        bgr: bool = False,
        camera: Camera | None = None,
    ) -> Depth:
        """Estimate the depth of one photo.

        Args:
            image: a path, bytes, an open binary file, a PIL picture, or an upright uint8 array:
                (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey. Transparency is blended with white.
            size_px: width and height of the map; default: the photo's. Useful if `image` was
                decoded at a smaller size than the photo's.
            bgr: whether the channels of an array are in OpenCV's order, as `cv2.imread` returns
                them.
            camera: of the photo, if known; see `for_camera`.

        Returns:
            Metres if the network outputs metres, otherwise relative depth.

        Raises:
            PhotoTypeError: another type; it is also a TypeError.
            ImageError: the photo can't be read.
            InferenceError: the network failed, or returned NaN.
        """
        own = self if camera is None else self.for_camera(camera)
        photo = open_photo(image, bgr=bgr)
        if isinstance(photo, ImageFile):
            with photo:
                return own.from_file(photo, size_px=size_px)
        if own.camera is None:
            own = own.for_photo(size_px or (photo.shape[1], photo.shape[0]))
        raw = own.session.run(own.prepare(photo))
        return own.finish(raw[0], photo, size_px=size_px)

    def from_file(
        self,
        file: ImageFile,
        *,
        size_px: tuple[int, int] | None = None,
        fov_deg: float | None = None,
    ) -> Depth:
        """Estimate the depth of an encoded photo.

        A large JPEG is decoded only at the necessary size.

        Args:
            file: the photo.
            size_px: width and height of the map; default: the photo's.
            fov_deg: horizontal field of view, 1 to 170; default: that of EXIF.
        """
        is_known = self.camera is not None and fov_deg is None
        own = self if is_known else self.of_file(file, fov_deg=fov_deg)
        return own(self.decode(file), size_px=size_px or (file.width_px, file.height_px))

    def of_file(self, file: ImageFile, *, fov_deg: float | None = None) -> "Estimator":
        """Return an estimator for the camera of a photo; arguments are those of `from_file`."""
        return self.for_photo(
            (file.width_px, file.height_px), fov_deg=fov_deg, focal_35mm_mm=file.focal_35mm_mm
        )

    def for_photo(
        self,
        size_px: tuple[int, int],
        *,
        fov_deg: float | None = None,
        focal_35mm_mm: float | None = None,
    ) -> "Estimator":
        """Return an estimator for photos of one camera, or itself if the network uses none.

        Args:
            size_px: width and height of the whole photo.
            fov_deg: horizontal field of view; default: the estimator's.
            focal_35mm_mm: 35 mm equivalent focal length, if EXIF contains it. If both are unknown,
                a network that needs a camera gets one of 60 degrees, which the result reports.

        Raises:
            GeometryError: a number out of range.
        """
        fov_deg = self.fov_deg if fov_deg is None else fov_deg
        use = family_of(self.spec.graph).camera_use(self.spec.graph)
        is_known = fov_deg is not None or focal_35mm_mm is not None
        if use == "no" or (use == "if known" and not is_known):
            return self
        return self.for_camera(
            Camera.of_photo(size_px, fov_deg=fov_deg, focal_35mm_mm=focal_35mm_mm)
        )

    def with_fov(self, fov_deg: float | None) -> "Estimator":
        """Return an estimator of the same model for photos of this horizontal field of view.

        Args:
            fov_deg: 1 to 170; None is that of EXIF. Ignored by networks that don't use the camera.
        """
        return Estimator(
            self.spec, self.session, self.options, reload=self._reload, fov_deg=fov_deg
        )

    def for_camera(self, camera: Camera) -> "Estimator":
        """Return an estimator of the same model for photos of one camera.

        Args:
            camera: of the whole photo; ignored by networks that don't use it.

        Raises:
            InferenceError: the network uses it, but the runtime does not support that.
        """
        if family_of(self.spec.graph).camera_use(self.spec.graph) == "no":
            return self
        if not isinstance(self.session, CameraSession):
            raise InferenceError(
                f"{self.spec.name} uses the camera, which the runtime"
                f" {self.session.runtime} does not support: use onnxruntime"
            )
        session = self.session.for_camera(camera)
        return Estimator(self.spec, session, self.options, reload=self._reload, camera=camera)

    def decode(self, file: ImageFile) -> Image:
        """Decode a photo at the size that its map needs; a large JPEG may be downscaled.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ImageError: the pixels are damaged, or too many for the memory.
        """
        at_least_px, _ = plan((file.width_px, file.height_px), self.spec.input, self.options)
        return file.read(at_least_px=at_least_px)

    def fed_px(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Return the size of the network's input for a photo of this width and height.

        Raises:
            UsageError: the maximum side is too small for this model.
        """
        return target_size(*size_px, self.spec.input, input_size_px=self.options.input_size_px)

    def prepare(self, image: Image) -> Batch:
        """Resize and normalize one photo to the model's input, (1, 3, h, w) float32."""
        check_image(image)
        return prepare(image, self.spec.input, input_size_px=self.options.input_size_px)

    def finish(
        self, raw: RawDepth, image: Image, *, size_px: tuple[int, int] | None = None
    ) -> Depth:
        """Convert the network's output for one photo to a map of the photo's size.

        Args:
            raw: (h, w) float32, larger = nearer; see `nearfar.models.family`.
            image: the photo.
            size_px: width and height of the map; default: the photo's.

        Returns:
            Metres if the network outputs metres, otherwise relative depth.
        """
        if not family_of(self.spec.graph).gives_metres(self.spec.graph):
            return self.relative(raw, image, size_px=size_px)
        self.check(raw)
        is_seen = raw > 0
        known = raw if is_seen.all() else _fill(raw, is_seen)
        inverse = refine(known, image) if self.options.refine else known
        size_px = size_px or (image.shape[1], image.shape[0])
        resized = cv2.resize(inverse, size_px, interpolation=cv2.INTER_LINEAR)
        # refinement may slightly exceed the network's range
        inverse = np.asarray(np.clip(resized, known.min(), known.max()), np.float32)
        if known is not raw:
            shares = cv2.resize(is_seen.astype(np.float32), size_px, interpolation=cv2.INTER_LINEAR)
            inverse[shares < 0.5] = 0
        metres = np.full_like(inverse, np.inf)
        np.divide(1, inverse, out=metres, where=inverse > 0)
        note = "metres of the network"
        if self.camera is not None:
            note = f"{note}; {self.camera.note}"
        return MetricDepth(metres, self.spec.name, note)

    def relative(
        self, raw: RawDepth, image: Image, *, size_px: tuple[int, int] | None = None
    ) -> DepthMap:
        """Convert the network's output to relative depth, even if it is in metres.

        Arguments are those of `finish`.
        """
        self.check(raw)
        if self.spec.output.zero == "free":
            raw = raw - raw.min()
        surface = refine(raw, image) if self.options.refine else raw
        size_px = size_px or (image.shape[1], image.shape[0])
        # resize copies even at the same size, so the network's output is not modified
        kind = _INTERPOLATION[self.spec.output.interpolation]
        surface = np.asarray(cv2.resize(surface, size_px, interpolation=kind), np.float32)
        return DepthMap(np.maximum(surface, 0, out=surface), self.spec.name)

    def check(self, raw: RawDepth) -> None:
        """Check that the network's output is a valid map.

        Raises:
            InferenceError: it contains NaN or infinity.
        """
        if not np.isfinite(raw).all():
            raise InferenceError(
                f"{self.spec.name} returned NaN or infinity:"
                f" check the file with: nearfar models verify {self.spec.name}"
            )


def _reload(
    reload: Callable[[], Estimator], camera: Camera | None, fov_deg: float | None
) -> Estimator:
    estimator = reload()
    if fov_deg is not None:
        estimator = estimator.with_fov(fov_deg)
    return estimator if camera is None else estimator.for_camera(camera)


def plan(
    size_px: tuple[int, int], spec: InputSpec, options: EstimateOptions
) -> tuple[int | None, tuple[int, int] | None]:
    """Plan the size at which a photo is decoded, and to which it is downscaled before `prepare`.

    Args:
        size_px: its width and height.
        spec: the network's input.
        options: options of estimation.

    Returns:
        Minimum pixels of its longer side, None for the full size; and the size to which it can then
        be downscaled by area averages without a change of the map, None if the photo itself is
        needed.

    Raises:
        UsageError: the maximum side is too small for this model.
    """
    fed_px = target_size(*size_px, spec, input_size_px=options.input_size_px)
    if options.refine:
        return None, None
    # both sides must suffice, even if the model doesn't keep the aspect ratio
    enlarge = max(fed_px[0] / size_px[0], fed_px[1] / size_px[1])
    at_least_px = math.ceil(SPARE * enlarge * max(size_px))
    is_kept = target_size(*fed_px, spec, input_size_px=options.input_size_px) == fed_px
    return at_least_px, fed_px if spec.interpolation == "area" and is_kept else None


def _fill(inverse: RawDepth, is_seen: NDArray[np.bool_]) -> RawDepth:
    """Fill pixels without a surface with the value of the nearest surface; 0 if there is none."""
    hidden = np.uint8(1) - is_seen.astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        hidden, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(int(labels.max()) + 1, np.float32)
    values[labels[is_seen]] = inverse[is_seen]
    filled: RawDepth = values[labels]
    return filled


def check_image(image: Image) -> None:
    """Check that an array is a photo.

    Raises:
        ImageError: not (H, W, 3) uint8, or empty.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ImageError(
            f"a photo is an array (height, width, 3) of uint8, not {image.shape} of"
            f" {image.dtype}: nearfar.read_image returns one"
        )
