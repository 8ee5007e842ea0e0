"""What depth is for: one file an effect, and the one tuple of them all."""

from typing import Any, Final

from nearfar.effects import (
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
from nearfar.effects.base import Clip, Effect, Picture, Sound, WebPage
from nearfar.effects.navigate import NavigationPlan
from nearfar.errors import UsageError

__all__ = ["EFFECTS", "Clip", "Effect", "NavigationPlan", "Picture", "Sound", "WebPage", "find"]

EFFECTS: Final[tuple[Effect[Any, Any], ...]] = (
    bokeh.EFFECT,
    rack_focus.EFFECT,
    parallax.EFFECT,
    photo3d.EFFECT,
    cutout.EFFECT,
    sticker.EFFECT,
    fog.EFFECT,
    relight.EFFECT,
    fade.EFFECT,
    stereo.EFFECT,
    autostereogram.EFFECT,
    sonify.EFFECT,
    navigate.EFFECT,
)
"""Every effect, in the order in which they are shown."""

_BY_NAME: Final = {effect.name: effect for effect in EFFECTS}


def find(name: str) -> Effect[Any, Any]:
    """Find an effect.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in _BY_NAME:
        raise UsageError(f"no effect {name!r}: there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
