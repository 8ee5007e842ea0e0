"""Process one clip in a child process: decode, render, encode, pack a sequence.

The network runs in the parent process, shared by all clips and photos; frames are sent there.
"""

import base64
import os
import pickle
import threading
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import cv2
import numpy as np

from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap
from nearfar.errors import ClipTooLargeError, VideoError, WriteError, is_disk_full
from nearfar.estimator import Estimator
from nearfar.imaging.colormaps import side_by_side
from nearfar.io.images import Image, encode_image
from nearfar.isolation.child import CallResult, Line
from nearfar.isolation.limits import apply_cpu
from nearfar.models.spec import ModelSpec
from nearfar.optional import require
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.video.pipeline import ClipOrder, convert
from nearfar.video.renderers import Show
from nearfar.video.temporal import SteadyMap

PREVIEW_PX: Final = 480
"""Longest side of the preview's frame and map."""

MOST_WARNINGS: Final = 20
"""Maximum of warnings about one clip."""

_PREVIEW_S: Final = 0.5


@dataclass(frozen=True)
class ClipTask:
    """Task of a child process. It can be pickled.

    Attributes:
        source: the clip.
        target: the output file.
        title: of the folder in a packed sequence.
        order: what is wanted.
        spec: of the model.
        runtime: that runs it.
        workers: number of concurrent frames in the network.
        most_frames: a longer clip is refused.
        most_pixels: larger frames are refused.
        frame_cpu_s: processor time, of all threads, from one frame to the next.
    """

    source: Path
    target: Path
    title: str
    order: ClipOrder
    spec: ModelSpec
    runtime: str
    workers: int
    most_frames: int
    most_pixels: int
    frame_cpu_s: float

    @property
    def estimating(self) -> EstimateOptions:
        """Options of estimation."""
        return self.order.estimating


def render(line: Line, count: int) -> CallResult:
    """Render a clip, and report the number of finished frames to the parent.

    Args:
        line: to the parent. Its first shared file contains the pickled `ClipTask`; each of the
            others transfers a frame to the network and its map back.
        count: size of the task in bytes.

    Returns:
        Warnings about the clip, one sentence each.

    Raises:
        ClipTooLargeError: the clip is longer than its header declared and the limit allows.
        WriteError: the disk is full.
        VideoError: the container does not support the clip's frames or sound.
        NearfarError: see `convert`.
    """
    task: ClipTask = pickle.loads(line.files[0].read(count))  # noqa: S301 - from the parent
    session = _ParentSession(line, task.runtime)
    estimator = Estimator(task.spec, session, task.estimating)

    def progress(done: int, _: int | None) -> None:
        if done > task.most_frames:
            raise ClipTooLargeError(
                f"It has more than {task.most_frames} frames: send a shorter one."
            )
        apply_cpu(task.frame_cpu_s)
        line.send(frames=done)

    show, is_sequence = task.order.show, task.order.show.format is None
    target = task.target.parent / "frames" if is_sequence else task.target
    try:
        done = convert(
            task.source,
            target,
            estimator,
            replace(show, make=_Watched(session, line, show, task.most_pixels)),
            options=task.order.following,
            workers=task.workers,
            progress=progress,
        )
    except WriteError as error:
        if isinstance(error.__cause__, require("av").FFmpegError) and not is_disk_full(error):
            raise VideoError("the container does not support its frames or its sound") from error
        raise
    if is_sequence:
        _pack(target, task, line)
    return list(done.warnings[:MOST_WARNINGS]), None


class _ParentSession:
    """A `Session` that runs in the parent. Each run uses one of the shared files."""

    def __init__(self, line: Line, runtime: str) -> None:
        self.runtime = runtime
        self.is_watched = False
        self._line = line
        self._free: SimpleQueue[int] = SimpleQueue()
        self._replies: dict[int, SimpleQueue[Any]] = {}
        for slot in range(1, len(line.files)):
            self._free.put(slot)
            self._replies[slot] = SimpleQueue()
        threading.Thread(target=self._listen, name="nearfar-line", daemon=True).start()

    def run(self, batch: Batch) -> RawDepth:
        """Run the network in the parent; see `Session.run`."""
        slot = self._free.get()
        try:
            self._line.files[slot].write(batch)
            self._line.send(run=slot, shape=batch.shape)
            shape = self._replies[slot].get()
            most_bytes = 4 * int(np.prod(shape))
            return self._line.files[slot].read_array(shape, "float32", most_bytes=most_bytes)
        finally:
            self._free.put(slot)

    def _listen(self) -> None:
        """Receive replies; exit if the parent has exited."""
        try:
            while True:
                reply = self._line.receive()
                self.is_watched = reply["is_watched"]
                self._replies[reply["slot"]].put(reply["shape"])
        except (EOFError, OSError):
            os._exit(1)


class _Watched:
    """Renders each frame, and sends previews to the parent while they are requested."""

    def __init__(self, session: _ParentSession, line: Line, show: Show, most_px: int) -> None:
        self._session, self._line = session, line
        self._make, self._most_px = show.make, most_px
        self._lock = threading.Lock()
        self._due_s = 0.0

    def __call__(self, photo: Image, depth: DepthMap) -> Any:
        height_px, width_px = photo.shape[:2]
        if width_px * height_px > self._most_px:  # larger than declared in the header
            raise ClipTooLargeError(
                f"It has frames of {width_px} x {height_px} pixels: send smaller ones."
            )
        with self._lock:
            is_due = self._session.is_watched and time.monotonic() >= self._due_s
            if is_due:
                self._due_s = time.monotonic() + _PREVIEW_S
        if is_due:
            self._line.send(preview=base64.b64encode(_preview(photo, depth)).decode())
        return self._make(photo, depth)


def _pack(frames: Path, task: ClipTask, line: Line) -> None:
    """Pack a sequence into one file; each of its files is deleted after packing."""
    temporary = task.target.parent / ".packed"
    try:
        # PNG and EXR are compressed already
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:
            for number, path in enumerate(sorted(frames.iterdir()), 1):
                packed.write(path, f"{task.title}/{path.name}")
                path.unlink()
                line.send(packed=number)
        frames.rmdir()
        temporary.replace(task.target)
    except OSError as error:
        raise WriteError(f"can't write {task.target}: {error.strerror or error}") from error


def _preview(photo: Image, depth: DepthMap) -> bytes:
    height_px, width_px = photo.shape[:2]
    scale = min(1.0, PREVIEW_PX / max(height_px, width_px))
    size_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    small = np.asarray(cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA), np.uint8)
    values = cv2.resize(depth.inverse_depth, size_px, interpolation=cv2.INTER_AREA)
    colors = SteadyMap(np.asarray(values, np.float32), depth.model).colorize("inferno")
    return encode_image(side_by_side(small, colors, gap_px=0), ".jpg", 80)
