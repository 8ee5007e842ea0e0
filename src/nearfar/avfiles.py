"""Names of files as FFmpeg takes them."""

import os


def file_url(path: str | os.PathLike[str]) -> str:
    """Return the address of a file, whatever its name.

    FFmpeg takes what stands before a colon for a protocol: `12:30.mp4`, `concat:a.mp4`.
    """
    return f"file:{os.fspath(path)}"
