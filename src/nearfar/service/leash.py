"""Frames that stop coming when nobody waits for them any more."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from nearfar.effects import Clip
from nearfar.effects.export import Result
from nearfar.errors import CancelledError, TimedOutError
from nearfar.io.images import Image


class Leash:
    """Ends the rendering of a clip from outside: a worker can't be interrupted.

    Args:
        limit_s: how long a clip may take.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._pulled = threading.Event()

    def pull(self) -> None:
        """Have the next frame end it."""
        self._pulled.set()

    def held(self, result: Result) -> Result:
        """Give the same result; a clip's frames now end with an error when they must.

        Raises, while the frames are taken:
            CancelledError: the leash was pulled.
            TimedOutError: it took too long.
        """
        if not isinstance(result, Clip):
            return result
        return replace(result, frames=self._frames(result))

    def _frames(self, clip: Clip) -> Iterator[Image]:
        end_s = time.monotonic() + self._limit_s
        for frame in clip.frames:
            if self._pulled.is_set():
                raise CancelledError("nobody waits for this clip any more")
            if time.monotonic() > end_s:
                raise TimedOutError(
                    f"a clip of {clip.count} frames takes longer than {self._limit_s:g} s:"
                    " ask for fewer seconds, fewer frames a second, or a smaller size"
                )
            yield frame
