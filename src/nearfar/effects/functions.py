"""Call an effect as a function of a photo and its depth map, with its options as keywords."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, range_text
from nearfar.depth import DepthMap, MetricDepth
from nearfar.effects.autostereogram import EFFECT as _AUTOSTEREOGRAM
from nearfar.effects.autostereogram import AutostereogramOptions
from nearfar.effects.base import Effect
from nearfar.effects.bokeh import EFFECT as _BOKEH
from nearfar.effects.bokeh import BokehOptions
from nearfar.effects.cutout import EFFECT as _CUTOUT
from nearfar.effects.cutout import CutoutOptions
from nearfar.effects.fade import EFFECT as _FADE
from nearfar.effects.fade import FadeOptions
from nearfar.effects.fog import EFFECT as _FOG
from nearfar.effects.fog import FogOptions
from nearfar.effects.navigate import EFFECT as _NAVIGATE
from nearfar.effects.navigate import NavigateOptions
from nearfar.effects.parallax import EFFECT as _PARALLAX
from nearfar.effects.parallax import ParallaxOptions
from nearfar.effects.photo3d import EFFECT as _PHOTO3D
from nearfar.effects.photo3d import Photo3dOptions
from nearfar.effects.rack_focus import EFFECT as _RACK_FOCUS
from nearfar.effects.rack_focus import RackFocusOptions
from nearfar.effects.relight import EFFECT as _RELIGHT
from nearfar.effects.relight import RelightOptions
from nearfar.effects.sonify import EFFECT as _SONIFY
from nearfar.effects.sonify import SonifyOptions
from nearfar.effects.stereo import EFFECT as _STEREO
from nearfar.effects.stereo import StereoOptions
from nearfar.effects.sticker import EFFECT as _STICKER
from nearfar.effects.sticker import StickerOptions
from nearfar.errors import DepthMapError, ImageError
from nearfar.io.images import Image, Source, read_image

Photo: TypeAlias = "Source | Image"
"""Whatever `nearfar.read_image` takes, or (H, W, 3) uint8 RGB."""

Depth: TypeAlias = DepthMap | MetricDepth | NDArray[Any]
"""A map, relative or in metres, or (h, w) numbers that are larger where the scene is nearer."""

_ASPECT: Final = 0.02  # relative: by how much the shapes of a photo and its map may differ

Parameters = ParamSpec("Parameters")
EffectOptions = TypeVar("EffectOptions", bound=Options)
Result = TypeVar("Result")


def _function(
    effect: Effect[EffectOptions, Result], options: Callable[Parameters, EffectOptions]
) -> Callable[Concatenate[Photo, Depth, Parameters], Result]:
    """Make the function of an effect; its parameters are those of its options' dataclass."""

    def apply(
        photo: Photo, depth_map: Depth, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        pixels = _pixels(photo)
        return effect.apply(pixels, _map_of(depth_map, pixels), options(*args, **kwargs))

    lead = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY, annotation=hint)
        for name, hint in (("photo", Photo), ("depth_map", Depth))
    ]
    rest = inspect.signature(effect.options).parameters.values()
    apply.__name__ = apply.__qualname__ = effect.name.replace("-", "_")
    apply.__module__ = __name__
    apply.__doc__ = _docstring(effect)
    apply.__dict__["__signature__"] = inspect.Signature([*lead, *rest])
    return apply


def _docstring(effect: Effect[Any, Any]) -> str:
    lines = [effect.sentence, "", "Args:"]
    lines.append("    photo: whatever nearfar.read_image takes, or (H, W, 3) uint8 RGB.")
    lines.append("    depth_map: what an Estimator returned, or (h, w) numbers, larger = nearer.")
    for each in fields(effect.options):
        limits = range_text(each.metadata)
        lines.append(f"    {each.name}: {each.metadata['help']}{f' ({limits})' if limits else ''}")
    return "\n".join(lines)


def _pixels(photo: Photo) -> Image:
    if not isinstance(photo, np.ndarray):
        return read_image(photo)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ImageError(
            f"a photo of shape {photo.shape} and {photo.dtype}: give (height, width, 3) uint8 RGB"
        )
    return photo


def _map_of(depth: Depth, photo: Image) -> DepthMap:
    """Return the map at the photo's size."""
    if isinstance(depth, MetricDepth):
        depth = depth.relative()
    elif not isinstance(depth, DepthMap):
        depth = DepthMap(np.asarray(depth, np.float32))
    size_px = photo.shape[1], photo.shape[0]
    if depth.size_px == size_px:
        return depth
    stretch = (depth.width_px / size_px[0]) / (depth.height_px / size_px[1])
    pixel = 1 / min(depth.size_px) + 1 / min(size_px)
    if abs(stretch - 1) > _ASPECT + pixel:
        raise DepthMapError(
            f"a map of {depth.width_px} x {depth.height_px} for a photo of {size_px[0]} x"
            f" {size_px[1]} pixels: give the photo's own map"
        )
    way = cv2.INTER_AREA if depth.width_px > size_px[0] else cv2.INTER_LINEAR
    resized = cv2.resize(depth.inverse_depth, size_px, interpolation=way)
    return DepthMap(np.asarray(resized, np.float32), depth.model)


autostereogram = _function(_AUTOSTEREOGRAM, AutostereogramOptions)
bokeh = _function(_BOKEH, BokehOptions)
cutout = _function(_CUTOUT, CutoutOptions)
fade = _function(_FADE, FadeOptions)
fog = _function(_FOG, FogOptions)
navigate = _function(_NAVIGATE, NavigateOptions)
parallax = _function(_PARALLAX, ParallaxOptions)
photo3d = _function(_PHOTO3D, Photo3dOptions)
rack_focus = _function(_RACK_FOCUS, RackFocusOptions)
relight = _function(_RELIGHT, RelightOptions)
sonify = _function(_SONIFY, SonifyOptions)
stereo = _function(_STEREO, StereoOptions)
sticker = _function(_STICKER, StickerOptions)
