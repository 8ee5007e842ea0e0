"""Detect a shortage of memory, free what can be freed, and report it until it is over."""

import ctypes
import gc
import mmap
import sys
import threading
import time
from typing import Final

from nearfar.service.errors import refusal_of

HELD_S: Final = 5.0
"""Duration for which a shortage is reported after it was detected, in seconds."""

NEEDED_BYTES: Final = 256 * 2**20
"""Free memory at which it is over: about as much as the largest photo needs."""


class MemoryPressure:
    """State of a memory shortage. Thread-safe."""

    def __init__(self) -> None:
        self._met_s: float | None = None
        self._lock = threading.Lock()

    def note(self, error: Exception) -> None:
        """Record an error if it is a shortage of memory, and free unused memory."""
        if refusal_of(error).slug != "out-of-memory":
            return
        with self._lock:
            is_first, self._met_s = self._met_s is None, time.monotonic()
        if is_first:
            threading.Thread(target=give_back, name="nearfar-give-back", daemon=True).start()

    def is_there(self) -> bool:
        """Return whether memory is short; after a shortage, try an allocation to find out."""
        with self._lock:
            if self._met_s is None:
                return False
            if time.monotonic() - self._met_s < HELD_S or not _is_there(NEEDED_BYTES):
                return True
            self._met_s = None
            return False


def give_back() -> None:
    """Return unused memory to the system."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has no such function
        if trim is not None:
            trim(0)


def _is_there(size_bytes: int) -> bool:
    try:
        mmap.mmap(-1, size_bytes).close()
    except (OSError, MemoryError):
        return False
    return True
