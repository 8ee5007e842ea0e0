"""Effects made from a photo and its depth map, and the table of them."""

from typing import Any, Final

from nearfar.effects.autostereogram import EFFECT as _AUTOSTEREOGRAM
from nearfar.effects.base import Clip, Effect, Picture, Sound, WebPage
from nearfar.effects.bokeh import EFFECT as _BOKEH
from nearfar.effects.cutout import EFFECT as _CUTOUT
from nearfar.effects.fade import EFFECT as _FADE
from nearfar.effects.fog import EFFECT as _FOG
from nearfar.effects.functions import (
    autostereogram,
    bokeh,
    cutout,
    fade,
    fog,
    navigate,
    parallax,
    photo3d,
    rack_focus,
    relight,
    sonify,
    stereo,
    sticker,
)
from nearfar.effects.navigate import EFFECT as _NAVIGATE
from nearfar.effects.navigate import NavigationPlan
from nearfar.effects.parallax import EFFECT as _PARALLAX
from nearfar.effects.photo3d import EFFECT as _PHOTO3D
from nearfar.effects.rack_focus import EFFECT as _RACK_FOCUS
from nearfar.effects.relight import EFFECT as _RELIGHT
from nearfar.effects.sonify import EFFECT as _SONIFY
from nearfar.effects.stereo import EFFECT as _STEREO
from nearfar.effects.sticker import EFFECT as _STICKER
from nearfar.errors import UsageError

__all__ = [
    "EFFECTS",
    "Clip",
    "Effect",
    "NavigationPlan",
    "Picture",
    "Sound",
    "WebPage",
    "autostereogram",
    "bokeh",
    "cutout",
    "fade",
    "find",
    "fog",
    "navigate",
    "parallax",
    "photo3d",
    "rack_focus",
    "relight",
    "sonify",
    "stereo",
    "sticker",
]

EFFECTS: Final[tuple[Effect[Any, Any], ...]] = (
    _BOKEH,
    _RACK_FOCUS,
    _PARALLAX,
    _PHOTO3D,
    _CUTOUT,
    _STICKER,
    _FOG,
    _RELIGHT,
    _FADE,
    _STEREO,
    _AUTOSTEREOGRAM,
    _SONIFY,
    _NAVIGATE,
)
"""Every effect, in the order in which they are shown."""

_BY_NAME: Final = {effect.name: effect for effect in EFFECTS}


def find(name: str) -> Effect[Any, Any]:
    """Find an effect.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in _BY_NAME:
        raise UsageError(f"no effect {name!r}; choose one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
