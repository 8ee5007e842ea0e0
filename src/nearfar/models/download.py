"""Download a file over HTTP: resumed, checked, and written whole or not at all.

pooch decides whether the file is needed, hashes what came and moves it into place;
`Transfer` is the downloader that it is given.

While a download runs, `<file>.part` and `<file>.lock` lie beside the file. A process that
is killed leaves these two, and the next download resumes the part.

Environment:
    NEARFAR_OFFLINE: anything but empty, 0, false, no or off: no socket is opened.
    NEARFAR_MIRROR: base address that is tried first; the file's name is appended.
    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY: as everywhere.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import WARNING, Logger
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from nearfar.errors import ChecksumError, DownloadError, NearfarError, OfflineError, WriteError
from nearfar.io.atomic import sync_parents

if TYPE_CHECKING:
    from requests import RequestException, Response, Session


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Make the folder of `path`, and hold a lock on `path` between processes.

    The lock is `<path>.lock`. The system releases it when its holder dies; the empty file
    stays, because deleting it would break the lock for processes that wait.

    Raises:
        WriteError: the system refused, be it the lock or what the block did.
    """
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            yield
    except NearfarError:
        raise
    except OSError as error:
        raise WriteError(f"can't write {path}: {error.strerror or error}") from error


CHUNK_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = (10.0, 60.0)
"""To connect, and between one piece of an answer and the next."""
LEAST_BYTES_PER_S: Final = 4096
"""What comes more slowly for long is given up; a drip would keep a pull waiting for ever."""
PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Before the second and each later attempt at one address."""
PATIENCE_S: Final = 60.0
"""The longest pause that a server's Retry-After is granted."""

Progress = Callable[[int, int], None]
"""Told (bytes done, bytes in all) as they come; must not raise."""


class _AddressError(Exception):
    """This address won't do: on to the next."""


class _AttemptError(Exception):
    """This attempt failed, and another may not."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


@dataclass
class Transfer:
    """Fills a part from the first of several addresses that has the file.

    Attributes:
        urls: http or https addresses, tried in turn.
        part: the file to fill; a download resumes after what is in it.
        size_bytes: of the whole file; never more than this is written.
        progress: called with the bytes done and in all.
        host: the last host that a request was sent to.
    """

    urls: Sequence[str]
    part: Path
    size_bytes: int
    progress: Progress | None = None
    host: str = "an earlier run"

    def run(self) -> None:
        """Fill the part; its content is not checked, only its size.

        Raises:
            DownloadError: every address failed; the message is the list of hosts and why.
            WriteError: the disk is full, or refuses. A part that hit the end is removed.
        """
        if self._done() > self.size_bytes:
            self.part.unlink()
        missing = self.size_bytes - self._done()
        free = shutil.disk_usage(self.part.parent).free
        if free < missing:
            raise WriteError(
                f"{self.part.parent} has {free / 1e6:.0f} MB left and {missing / 1e6:.0f} MB are "
                "needed: make room, or set NEARFAR_HOME to a folder on another disk"
            )
        if not missing:
            return

        import requests

        failures = []
        with requests.Session() as session:
            session.headers["Accept-Encoding"] = "identity"
            for url in self.urls:
                self.host = urlsplit(url).hostname or url
                try:
                    self._persist(session, url)
                except _AddressError as error:
                    failures.append(f"{self.host} {error}")
                else:
                    return
        raise DownloadError("; ".join(failures))

    def _persist(self, session: "Session", url: str) -> None:
        why, wait_s = "", 0.0
        for pause in (0.0, *PAUSES_S):
            time.sleep(max(pause, wait_s))
            try:
                return self._attempt(session, url)
            except _AttemptError as error:
                why, wait_s = str(error), error.wait_s
        raise _AddressError(why)

    def _attempt(self, session: "Session", url: str) -> None:
        from requests import RequestException

        done = self._done()
        headers = {"Range": f"bytes={done}-"} if done else {}
        ended = threading.Event()
        try:
            with session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
                begin = self._begin(response, done)
                with _ended_after(response, self._limit_s(begin), ended):
                    self._receive(response, begin)
        except _AttemptError:
            if ended.is_set():
                raise _AttemptError("sends too slowly") from None
            raise
        except RequestException as error:
            slow = _AttemptError("sends too slowly")
            raise (slow if ended.is_set() else _judged(error)) from error

    def _limit_s(self, begin: int) -> float:
        return TIMEOUT_S[1] + (self.size_bytes - begin) / LEAST_BYTES_PER_S

    def _begin(self, response: "Response", done: int) -> int:
        """Read the head of an answer; give the byte of the file that its body begins with."""
        status, headers = response.status_code, response.headers
        if status == 200:
            self._check_size(headers.get("Content-Length", "*"))
            return 0
        if status == 206 and done:
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
            if span and int(span[1]) == done:
                self._check_size(span[2])
                return done
        if status in (206, 416) and done:
            self.part.unlink()
            raise _AttemptError("can't go on where the transfer stopped")
        if status in (408, 429) or status >= 500:
            raise _AttemptError(f"answered {status}", _retry_after(response))
        raise _AddressError(f"answered {status}")

    def _check_size(self, size: str) -> None:
        if size not in (str(self.size_bytes), "*"):
            raise _AddressError(f"has a file of {size} bytes where {self.size_bytes} are right")

    def _receive(self, response: "Response", done: int) -> None:
        from requests import RequestException

        try:
            with self.part.open("ab" if done else "wb") as file:
                for chunk in response.iter_content(CHUNK_BYTES):
                    done += len(chunk)
                    if done > self.size_bytes:
                        break
                    file.write(chunk)
                    file.flush()  # what is reported is on its way to the disk, should we die
                    if self.progress:
                        self.progress(done, self.size_bytes)
                os.fsync(file.fileno())
        except RequestException:
            raise
        except OSError as error:
            with suppress(OSError):
                self.part.unlink()
            raise WriteError(f"can't write {self.part}: {error.strerror or error}") from error
        if done > self.size_bytes:
            self.part.unlink()
            raise _AddressError(f"sends more than {self.size_bytes} bytes")
        if done < self.size_bytes:
            raise _AttemptError(f"broke off after {done} of {self.size_bytes} bytes")

    def _done(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


@contextmanager
def _ended_after(response: "Response", limit_s: float, ended: threading.Event) -> Iterator[None]:
    """Break an answer off when it takes too long: who waits for a piece looks at no clock.

    Args:
        response: whose body is being read.
        limit_s: the longest that it may take.
        ended: set once that has happened.
    """

    def end() -> None:
        ended.set()
        with suppress(OSError, ValueError):
            response.raw.shutdown()

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _judged(error: "RequestException") -> _AttemptError | _AddressError:
    from requests import exceptions as cause

    if isinstance(error, cause.SSLError):
        return _AddressError("has no certificate that is trusted here")
    if isinstance(error, cause.ProxyError):
        return _AttemptError("can't be reached through the proxy")
    if isinstance(error, cause.Timeout):
        return _AttemptError("does not answer in time")
    if isinstance(error, cause.ChunkedEncodingError):
        return _AttemptError("broke off")
    if isinstance(error, cause.ConnectionError):
        return _AttemptError("can't be reached")
    return _AddressError(f"failed: {type(error).__name__}")


def _retry_after(response: "Response") -> float:
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return min(Retry().get_retry_after(response.raw) or 0.0, PATIENCE_S)
    except InvalidHeader:
        return 0.0


def fetch(
    urls: Sequence[str],
    target: Path,
    sha256: str,
    size_bytes: int,
    *,
    name: str,
    progress: Progress | None = None,
) -> None:
    """Make `target` the file with this SHA-256; nothing is fetched if it is that already.

    Processes that fetch the same target at once wait for each other, and one transfers.

    Args:
        urls: http or https addresses, tried in turn after the mirror.
        target: the file to make. Its folder is made if need be, and is nearfar's alone.
        sha256: 64 hex digits.
        size_bytes: of the file; never more than this is written.
        name: of the model, for messages.
        progress: called with the bytes done and in all.

    Raises:
        OfflineError: NEARFAR_OFFLINE is set.
        DownloadError: every address failed; the message names each host and why.
        ChecksumError: what came is not the file. Neither it nor a part is kept.
        WriteError: the disk is full or refuses.
    """
    remedy = f"bring the file yourself: nearfar models add {name} {target.name}"
    if os.environ.get("NEARFAR_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off"):
        raise OfflineError(
            f"{name} is not fetched because NEARFAR_OFFLINE is set: unset it, or {remedy}"
        )
    sources = _sources(urls, target.name)
    if not sources:
        raise DownloadError(f"{name} has no address: set NEARFAR_MIRROR, or {remedy}")
    transfer = Transfer(sources, target.with_name(f"{target.name}.part"), size_bytes, progress)
    try:
        _fetch(transfer, target, sha256)
    except DownloadError as error:
        raise DownloadError(
            f"{name} can't be fetched: {error}. Try again, set NEARFAR_MIRROR, or {remedy}"
        ) from error
    except ValueError as error:
        raise ChecksumError(
            f"what {transfer.host} sent for {name} has not the SHA-256 {sha256[:12]}...: "
            "nothing was kept; pull again, and check NEARFAR_MIRROR if it is set"
        ) from error


def _fetch(transfer: Transfer, target: Path, sha256: str) -> None:
    """Download with pooch, one process at a time; it raises ValueError for a wrong hash."""
    import pooch

    def download(_url: str, temporary: str, _pooch: object) -> None:
        Path(temporary).unlink()  # so that a process killed during the transfer leaves a part
        transfer.run()
        target.unlink(missing_ok=True)  # it is bad, and Windows won't rename onto it
        transfer.part.replace(temporary)

    def retrieve() -> None:
        pooch.retrieve(
            transfer.urls[0], f"sha256:{sha256}", target.name, target.parent, downloader=download
        )

    with locked(target), _quiet(pooch.get_logger()):
        for leftover in target.parent.glob("tmp" + "[a-z0-9_]" * 8):
            leftover.unlink()  # pooch's, of a process killed between transfer and move
        went_on = transfer.part.exists()
        try:
            retrieve()
        except ValueError:
            if not went_on:
                raise
            retrieve()  # the old part may have been the bad one: from the start
        sync_parents([target], target.parent)


def _sources(urls: Sequence[str], file: str) -> tuple[str, ...]:
    mirror = os.environ.get("NEARFAR_MIRROR", "").strip()
    sources = (f"{mirror.rstrip('/')}/{quote(file)}", *urls) if mirror else tuple(urls)
    for source in sources:
        if not _is_web(source):
            what = "NEARFAR_MIRROR" if mirror and source == sources[0] else "an address"
            raise DownloadError(f"{what} must begin with http:// or https:// and name a host")
    return sources


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address, for instance
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@contextmanager
def _quiet(logger: Logger) -> Iterator[None]:
    """Keep pooch's notes off standard error: its logger prints INFO whatever the host says."""
    level = logger.level
    logger.setLevel(WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
