"""The cache folder: what can be made again, and may be deleted at any time."""

import os
from pathlib import Path


def folder() -> Path:
    """Give the folder, which need not exist: NEARFAR_CACHE, or the system's own place."""
    named = os.environ.get("NEARFAR_CACHE")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("nearfar", appauthor=False)
