"""What the Depth tab's components become: an update for each that changes."""

from typing import Any, Final

import gradio as gr

from nearfar.config import OutputOptions
from nearfar.io.images import Image, encode_image
from nearfar.web.depthview import bar_html, downloads_html, points_html
from nearfar.web.folder import keep_file
from nearfar.web.markers import draw_markers
from nearfar.web.points import Visit
from nearfar.web.results import Result
from nearfar.web.texts import Language

OUTPUTS: Final = (
    *("photo", "map", "compare", "bar", "facts", "points", "note"),
    *("empty", "filled"),
)
"""What a handler gives after the visit, in this order."""

_QUALITY: Final = 90

Updates = list[Any]


def only(visit: Visit, **updates: Any) -> Updates:
    """Update some of the outputs, by name; the others stay as they are."""
    return [visit, *(updates.get(name, gr.skip()) for name in OUTPUTS)]


def everything(
    result: Result, visit: Visit, language: Language, look: OutputOptions, facts: str
) -> Updates:
    """Show a result: photo, map and slider are drawn and encoded anew."""
    colored = result.shown_depth.colorize(look.colormap, robust=look.robust)
    return only(
        visit,
        compare=(_kept(result.shown_photo, "photo.jpg"), _kept(colored, "depth.jpg")),
        bar=bar_html(look.colormap, language),
        facts=facts,
        empty=gr.update(visible=False),
        filled=gr.update(visible=True),
        **_pointed(result, visit, language, colored),
    )


def pointed(result: Result, visit: Visit, language: Language, look: OutputOptions) -> Updates:
    """Show what points and distances change."""
    colored = result.shown_depth.colorize(look.colormap, robust=look.robust)
    return only(visit, **_pointed(result, visit, language, colored))


def nothing(language: Language) -> Updates:
    """Show an empty page."""
    visit = Visit()
    return only(
        visit,
        photo=None,
        map=None,
        compare=None,
        facts="",
        points="",
        note=downloads_html(visit, language),
        empty=gr.update(visible=True),
        filled=gr.update(visible=False),
    )


def _pointed(result: Result, visit: Visit, language: Language, colored: Image) -> dict[str, Any]:
    joined = visit.metres is not None
    photo, depth = (
        draw_markers(picture, visit.points, size_px=result.depth.size_px, joined=joined)
        for picture in (result.shown_photo, colored)
    )
    return {
        "photo": _kept(photo, "photo.jpg"),
        "map": _kept(depth, "depth.jpg"),
        "points": points_html(result, visit, language),
        "note": downloads_html(visit, language),
    }


def _kept(picture: Image, name: str) -> str:
    return keep_file(encode_image(picture, ".jpg", quality=_QUALITY), name)
