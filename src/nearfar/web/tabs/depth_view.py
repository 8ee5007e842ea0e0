"""Views of the Depth tab: updates of its components, and its HTML, with escaped texts."""

import math
from html import escape
from typing import Any, Final

import gradio as gr

from nearfar.calibration import ASSUMED_M
from nearfar.camera import Camera
from nearfar.config import OutputOptions
from nearfar.imaging.colormaps import color_bar
from nearfar.io.images import Image, encode_image
from nearfar.models.spec import ModelSpec
from nearfar.web.files import keep_file
from nearfar.web.i18n.texts import Language, say
from nearfar.web.points import Reading, Visit, distance_m, draw_markers, read_points
from nearfar.web.session_store import Result

_STOPS: Final = 17


def bar_html(colormap: str, language: Language) -> str:
    """Return the color bar, far on the left, near on the right."""
    ramp = color_bar(_STOPS, colormap, width_px=1)[::-1, 0]
    stops = ", ".join("rgb({} {} {})".format(*color) for color in ramp.tolist())
    label = escape(say("depth.bar", language), quote=True)
    return (
        f'<div class="nf-bar" role="img" aria-label="{label}">'
        f"<span>{_said('depth.far', language)}</span>"
        f'<div style="background: linear-gradient(to right, {stops})"></div>'
        f"<span>{_said('depth.near', language)}</span></div>"
    )


def empty_html(language: Language) -> str:
    """Return the placeholder of the map."""
    return f'<div class="nf-empty"><p>{_said("depth.map.empty", language)}</p></div>'


def facts(result: Result, spec: ModelSpec | None, language: Language) -> str:
    """Return the model, its size, and the duration."""
    return say(
        "depth.facts",
        language,
        model=result.depth.model,
        size="?" if spec is None else size_text(spec),
        ms=f"{result.infer_ms:.0f}",
        runtime=result.runtime,
        fed="{} × {}".format(*result.fed_px),
        width=result.depth.width_px,
        height=result.depth.height_px,
    )


def size_text(spec: ModelSpec) -> str:
    """Return the size of a model's file."""
    return f"{spec.size_bytes / 1e6:.1f} MB"


def points_html(result: Result, visit: Visit, language: Language) -> str:
    """Return the values of every point, and the next step.

    Raises:
        NearfarError: the points can't be read.
    """
    readings = read_points(result, visit)
    rows = "".join(
        f"<li><b>{number}</b>{_reading(reading, language)}</li>"
        for number, reading in enumerate(readings, start=1)
    )
    if visit.metres is not None or (result.assumption is not None and readings):
        return _points(f"<ol>{rows}</ol>{_between(result, visit, readings, language)}")
    next_step = ("empty", "more", "calibrate")[min(len(readings), 2)]
    return _points(f"<ol>{rows}</ol><p><em>{_said(f'depth.points.{next_step}', language)}</em></p>")


def downloads_html(result: Result | None, visit: Visit, language: Language) -> str:
    """Return a description of the files' content."""
    if visit.metres is not None:
        text = say("depth.downloads.metric", language)
    elif result is not None and result.assumption is not None:
        text = say("depth.downloads.model", language)
    else:
        text = say(
            "depth.downloads.relative", language, near=f"{ASSUMED_M[0]:g}", far=f"{ASSUMED_M[1]:g}"
        )
    return f'<p class="nf-quiet">{escape(text)}</p>'


def lens_text(camera: Camera, *, is_known: bool, language: Language) -> str:
    """Return the field of view on which a distance is based."""
    key = "depth.fov.exif" if is_known else "depth.fov.assumed"
    return say(key, language, fov=f"{camera.hfov_deg:.0f}")


def metres_text(metres: float, language: Language) -> str:
    """Format a distance with three digits, or as infinite."""
    if math.isinf(metres):
        return say("depth.point.surfaceless", language)
    digits = max(0, 2 - math.floor(math.log10(metres))) if metres > 0 else 2
    return say("depth.point.metres", language, metres=f"{metres:.{min(digits, 3)}f}")


def _reading(reading: Reading, language: Language) -> str:
    rank = say("depth.point.rank", language, percent=f"{reading.nearer_than_percent:.0f}")
    nearness = say("depth.point.nearness", language, nearness=f"{reading.nearness:.2f}")
    if reading.metres is None:
        return f"<strong>{escape(rank)}</strong> <span>{escape(nearness)}</span>"
    metres = escape(metres_text(reading.metres, language))
    known = f" <em>{_said('depth.point.known', language)}</em>" if reading.is_known else ""
    return f"<strong>{metres}</strong>{known} <span>{escape(rank)} · {escape(nearness)}</span>"


def _between(result: Result, visit: Visit, readings: list[Reading], language: Language) -> str:
    metres = distance_m(result, visit, readings)
    if metres is None:
        return ""
    last = len(readings)
    text = say("depth.between", language, first=last - 1, second=last, metres=f"{metres:.2f}")
    is_known = result.focal_35mm_mm is not None
    lens = lens_text(result.camera(), is_known=is_known, language=language)
    return f"<p><strong>{escape(text)}</strong> <em>{escape(lens)}</em></p>"


def _points(content: str) -> str:
    return f'<div class="nf-points" role="status" aria-live="polite">{content}</div>'


def _said(key: str, language: Language) -> str:
    return escape(say(key, language))


OUTPUTS: Final = (
    *("photo", "map", "compare", "bar", "facts", "points", "pointing", "note"),
    *("empty", "filled"),
)
"""Outputs of a handler after the visit, in this order."""

_QUALITY: Final = 90

Updates = list[Any]


def only(visit: Visit, **updates: Any) -> Updates:
    """Update some of the outputs, by name; the others are unchanged."""
    return [visit, *(updates.get(name, gr.skip()) for name in OUTPUTS)]


def everything(
    result: Result, visit: Visit, language: Language, look: OutputOptions, facts: str
) -> Updates:
    """Show a result: photo, map, slider, points and facts."""
    colored = result.shown_depth.colorize(look.colormap, robust=look.robust)
    plain = _kept(result.shown_photo, "photo.jpg"), _kept(colored, "depth.jpg")
    files = _marked(result, visit, colored) if visit.points else plain
    return only(
        visit,
        compare=plain,
        bar=bar_html(look.colormap, language),
        facts=facts,
        empty=gr.update(visible=False),
        filled=gr.update(visible=True),
        **_pointed(result, visit, language, files),
    )


def pointed(result: Result, visit: Visit, language: Language, look: OutputOptions) -> Updates:
    """Update the outputs that depend on points and distances."""
    colored = result.shown_depth.colorize(look.colormap, robust=look.robust)
    return only(visit, **_pointed(result, visit, language, _marked(result, visit, colored)))


def _marked(result: Result, visit: Visit, colored: Image) -> tuple[str, str]:
    """Write photo and map with the points drawn on them."""
    joined = visit.metres is not None or result.assumption is not None
    photo, depth = (
        draw_markers(picture, visit.points, size_px=result.depth.size_px, joined=joined)
        for picture in (result.shown_photo, colored)
    )
    return _kept(photo, "photo.jpg"), _kept(depth, "depth.jpg")


def _pointed(
    result: Result, visit: Visit, language: Language, files: tuple[str, str]
) -> dict[str, Any]:
    return {
        "photo": files[0],
        "map": files[1],
        "points": points_html(result, visit, language),
        "pointing": gr.update(visible=bool(visit.points)),
        "note": downloads_html(result, visit, language),
    }


def _kept(picture: Image, name: str) -> str:
    return keep_file(encode_image(picture, ".jpg", quality=_QUALITY), name)
