"""Results of effects, as displayed on the page and as downloads."""

from dataclasses import dataclass
from typing import Any, Final

from nearfar.depth import DepthMap
from nearfar.effects import Clip, Effect, NavigationPlan, Picture, Sound
from nearfar.effects._ground.phrases import plan_in_words
from nearfar.effects.base import fitted
from nearfar.effects.export import FORMATS, default_suffix, encode_result, result_stem
from nearfar.effects.export import Result as Made
from nearfar.io.images import Image, ImageLimits, encode_image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.files import keep_file
from nearfar.web.session_store import Result
from nearfar.web.show_errors import PageError

MOST_FRAMES: Final = 750
"""Maximum of frames of a clip on the page: half a minute at 25 per second."""

CLIP_PX: Final = 640
"""Longest side of a displayed clip."""

FULL_PX: Final = 4096
"""Longest side of a downloaded picture."""

FULL_CLIP_PX: Final = 1280
"""Longest side of a downloaded clip."""


@dataclass(frozen=True)
class Shown:
    """Displayed result; paths of files, None if there is none of a kind.

    Attributes:
        picture: of the result.
        clip: of the result.
        sound: of the result.
        words: description by language code.
        values: a plan, ready for JSON.
        suffixes: of the available files.
    """

    picture: str | None
    clip: str | None
    sound: str | None
    words: dict[str, str]
    values: dict[str, Any] | None
    suffixes: tuple[str, ...]


def show(effect: Effect[Any, Any], result: Result, options: Any) -> Shown:
    """Apply an effect to a photo at display size.

    Raises:
        NearfarError: invalid options, or a clip that is too long.
    """
    photo, depth = result.shown_photo, result.shown_depth
    made = _applied(effect, photo, depth, options, CLIP_PX)
    suffixes = tuple(FORMATS[type(made)])
    words = _words(made)
    if isinstance(made, Picture):
        suffix = default_suffix(made)
        picture = keep_file(encode_image(made.pixels, suffix), f"{effect.name}{suffix}")
        return Shown(picture, None, None, words, None, suffixes)
    if isinstance(made, NavigationPlan):
        picture = keep_file(encode_image(made.pixels, ".jpg"), f"{effect.name}.jpg")
        return Shown(picture, None, None, words, made.values(), suffixes)
    suffix = default_suffix(made)
    path = keep_file(encode_result(made, suffix), f"{effect.name}{suffix}")
    if isinstance(made, Clip):
        return Shown(None, path, None, words, None, suffixes)
    return Shown(None, None, path, words, None, suffixes)


def download(
    effect: Effect[Any, Any], result: Result, options: Any, suffix: str, limits: ImageLimits
) -> str:
    """Create a file at the photo's size, up to `FULL_PX` or `FULL_CLIP_PX`.

    Returns:
        Its path.
    """
    with IsolatedImageFile(result.photo.content, limits=limits) as file:
        photo = file.read(at_least_px=FULL_PX)
    photo, depth = fitted(photo, result.depth, FULL_PX)
    made = _applied(effect, photo, depth, options, FULL_CLIP_PX)
    content = encode_result(made, suffix)
    return keep_file(content, f"{result_stem(result.photo.stem, effect, options)}{suffix}")


def _applied(
    effect: Effect[Any, Any], photo: Image, depth: DepthMap, options: Any, clip_px: int
) -> Made:
    if _is_clip(effect, options):
        photo, depth = fitted(photo, depth, clip_px)
    made: Made = effect.apply(photo, depth, options)
    if isinstance(made, Clip) and made.count > MOST_FRAMES:
        raise PageError("effect.error.longclip", most=MOST_FRAMES)
    return made


def _is_clip(effect: Effect[Any, Any], options: Any) -> bool:
    return effect.name in {"parallax", "rack-focus"} or getattr(options, "layout", "") == "wiggle"


def _words(made: Made) -> dict[str, str]:
    if isinstance(made, NavigationPlan):
        return plan_in_words(made)
    return made.summary if isinstance(made, Sound) else {}
