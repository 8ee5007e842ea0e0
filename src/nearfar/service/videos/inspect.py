"""Read a clip's header in a child process, and try its options on a small frame."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nearfar.errors import ClipTooLargeError, NotAClipError, ProcessError, VideoError, lacks_memory
from nearfar.isolation.child import CallResult
from nearfar.isolation.limits import Limits
from nearfar.isolation.photos import decoders
from nearfar.optional import require
from nearfar.service.errors import RefusedError
from nearfar.service.settings import ServiceOptions
from nearfar.video.pipeline import ClipOrder
from nearfar.video.temporal import SteadyMap

CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,ivf,h264,hevc,m4v"
"""FFmpeg's names of the supported containers; no playlists, which refer to other files."""

_HEADER_LIMITS: Final = Limits(memory_bytes=1024 * 2**20, cpu_s=20, deadline_s=30)
_TRIAL_PX: Final = 32
_FLV: Final = b"FLV"


@dataclass(frozen=True)
class ClipFacts:
    """Facts of a clip's header.

    Attributes:
        size_px: width and height of its frames.
        count: number of frames, if known.
    """

    size_px: tuple[int, int]
    count: int | None


def read_facts(path: Path, options: ServiceOptions) -> ClipFacts:
    """Read a clip's header, and refuse clips beyond the limits.

    Raises:
        NotAClipError: not a supported clip.
        ClipTooLargeError: the clip is too large.
        ProcessError: the decoder crashed, or exceeded its limits of time or memory.
    """
    if path.stat().st_size > options.clip_bytes:
        raise too_large(f"more than {options.clip_bytes / 2**20:.6g} MiB", "a smaller one")
    report, _ = decoders().call(_read_header, str(path), limits=_HEADER_LIMITS)
    try:
        width_px, height_px = map(int, report["size_px"])
        count = None if report["count"] is None else int(report["count"])
    except (TypeError, KeyError, ValueError) as error:
        raise ProcessError("a decoder process returned no clip") from error
    if width_px * height_px > options.clip_pixels:
        raise too_large(f"frames of {width_px} x {height_px} pixels", "smaller ones")
    if count is not None and count > options.clip_frames:
        raise too_many(options.clip_frames)
    return ClipFacts((width_px, height_px), count)


def try_out(order: ClipOrder) -> None:
    """Refuse options that fail on any frame, by applying them to a small one.

    Raises:
        RefusedError: the options' results can't be frames of a video.
        UsageError: an option is invalid.
    """
    slope = np.linspace(0, 1, _TRIAL_PX, dtype=np.float32)
    depth = SteadyMap(np.tile(slope[:, None], (1, _TRIAL_PX)), "")
    try:
        order.show.make(np.zeros((_TRIAL_PX, _TRIAL_PX, 3), np.uint8), depth)
    except VideoError as error:
        raise RefusedError("bad-option", str(error)) from error


def too_many(limit: int) -> ClipTooLargeError:
    """Return the error of a clip with too many frames."""
    return too_large(f"more than {limit} frames", "a shorter one")


def too_large(what: str, instead: str) -> ClipTooLargeError:
    """Return the error of a clip beyond a limit."""
    return ClipTooLargeError(f"It has {what}: send {instead}.")


def _read_header(_: bytes, path: str) -> CallResult:
    from nearfar.video.reader import read_clip

    av = require("av")
    with Path(path).open("rb") as file:
        is_flv = file.read(len(_FLV)) == _FLV
    try:
        # FFmpeg's FLV reader crashes with a list of formats; a file that begins like FLV is no
        # playlist
        chosen = None if is_flv else {"format_whitelist": CONTAINERS}
        av.open(
            path,
            format="flv" if is_flv else None,
            options=chosen,
            metadata_errors="replace",  # accepts titles in Latin-1
        ).close()
        info = read_clip(path).info
    except Exception as error:  # a damaged header makes libraries raise errors of many kinds
        if lacks_memory(error):
            raise
        raise NotAClipError("not a readable clip") from error
    return {"size_px": info.size_px, "count": info.count}, None
