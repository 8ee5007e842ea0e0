"""Table of all texts of the page, in every language."""

from typing import Final, Literal, get_args

from nearfar.web.i18n.base import Text
from nearfar.web.i18n.depth import DEPTH
from nearfar.web.i18n.effects import EFFECT
from nearfar.web.i18n.errors import ERRORS
from nearfar.web.i18n.live import LIVE
from nearfar.web.i18n.models import MODEL
from nearfar.web.i18n.photo import PHOTO
from nearfar.web.i18n.scene import SCENE
from nearfar.web.i18n.video import VIDEO

Language = Literal["en", "zh"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
"""Languages of the page; the first is the default."""

_COMMON: Final[dict[str, Text]] = {
    "common.claim": Text(
        "What is near, what is far: depth from one photo.",
        "一张照片，看清远近。",
    ),
    "common.language": Text("Language", "语言"),
    "common.theme": Text("Light or dark", "浅色或深色"),
    "common.tab.depth": Text("Depth", "深度"),
    "common.tab.effects": Text("Effects", "效果"),
    "common.tab.scene": Text("3D", "三维"),
    "common.tab.video": Text("Video", "视频"),
    "common.tab.live": Text("Live", "实时"),
    "common.livelink": Text("Open the live view on its own", "在单独的页面打开实时画面"),
    "common.liveframe": Text("Live depth from your camera", "摄像头实时深度"),
}

TEXTS: Final[dict[str, Text]] = {
    **_COMMON,
    **DEPTH,
    **EFFECT,
    **ERRORS,
    **LIVE,
    **MODEL,
    **PHOTO,
    **SCENE,
    **VIDEO,
}
"""Key -> text. A key begins with the name of the part that uses it."""


def say(key: str, language: Language, **values: object) -> str:
    """Return a text with its placeholders filled.

    Args:
        key: of `TEXTS`.
        language: one of `LANGUAGES`.
        values: values of the placeholders, by name.
    """
    text: str = getattr(TEXTS[key], language)
    return text.format(**values) if values else text
