"""A photo on its way through a worker."""

from functools import partial

from nearfar.config import ImageLimits
from nearfar.depth import DepthMap
from nearfar.errors import ImageTooLargeError
from nearfar.estimator import Estimator, check_image, plan
from nearfar.io.images import Image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.runtimes.base import Batch, RawDepth


def opened(
    photo: bytes | Image, limits: ImageLimits, estimator: Estimator
) -> IsolatedImageFile | Image:
    """Look at a photo; a small one is made as small as it is fed in the same go.

    An encoded one is read in a child process.

    Raises:
        ImageError: it is none, or is beyond the limits.
        ProcessError: the decoder crashed, took too long or needed too much memory.
        UsageError: the longest side allowed is too small for this model.
    """
    if isinstance(photo, bytes):
        sizes = partial(plan, spec=estimator.spec.input, options=estimator.options)
        return IsolatedImageFile(photo, limits=limits, plan=sizes)
    check_image(photo)
    height_px, width_px = photo.shape[:2]
    if width_px * height_px > limits.max_pixels:
        raise ImageTooLargeError(
            f"{width_px} x {height_px} are more than {limits.max_pixels} pixels:"
            " make the picture smaller"
        )
    return photo


class Photo:
    """A photo, the model that looks at it, and what is known between the steps.

    Args:
        estimator: the model, with the options of this photo.
        source: what `opened` gave.

    Raises:
        UsageError: the longest side allowed is too small for this model.
    """

    def __init__(self, estimator: Estimator, source: IsolatedImageFile | Image) -> None:
        self._estimator = estimator
        self._source = source
        if isinstance(source, IsolatedImageFile):
            self.width_px, self.height_px = source.width_px, source.height_px
        else:
            self.height_px, self.width_px = source.shape[:2]
        fed_px = estimator.fed_px((self.width_px, self.height_px))
        self.fed_shape = (fed_px[1], fed_px[0])
        """(h, w) that the network is fed."""
        self._image: Image | None = None

    def prepare(self) -> Batch:
        """Decode the photo at the size that is needed, and make (1, 3, h, w) of it."""
        source = self._source
        self._image = source.read_small() if isinstance(source, IsolatedImageFile) else source
        return self._estimator.prepare(self._image)

    def depth(self, raw: RawDepth) -> DepthMap:
        """Make the map, of the photo's own size, of what the network gave, (h, w)."""
        image, self._image = self._image, None  # what is made of the map needs room too
        if image is None:
            raise RuntimeError("a photo is prepared before its map is made")
        return self._estimator.finish(raw, image, size_px=(self.width_px, self.height_px))

    def raw(self, raw: RawDepth) -> RawDepth:
        """Give what the network gave, (h, w), once it is seen to be a map."""
        self._image = None
        self._estimator.check(raw)
        return raw
