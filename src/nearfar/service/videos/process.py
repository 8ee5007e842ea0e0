"""Run a clip's child process from the service: start it, run the network for it, and stop it."""

import base64
import os
import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any, Final

from nearfar.errors import CancelledError, ProcessError, ProcessTimeoutError
from nearfar.isolation.limits import Limits
from nearfar.isolation.process import Child, raised
from nearfar.isolation.shared import SharedFile
from nearfar.models.spec import ModelSpec
from nearfar.runtimes.base import Batch, Session
from nearfar.service.errors import RefusedError
from nearfar.service.settings import ServiceOptions
from nearfar.service.videos.inspect import too_many
from nearfar.service.videos.render import ClipTask, render
from nearfar.service.videos.store import VideoJob

STALL_S: Final = 60.0
"""Time without progress, except waits for the network, after which a clip is stopped."""

START_S: Final = 60.0
"""Time limit for the start of a process, for very slow machines."""

_LOOK_S: Final = 0.1
_WEIGHED_S: Final = 1.0
_LONGEST_SIDE_PX: Final = 4096
_AHEAD_FRAMES: Final = 256
"""Maximum of frames in the network beyond the limit of frames, before the clip is refused."""

_BASE_BYTES: Final = 1024 * 2**20
_PIXEL_BYTES: Final = 256
"""Memory per pixel of a frame in progress, including the floats of an effect."""

_FRAMES_UNDER_WAY: Final = 6
"""Additional frames besides one per worker: between stages, in the decoder and the encoder."""


def render_apart(
    job: VideoJob,
    spec: ModelSpec,
    session: Session,
    options: ServiceOptions,
    *,
    workers: int,
    has_room: Callable[[], bool],
) -> tuple[str, ...]:
    """Render a clip in a child process; blocks the calling thread.

    Any failure there is an error here. All its files are in the job's folder.

    Args:
        job: its counts and its preview are updated.
        spec: of the model.
        session: the network, which runs in this process.
        options: limits.
        workers: number of concurrent frames in the network.
        has_room: returns whether the disk limit allows more, after the job's bytes are counted.

    Returns:
        Warnings about the clip, one sentence each.

    Raises:
        CancelledError: the job was cancelled.
        ProcessError: the process crashed, or exceeded its limits of time or memory.
        RefusedError: the disk limit is reached.
        ClipTooLargeError: the clip is longer than its header declared and the limit allows.
        NearfarError: see `nearfar.video.pipeline.convert`; any error of the network.
    """
    with ExitStack() as stack:
        files = [SharedFile.create() for _ in range(workers + 1)]
        for file in files:
            stack.callback(file.close)
        threads = ThreadPoolExecutor(workers, "nearfar-clip-run")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        child = Child(files)
        stack.callback(child.close)
        talk = _Talk(job, child, files, threads=threads, session=session, options=options)
        talk.begin(spec, workers)
        return talk.through(has_room)


class _Talk:
    """The messages between a clip's process and the service.

    They are not trusted: a malicious clip may have taken over the process.
    """

    def __init__(
        self,
        job: VideoJob,
        child: Child,
        files: list[SharedFile],
        *,
        threads: ThreadPoolExecutor,
        session: Session,
        options: ServiceOptions,
    ) -> None:
        self._job, self._child, self._files, self._threads = job, child, files, threads
        self._session, self._options = session, options
        self._running: set[int] = set()
        self._failure: BaseException | None = None
        self._runs = self._packed = 0
        self._moved_s = time.monotonic()

    def begin(self, spec: ModelSpec, workers: int) -> None:
        """Send the task."""
        job, options = self._job, self._options
        task = ClipTask(
            source=job.source,
            target=job.result,
            title=f"{job.stem}-{job.order.what}",
            order=job.order,
            spec=spec,
            runtime=self._session.runtime,
            workers=workers,
            most_frames=options.clip_frames,
            most_pixels=options.clip_pixels,
            frame_cpu_s=STALL_S * (os.cpu_count() or 1),
        )
        pixels = job.facts.size_px[0] * job.facts.size_px[1]
        limits = Limits(
            memory_bytes=_BASE_BYTES + _PIXEL_BYTES * pixels * (workers + _FRAMES_UNDER_WAY),
            cpu_s=task.frame_cpu_s,
            deadline_s=STALL_S,
            file_bytes=options.clip_disk_bytes,
        )
        self._child.receive(time.monotonic() + START_S)
        self._child.send(
            {
                "function": render,
                "arguments": (self._files[0].write(pickle.dumps(task)),),
                "limits": limits,
                "talks": True,
            }
        )

    def through(self, has_room: Callable[[], bool]) -> tuple[str, ...]:
        """Handle messages, up to the result."""
        job, weighed_s = self._job, time.monotonic()
        while True:
            message = self._next()
            if "run" in message:
                self._run(message["run"], message.get("shape"))
            elif "preview" in message:
                job.preview = _decoded(message["preview"])
            elif "error" in message:
                raise raised(message)
            elif "value" in message:
                return _sentences(message["value"])
            else:
                self._count(message)
            if time.monotonic() - weighed_s > _WEIGHED_S:
                weighed_s = time.monotonic()
                job.weigh()
                if not has_room():
                    raise RefusedError("no-room")

    def _next(self) -> dict[str, Any]:
        while True:
            has_message = self._child.has_message(_LOOK_S)
            if self._failure is not None:
                raise self._failure
            if self._job.cancelled.is_set():
                raise CancelledError("the clip was given up")
            if not self._running and time.monotonic() - self._moved_s > STALL_S:
                raise ProcessTimeoutError("the decoder exceeded its time limit on this clip")
            if has_message:
                return self._child.receive(time.monotonic() + STALL_S)

    def _run(self, slot: Any, shape: Any) -> None:
        """Run the network for one frame, and send its map back."""
        if type(slot) is not int or not 0 < slot < len(self._files) or slot in self._running:
            raise ProcessError(f"a clip's process requested a run in {slot!r}")
        sides = shape if isinstance(shape, list) and len(shape) == 4 else [0]
        if sides[:2] != [1, 3] or not all(type(each) is int for each in sides):
            raise ProcessError(f"a clip's process sent a frame of shape {shape!r}")
        self._runs += 1
        if self._runs > self._options.clip_frames + _AHEAD_FRAMES:
            raise too_many(self._options.clip_frames)
        most_bytes = 12 * _LONGEST_SIDE_PX**2
        batch = self._files[slot].read_array(sides, "float32", most_bytes=most_bytes)
        self._running.add(slot)
        self._threads.submit(self._answer, slot, batch)

    def _answer(self, slot: int, batch: Batch) -> None:
        try:
            raw = self._session.run(batch)
            self._files[slot].write(raw)
            self._moved_s = time.monotonic()
            self._running.discard(slot)  # first, because the next frame may use it immediately
            reply = {"slot": slot, "shape": raw.shape, "is_watched": self._job.is_watched}
            self._child.send(reply)
        except ProcessError:
            return  # it has exited: `receive` raises that
        except BaseException as error:  # noqa: BLE001 - raised where the clip's thread waits
            self._failure = error

    def _count(self, message: dict[str, Any]) -> None:
        """Record the number of finished frames; an unchanged number is no progress."""
        frames, packed = message.get("frames"), message.get("packed")
        if type(frames) is int and self._job.frames_done < frames <= self._options.clip_frames:
            self._job.count(frames)
        elif type(packed) is int and self._packed < packed <= self._options.clip_frames + 1:
            self._packed = packed
        else:
            raise ProcessError(f"a clip's process sent {str(message)[:100]}")
        self._moved_s = time.monotonic()


def _decoded(preview: Any) -> bytes | None:
    with suppress(ValueError, TypeError):
        return base64.b64decode(preview)
    return None


def _sentences(value: Any) -> tuple[str, ...]:
    return tuple(str(each)[:500] for each in value) if isinstance(value, list) else ()
