"""An effect for every frame of a clip, with its options given as texts."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from nearfar.effects import Effect
from nearfar.effects.frames import FRAME_EFFECTS, for_each_frame
from nearfar.errors import UsageError
from nearfar.io.images import ImageFile
from nearfar.video.renderers import FrameEffect


def frame_effect(name: str, settings: Sequence[str] = ()) -> FrameEffect:
    """Make of an effect what `nearfar.video.renderers.show_effect` takes.

    Args:
        name: of an effect that makes a picture.
        settings: its options, each as `name=value`; a picture is a path.

    Raises:
        UsageError: no such effect or option, or a value out of its range.
        ImageError: a picture that can't be read.
    """
    if name not in FRAME_EFFECTS:
        raise UsageError(f"no effect {name!r} for a clip: there are {', '.join(FRAME_EFFECTS)}")
    effect = FRAME_EFFECTS[name]
    options = effect.options.of(**dict(_read(effect, setting) for setting in settings))
    return for_each_frame(effect, options)


def _read(effect: Effect[Any, Any], setting: str) -> tuple[str, Any]:
    from pydantic import TypeAdapter, ValidationError

    name, equals, text = setting.partition("=")
    name = name.strip().replace("-", "_")
    option = next((each for each in fields(effect.options) if each.name == name), None)
    if option is None or not equals:
        names = ", ".join(each.name for each in fields(effect.options))
        raise UsageError(f"--set {setting}: give name=value; {effect.name} has {names}")
    if "picture" in option.metadata:
        with ImageFile(Path(text)) as file:
            return name, file.read(keep_alpha=True)
    try:
        hint = get_type_hints(effect.options)[name]
        return name, TypeAdapter(hint).validate_strings(text)
    except ValidationError as error:
        raise UsageError(f"--set {setting}: {error.errors()[0]['msg']}") from error
