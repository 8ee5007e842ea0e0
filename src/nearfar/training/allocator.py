"""Settings of the C library's memory allocator."""

import ctypes
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1  # malloc.h
_MMAP_MAX: Final = -4


def keep_memory() -> None:
    """Make glibc keep freed memory in this process instead of returning it to the kernel.

    Every training step allocates the same large tensors. By default glibc unmaps them after each
    step, and the kernel zeroes their pages again in the next (`benchmarks/train_step.py`). With
    other C libraries the function does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, -1)
