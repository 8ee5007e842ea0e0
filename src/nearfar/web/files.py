"""The page's own folder: the only place its files are in."""

import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.errors import ImageTooLargeError, NotAnImageError
from nearfar.io.run_folder import run_folder

LIFETIME_S: Final = 3600
"""What is older is deleted, and everything when the service stops."""

CLEANING_S: Final = 300
"""How often Gradio looks."""


@cache
def page_folder() -> Path:
    """Make the folder, once a process; nobody else on this machine can read it.

    Gradio asks the environment for it whenever it takes or gives a file, so it is said there.
    """
    folder = run_folder("page").resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_EXAMPLES_CACHE"] = str(folder / "examples")
    return folder


def folder_bytes() -> int:
    """Count the bytes of all files in the folder."""
    total = 0
    for top, _, names in os.walk(page_folder()):
        for name in names:
            with suppress(FileNotFoundError):  # deleted meanwhile
                total += (Path(top) / name).stat().st_size
    return total


def keep_file(content: bytes, name: str) -> str:
    """Keep a file where its component finds it, in a folder named by a hash of its content.

    Args:
        content: of the file.
        name: what it is called when it is downloaded.

    Returns:
        Its path.
    """
    from gradio.processing_utils import save_bytes_to_cache

    path: str = save_bytes_to_cache(content, name, str(page_folder()))
    return path


def is_inside(path: Path) -> bool:
    """Say whether a path is of a regular file in the folder, whatever links lead there."""
    try:
        real = path.resolve(strict=True)
        return real.is_relative_to(page_folder()) and stat.S_ISREG(real.stat().st_mode)
    except (OSError, ValueError, RuntimeError):  # nothing there; a zero byte; links in a circle
        return False


def read_file(path: str, most_bytes: int) -> bytes:
    """Read a regular file, and no more of it than is allowed.

    Raises:
        NotAnImageError: a device, a pipe or a folder; opening it does not wait for anybody.
        ImageTooLargeError: it is larger; nothing of it was read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode):
            raise NotAnImageError("this is no file with a picture: send one")
        if seen.st_size > most_bytes:
            raise ImageTooLargeError(f"more than {most_bytes / 2**20:.6g} MiB: make it smaller")
        return file.read(most_bytes)
