"""The page's folder, which contains all its files."""

import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.errors import ImageTooLargeError, NotAnImageError
from nearfar.io.run_folder import run_folder

LIFETIME_S: Final = 3600
"""Age at which files are deleted; all are deleted when the service stops."""

CLEANING_S: Final = 300
"""Interval at which Gradio deletes old files."""


@cache
def page_folder() -> Path:
    """Create the folder, once per process, readable by its user only.

    Gradio reads it from an environment variable, which is set here.
    """
    folder = run_folder("page").resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_EXAMPLES_CACHE"] = str(folder / "examples")
    return folder


def folder_bytes() -> int:
    """Return the total size of all files in the folder."""
    total = 0
    for top, _, names in os.walk(page_folder()):
        for name in names:
            with suppress(FileNotFoundError):  # deleted meanwhile
                total += (Path(top) / name).stat().st_size
    return total


def keep_file(content: bytes, name: str) -> str:
    """Store a file for a component, in a folder named by a hash of its content.

    Args:
        content: of the file.
        name: file name of the download.

    Returns:
        Its path.
    """
    from gradio.processing_utils import save_bytes_to_cache

    path: str = save_bytes_to_cache(content, name, str(page_folder()))
    return path


def is_inside(path: Path) -> bool:
    """Return whether a path, after resolving links, is a regular file in the folder."""
    try:
        real = path.resolve(strict=True)
        return real.is_relative_to(page_folder()) and stat.S_ISREG(real.stat().st_mode)
    except (OSError, ValueError, RuntimeError):  # no such file; a zero byte; a loop of links
        return False


def read_file(path: str, most_bytes: int) -> bytes:
    """Read a regular file, up to a size limit.

    Raises:
        NotAnImageError: a device, a pipe or a folder; opening it never blocks.
        ImageTooLargeError: it is larger; it was not read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode):
            raise NotAnImageError("this is not a picture file: send one")
        if seen.st_size > most_bytes:
            raise ImageTooLargeError(f"more than {most_bytes / 2**20:.6g} MiB: make it smaller")
        return file.read(most_bytes)
