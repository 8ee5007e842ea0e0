"""How large a body may be, and how long it may take to come, by where it is sent to."""

from typing import Final

from nearfar.service.problems import RefusedError
from nearfar.service.settings import ServiceOptions

CLIPS: Final = "/v1/videos"
"""Where clips are sent to."""

_PAGE: Final = "/gradio_api/upload"
"""Where the page sends photos and clips to."""

_PHOTOS: Final = ("/v1/depth", "/v1/probe", "/v1/cloud", "/v1/mesh", "/v1/effects/")

_ELSE_BYTES: Final = 256 * 2**10
"""Of a body that is sent elsewhere: what the page's events need."""


def most_bytes(options: ServiceOptions, path: str) -> int:
    """Give the most that a body may have."""
    if path == _PAGE:
        return max(options.max_bytes, options.clip_bytes)
    if path == CLIPS:
        return options.clip_bytes
    return options.max_bytes if path.startswith(_PHOTOS) else _ELSE_BYTES


def limit_s(options: ServiceOptions, path: str) -> float:
    """Give the seconds within which a body must be here."""
    return options.clip_upload_timeout_s if path in {CLIPS, _PAGE} else options.upload_timeout_s


def too_many_bytes(options: ServiceOptions, path: str) -> RefusedError:
    """Refuse a body beyond the limit."""
    slug = "clip-too-large" if path == CLIPS else "too-large"
    limit = most_bytes(options, path) / 2**20
    return RefusedError(slug, f"More than {limit:.6g} MiB: send a smaller one.")
