"""Formats of responses: depth files, and the map as a color picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nearfar.config import OutputOptions
from nearfar.depth import Depth
from nearfar.io.depth_files import DEFAULT_FORMAT, FORMATS
from nearfar.io.images import encode_image


@dataclass(frozen=True)
class Result:
    """One row of the table.

    Attributes:
        suffix: of the file.
        media_type: of the response.
        sentence: description.
        is_picture: the map in color; the others contain its values.
    """

    suffix: str
    media_type: str
    sentence: str
    is_picture: bool


RESULTS: Final[Mapping[str, Result]] = MappingProxyType(
    {
        **{
            name: Result(row.suffixes[0], row.media_type, row.sentence, is_picture=False)
            for name, row in FORMATS.items()
        },
        "jpeg": Result(".jpg", "image/jpeg", "JPEG in color", is_picture=True),
        "webp": Result(".webp", "image/webp", "WebP in color", is_picture=True),
        "png": Result(".png", "image/png", "PNG in color", is_picture=True),
    }
)
"""Every format by name; `Accept` selects the first with a media type."""

DEFAULT: Final = DEFAULT_FORMAT


def encode(depth: Depth, name: str, options: OutputOptions) -> bytes:
    """Encode the content of a response.

    Args:
        depth: the map.
        name: one of `RESULTS`.
        options: colors of a picture; its format is ignored.

    Raises:
        PictureSizeError: the picture is too large for the format.
    """
    row = RESULTS[name]
    if not row.is_picture:
        return depth.encode(name)
    picture = depth.colorize(options.colormap, robust=options.robust)
    return encode_image(picture, row.suffix)


def accepted(header: str | None) -> str | None:
    """Choose a format by an `Accept` header (RFC 9110, 12.5.1).

    Args:
        header: value of the header; without one, or if it accepts anything, the result is
            `DEFAULT`.

    Returns:
        A name in `RESULTS`; None if none is acceptable.
    """
    wishes = _wishes(header or "*/*")
    best, best_weight = None, 0.0
    order = dict.fromkeys((DEFAULT, *RESULTS))
    seen: set[str] = set()
    for name in order:
        media_type = RESULTS[name].media_type
        if media_type in seen:
            continue
        seen.add(media_type)
        weight = next(
            (
                wishes[pattern]
                for pattern in (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
                if pattern in wishes
            ),
            0.0,
        )
        if weight > best_weight:
            best, best_weight = name, weight
    return best


def _wishes(header: str) -> dict[str, float]:
    """Return media range -> weight, 0 to 1; an invalid weight is 0."""
    wishes = {}
    for item in header.split(","):
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    weight = 0.0
        wishes[media_range] = weight
    return wishes
