"""The files that a visitor of the page can download."""

from dataclasses import dataclass
from typing import Final

from nearfar.calibration import DistanceOptions
from nearfar.config import ImageLimits, OutputOptions
from nearfar.depth import MetricDepth
from nearfar.geometry.cloud import make_cloud
from nearfar.geometry.export import encode_cloud
from nearfar.imaging.colormaps import side_by_side
from nearfar.io.depth_codecs import DepthRaster
from nearfar.io.depth_files import FORMATS, encode_depth
from nearfar.io.images import Image, encode_image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.points import Visit, metric_of
from nearfar.web.session_store import Result


@dataclass(frozen=True)
class Download:
    """One button.

    Attributes:
        name: of the kind of file; the button's id is `nf-get-<name>`.
        label_key: of its text.
    """

    name: str
    label_key: str


PICTURES: Final = (
    Download("color", "option.color"),
    Download("side_by_side", "option.side_by_side"),
)
CLOUD: Final = Download("cloud", "depth.download.cloud")

DOWNLOADS: Final = (
    *PICTURES,
    *(Download(name, f"depth.download.{name}") for name in FORMATS),
    CLOUD,
)
"""Every button, in order."""


def make_download(
    name: str, result: Result, visit: Visit, look: OutputOptions, limits: ImageLimits
) -> tuple[bytes, str]:
    """Create a file at the photo's size; slow for large photos.

    Args:
        name: of one of `DOWNLOADS`.
        result: photo and map.
        visit: with distances, depth files and cloud are in metres.
        look: colors of pictures.
        limits: for reading the photo again.

    Returns:
        Content and file name.

    Raises:
        NearfarError: the format does not support it, or the distances do not determine metres.
    """
    stem = result.photo.stem
    if name in {"color", "side_by_side"}:
        picture = result.depth.colorize(look.colormap, robust=look.robust)
        if name == "color":
            return encode_image(picture, ".png"), f"{stem}-depth-color.png"
        photo = _photo(result, limits)
        return encode_image(side_by_side(photo, picture), ".jpg"), f"{stem}-depth-side.jpg"
    metric = metric_of(result, visit)
    if name == "cloud":
        return _cloud(result, metric, limits), f"{stem}-cloud.ply"
    suffix = FORMATS[name].suffixes[0]
    if metric is None:
        return result.depth.encode(name), f"{stem}-depth{suffix}"
    raster = DepthRaster(metric.metres, "metres", metric.model, metric.assumption)
    return encode_depth(raster, name), f"{stem}-metres{suffix}"


def _cloud(result: Result, metric: MetricDepth | None, limits: ImageLimits) -> bytes:
    if metric is None:
        assumed = DistanceOptions().calibrate(result.depth, result.camera().hfov_deg)
        metric = assumed.apply(result.depth)
    photo = _photo(result, limits)
    return encode_cloud(make_cloud(metric, photo, result.camera()), ".ply")


def _photo(result: Result, limits: ImageLimits) -> Image:
    with IsolatedImageFile(result.photo.content, limits=limits) as file:
        return file.read()
