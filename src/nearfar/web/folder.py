"""The page's own folder: the only place its files are in."""

import atexit
import os
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.places import temporary_folder

LIFETIME_S: Final = 3600
"""Gradio deletes what is older, and everything when the service stops."""

CLEANING_S: Final = 300
"""How often it looks."""


@cache
def page_folder() -> Path:
    """Make the folder, once a process; nobody else on this machine can read it.

    Gradio asks the environment for it whenever it takes or gives a file, so it is said there.
    """
    folder = temporary_folder("nearfar-page-")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
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
