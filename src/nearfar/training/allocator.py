"""What the C library does with memory that was given back."""

import ctypes
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1  # malloc.h
_MMAP_MAX: Final = -4


def keep_memory() -> None:
    """Tell glibc to keep the memory of this process, and never to hand it back to the system.

    A training step makes the same large tensors as the one before. By itself glibc returns each to
    the system and asks for it anew, and the system clears it page by page
    (`benchmarks/train_step.py`). Elsewhere than under glibc nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, -1)
