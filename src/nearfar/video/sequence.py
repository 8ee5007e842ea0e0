"""Maps to a folder of numbered files, one a frame."""

import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO, final

from nearfar.errors import OutputExistsError, UsageError, VideoError, WriteError
from nearfar.io.atomic import put_folder
from nearfar.video.frames import TICKS

TIMES: Final = "times.csv"
"""In each such folder: which frame is shown when, for clips of uneven rate."""

_OURS: Final = re.compile(rf"\d{{6,}}\.(png|exr)|{re.escape(TIMES)}")


@final
class SequenceWriter:
    """Writes a folder whole or not at all; a context manager.

    Args:
        path: the folder to make. One that is there is replaced only where `overwrite` says so
            and nothing but an earlier sequence is in it.
        suffix: of the files, `.png` or `.exr`.
        overwrite: replace a sequence that is there.
    """

    def __init__(self, path: Path, suffix: str, *, overwrite: bool = False) -> None:
        self._path, self._suffix, self._overwrite = path, suffix, overwrite
        self._folder = path.with_name(f".{path.name[:40]}-{os.urandom(4).hex()}")
        self._times: TextIO
        self._count = 0

    def __enter__(self) -> "SequenceWriter":
        """Begin the folder.

        Raises:
            OutputExistsError: it is there, and not empty.
            UsageError: it holds other things, or is a file.
            WriteError: the system refused.
        """
        refuse_folder(self._path, overwrite=self._overwrite)
        try:
            self._folder.mkdir()
            self._times = (self._folder / TIMES).open("w", encoding="ascii", newline="\n")
            self._times.write("frame,seconds\n")
        except OSError as error:
            raise self._refused(error) from error
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the clip could not be taken over: of a folder of pictures nobody expects more."""
        return ()

    def write(self, ticks: int, content: bytes) -> None:
        """Add a frame.

        Args:
            ticks: when it is shown, in parts of `frames.TICKS`.
            content: of its file.

        Raises:
            WriteError: the system refused.
        """
        try:
            (self._folder / f"{self._count:06}{self._suffix}").write_bytes(content)
            self._times.write(f"{self._count},{ticks / TICKS:.6f}\n")
        except OSError as error:
            raise self._refused(error) from error
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the folder in its place, or remove it if the block failed.

        Raises:
            VideoError: no frame was written.
            WriteError: the system refused.
        """
        try:
            self._times.close()
            if kind is None and not self._count:
                raise VideoError(f"{self._path}: not one frame was given to be written")
            if kind is None:
                refuse_folder(self._path, overwrite=self._overwrite)
                put_folder(self._folder, self._path)
        except OSError as refused:
            raise self._refused(refused) from refused
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _refused(self, error: OSError) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")


def refuse_folder(path: Path, *, overwrite: bool) -> None:
    """Raise if a sequence must not take this place.

    Raises:
        OutputExistsError: something is in the folder, and it may not be replaced.
        UsageError: it is a file, or holds other things than a sequence.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file: give a folder for a sequence")
    names = sorted(each.name for each in path.iterdir())
    if names and not overwrite:
        raise OutputExistsError(f"{path} is not empty: use --force to replace a sequence in it")
    if strange := next((name for name in names if not _OURS.fullmatch(name)), None):
        raise UsageError(f"{path} holds {strange}, which is no sequence: give another folder")
