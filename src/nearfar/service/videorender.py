"""The work on one clip, in a thread: look at it, convert it, pack a sequence."""

import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from nearfar.colormaps import side_by_side
from nearfar.depthmap import DepthMap
from nearfar.errors import CancelledError, VideoError
from nearfar.estimator import Estimator
from nearfar.extras import require
from nearfar.images import Image, encode_image
from nearfar.service.problems import RefusedError
from nearfar.service.settings import ServiceOptions
from nearfar.service.videojob import VideoJob
from nearfar.video.frames import ClipInfo, read_clip
from nearfar.video.order import ClipOrder
from nearfar.video.pipeline import Done, convert
from nearfar.video.shows import Show
from nearfar.video.steadymap import SteadyMap

CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,ivf,h264,hevc,m4v"
"""FFmpeg's names of what is read here. Playlists, which lead to other files, are not among them."""

PREVIEW_PX: Final = 480
"""Longest side of the frame, and of the map, that are shown while the work goes on."""

_TRIAL_PX: Final = 32
_PREVIEW_S: Final = 0.5
_WEIGHED_S: Final = 1.0


def look(path: Path, options: ServiceOptions) -> ClipInfo:
    """Ask a clip what it is, before anything of it is shown or computed.

    Raises:
        RefusedError: no clip of a kind that is read here, or too large a one.
    """
    av = require("av")
    if path.stat().st_size > options.clip_bytes:
        raise _too_large(f"more than {options.clip_bytes / 2**20:.6g} MiB", "a smaller one")
    try:
        av.open(
            str(path), options={"format_whitelist": CONTAINERS}, metadata_errors="replace"
        ).close()
        info = read_clip(path).info
    except (av.FFmpegError, VideoError) as error:
        raise RefusedError("not-a-clip") from error
    width_px, height_px = info.size_px
    if width_px * height_px > options.clip_pixels:
        raise _too_large(f"frames of {width_px} x {height_px} pixels", "smaller ones")
    if info.count is not None and info.count > options.clip_frames:
        raise _too_many(options.clip_frames)
    return info


def try_out(order: ClipOrder) -> None:
    """Refuse what can't be made of any frame, by making it of a small one.

    Raises:
        RefusedError: these options give no picture that a film takes.
        UsageError: an option that makes no sense.
    """
    slope = np.linspace(0, 1, _TRIAL_PX, dtype=np.float32)
    depth = SteadyMap(np.tile(slope[:, None], (1, _TRIAL_PX)), "")
    try:
        order.show.make(np.zeros((_TRIAL_PX, _TRIAL_PX, 3), np.uint8), depth)
    except VideoError as error:
        raise RefusedError("bad-option", str(error)) from error


def render(
    job: VideoJob,
    estimator: Estimator,
    options: ServiceOptions,
    *,
    workers: int,
    has_room: Callable[[], bool],
) -> Done:
    """Make the result of a clip; leaves nothing else in its folder, and nothing at all on failure.

    Args:
        job: its counts and its preview are kept up to date.
        estimator: the model.
        options: limits.
        workers: as of `convert`.
        has_room: says whether the disk may take more, once the job's bytes are counted.

    Raises:
        CancelledError: the job was cancelled.
        RefusedError: the clip is longer than it said, and than it may be; or no room is left.
        NearfarError: as of `convert`.
    """
    weighed_s = time.monotonic()

    def progress(done: int, _: int | None) -> None:
        nonlocal weighed_s
        job.count(done)
        if done > options.clip_frames:
            raise _too_many(options.clip_frames)
        if time.monotonic() - weighed_s > _WEIGHED_S:
            weighed_s = time.monotonic()
            job.weigh()
            if not has_room():
                raise RefusedError("no-room")

    show, is_sequence = job.order.show, job.order.show.format is None
    target = job.folder / "frames" if is_sequence else job.result
    done = convert(
        job.source,
        target,
        estimator,
        replace(show, make=_Watched(job, show, options.clip_pixels)),
        options=job.order.following,
        workers=workers,
        progress=progress,
        cancelled=job.cancelled,
    )
    if is_sequence:
        _pack(target, job)
    return done


def _pack(frames: Path, job: VideoJob) -> None:
    """Make one file of a sequence; each of its files goes as soon as it is in."""
    temporary = job.folder / ".packed"
    try:
        # PNG and EXR are compressed already
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:
            for path in sorted(frames.iterdir()):
                if job.cancelled.is_set():
                    raise CancelledError("the clip was given up")
                packed.write(path, f"{job.stem}-{job.order.what}/{path.name}")
                path.unlink()
        frames.rmdir()
        temporary.replace(job.result)
    except OSError as error:
        raise RefusedError("no-room") from error


class _Watched:
    """What a show makes of each frame; ends with its job, and keeps the newest frame to look at."""

    def __init__(self, job: VideoJob, show: Show, most_px: int) -> None:
        self._job, self._make, self._most_px = job, show.make, most_px
        self._lock = threading.Lock()
        self._due_s = 0.0

    def __call__(self, photo: Image, depth: DepthMap) -> Any:
        if self._job.cancelled.is_set():
            raise CancelledError("the clip was given up")
        height_px, width_px = photo.shape[:2]
        if width_px * height_px > self._most_px:  # more than the file said of itself
            raise _too_large(f"frames of {width_px} x {height_px} pixels", "smaller ones")
        with self._lock:
            is_due = self._job.is_watched and time.monotonic() >= self._due_s
            if is_due:
                self._due_s = time.monotonic() + _PREVIEW_S
        if is_due:
            self._job.preview = _preview(photo, depth)
        return self._make(photo, depth)


def _preview(photo: Image, depth: DepthMap) -> bytes:
    height_px, width_px = photo.shape[:2]
    scale = min(1.0, PREVIEW_PX / max(height_px, width_px))
    size_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    small = np.asarray(cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA), np.uint8)
    values = cv2.resize(depth.inverse_depth, size_px, interpolation=cv2.INTER_AREA)
    colours = SteadyMap(np.asarray(values, np.float32), depth.model).colorize("inferno")
    return encode_image(side_by_side(small, colours, gap_px=0), ".jpg", 80)


def _too_many(limit: int) -> RefusedError:
    return _too_large(f"more than {limit} frames", "a shorter one")


def _too_large(what: str, instead: str) -> RefusedError:
    return RefusedError("clip-too-large", f"It has {what}: send {instead}.")
