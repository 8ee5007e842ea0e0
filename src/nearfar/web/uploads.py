"""Uploads of visitors: each file has its own folder and belongs to one session."""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from anyio.to_thread import run_sync
from starlette.requests import Request

from nearfar.errors import FormError, FormTooLargeError, NearfarError, is_disk_full
from nearfar.io.multipart import Part, read_form, stem_of
from nearfar.web.files import LIFETIME_S, folder_bytes, page_folder

FIELD: Final = "files"
"""Name of the form field for a file in Gradio's page."""

MOST_COMING: Final = 64
MOST_OF_A_CLIENT: Final = 16
"""Maximum of concurrent uploads, in total and of one client."""

UNUSED_S: Final = 600
"""Time for which a file is kept without an event that uses it."""

_STEM_BYTES: Final = 150
"""Maximum length of a stem; names have at most 255 bytes, including suffixes."""

_LOOK_S: Final = 0.05
_WRITTEN_BYTES: Final = 2**20


class NotUploadedError(NearfarError):
    """A path is not an upload of this session."""


class TooManyError(NearfarError):
    """The maximum of concurrent uploads, of a client or in total, is reached."""


class NoRoomError(NearfarError):
    """The disk is full, or the limit of the page's files is reached."""


@dataclass
class _Kept:
    """An uploaded file.

    Attributes:
        used_s: time of its upload, or of the last event that used it, of `time.monotonic`.
        session: its owner; the first that uses it, since its path can't be guessed.
    """

    used_s: float = field(default_factory=time.monotonic)
    session: str | None = None


@dataclass
class Progress:
    """Progress of an upload.

    Attributes:
        name: of the file in the browser.
        came_bytes: received since the last query.
        is_done: whether it has ended, successfully or not.
    """

    name: str = ""
    came_bytes: int = 0
    is_done: bool = False


class Uploads:
    """The files of all visitors. For one event loop; file access is in threads.

    Args:
        file_bytes: limit of one file.
        disk_bytes: limit of all the page's files together.
    """

    def __init__(self, *, file_bytes: int, disk_bytes: int) -> None:
        self._file_bytes, self._disk_bytes = file_bytes, disk_bytes
        self._kept: dict[str, _Kept] = {}
        self._coming: dict[object, tuple[str, int]] = {}
        self._progress: dict[str, Progress] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def take(self, request: Request) -> str:
        """Write the file of a form to the disk; on cancellation it is deleted.

        Returns:
            Its path, which can't be guessed.

        Raises:
            FormError: the form is invalid, or has not exactly one file in the field `files`.
            FormTooLargeError: the file exceeds the limit.
            NoRoomError: the disk is full.
            TooManyError: too many concurrent uploads.
        """
        length = request.headers.get("content-length", "")
        most_bytes = int(length) if length.isdecimal() else self._file_bytes
        client = request.client.host if request.client else "local"
        with (
            self._reserved(client, min(most_bytes, self._file_bytes)),
            self._followed(request) as progress,
        ):
            coming = sum(size for _, size in self._coming.values())
            if await run_sync(folder_bytes) + coming > self._disk_bytes:
                raise NoRoomError("there is no space for more files at the moment: try again later")
            folder = page_folder() / secrets.token_urlsafe(18)
            path: str | None = None
            try:
                path = await self._write(request, folder, progress)
            except OSError as error:
                if is_disk_full(error):
                    raise NoRoomError("the disk is full") from error
                raise
            finally:
                if path is None:
                    _remove(
                        folder
                    )  # not awaited: the task is cancelled if the client has disconnected
        return path

    def claim(self, path: str, session: str) -> None:
        """Check that a file belongs to this session.

        Raises:
            NotUploadedError: it does not.
        """
        kept = self._kept.get(path)
        if kept is None or kept.session not in {None, session}:
            raise NotUploadedError("this is not an uploaded file")
        kept.session, kept.used_s = session, time.monotonic()

    def holds(self, path: str) -> bool:
        """Whether a session has uploaded this file."""
        return path in self._kept and self._kept[path].session is not None

    def progress(self, id: str) -> Progress | None:
        """Return the progress of an upload, by the id that its browser chose."""
        return self._progress.get(id)

    async def clear(self, *, is_open: Callable[[str], bool]) -> None:
        """Delete files that no event has used for a long time.

        Args:
            is_open: returns whether a session's page is still open.
        """
        now_s = time.monotonic()
        for path, kept in tuple(self._kept.items()):
            limit_s = UNUSED_S if kept.session is None else LIFETIME_S
            if kept.used_s + limit_s < now_s and not (kept.session and is_open(kept.session)):
                del self._kept[path]
                await run_sync(_remove, Path(path).parent)

    async def _write(self, request: Request, folder: Path, progress: Progress) -> str:
        content_type = request.headers.get("content-type", "")
        if not content_type.lower().startswith("multipart/form-data"):
            raise FormError("Send a file as a form.")
        waiting = bytearray()
        await run_sync(lambda: folder.mkdir(mode=0o700))
        temporary = folder / "coming"
        with temporary.open("xb") as file:
            parts = await read_form(
                content_type,
                self._pieces(request, waiting, file, progress),
                allowed={FIELD: 0},
                into={FIELD: waiting},
                begun=lambda part: _name(progress, part),
            )
            await self._put(waiting, file)
        if FIELD not in parts or not parts[FIELD].file_name:
            raise FormError(f"The form has no file: send one in the field {FIELD!r}.")
        path = folder / _safe(parts[FIELD].file_name)
        await run_sync(lambda: temporary.rename(path))
        self._kept[str(path)] = _Kept()
        return str(path)

    async def _pieces(
        self, request: Request, waiting: bytearray, file: BinaryIO, progress: Progress
    ) -> AsyncIterator[bytes]:
        async for piece in request.stream():
            yield piece
            progress.came_bytes += len(piece)
            if len(waiting) >= _WRITTEN_BYTES:
                await self._put(waiting, file)

    async def _put(self, waiting: bytearray, file: BinaryIO) -> None:
        content = bytes(waiting)
        waiting.clear()
        if file.tell() + len(content) > self._file_bytes:
            raise FormTooLargeError(f"More than {self._file_bytes / 2**20:.6g} MiB.")
        await run_sync(file.write, content)

    @contextmanager
    def _reserved(self, client: str, most_bytes: int) -> Iterator[None]:
        mine = sum(each == client for each, _ in self._coming.values())
        if mine >= MOST_OF_A_CLIENT or len(self._coming) >= MOST_COMING:
            raise TooManyError("too many concurrent uploads: try again in a moment")
        key = object()
        self._coming[key] = client, most_bytes
        try:
            yield
        finally:
            del self._coming[key]

    @contextmanager
    def _followed(self, request: Request) -> Iterator[Progress]:
        name, progress = request.query_params.get("upload_id", ""), Progress()
        if name:
            self._progress[name] = progress
        try:
            yield progress
        finally:
            progress.is_done = True
            if self._progress.get(name) is progress:
                del self._progress[name]


async def wait_for(find: Callable[[], Progress | None], limit_s: float) -> Progress | None:
    """Wait until an upload has started."""
    for _ in range(max(1, round(limit_s / _LOOK_S))):
        if (found := find()) is not None:
            return found
        await asyncio.sleep(_LOOK_S)
    return find()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _name(progress: Progress, part: Part) -> None:
    progress.name = part.file_name


def _safe(name: str) -> str:
    """Return a name that is valid in any file system and in headers."""
    suffix = Path(name.replace("\\", "/")).suffix
    is_plain = suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 10
    stem = stem_of(name, "file").encode()[:_STEM_BYTES].decode(errors="ignore")
    return f"{stem}{suffix if is_plain else ''}"
