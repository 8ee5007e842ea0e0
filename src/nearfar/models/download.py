"""Download a file over HTTP, with resumption, a checksum and an atomic write.

pooch decides whether the file is needed, hashes it and moves it to its path; `Transfer` is the
downloader that pooch calls.

While a download runs, `<file>.part` and `<file>.lock` are beside the file. A process that is killed
leaves both, and the next download resumes the part.

Environment:
    NEARFAR_OFFLINE: anything but empty, 0, false, no or off: downloads are refused.
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
        WriteError: the lock, or a file in the block, can't be written.
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
"""Timeout of connecting, and of each read."""
LEAST_BYTES_PER_S: Final = 4096
"""A download that stays slower is cancelled, or a stalled server could block it for ever."""
PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Delays before the second and each later attempt at one address."""
PATIENCE_S: Final = 60.0
"""Upper limit of the delay that a server's Retry-After sets."""

Progress = Callable[[int, int], None]
"""Called with (bytes done, total bytes); must not raise."""


class _AddressError(Exception):
    """This address can't be used; the next one is tried."""


class _AttemptError(Exception):
    """This attempt failed; it is worth retrying."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


@dataclass
class Transfer:
    """Download a partial file from the first of several addresses that has it.

    Attributes:
        urls: http or https addresses, in order of preference.
        part: the file to fill; a download resumes after what is in it.
        size_bytes: of the whole file; more is never written.
        progress: called with the bytes done and the total.
        host: the last host that a request was sent to.
    """

    urls: Sequence[str]
    part: Path
    size_bytes: int
    progress: Progress | None = None
    host: str = "an earlier run"

    def run(self) -> None:
        """Fill the part; only its size is checked, not its content.

        Raises:
            DownloadError: every address failed; the message is the list of hosts and why.
            WriteError: the disk is full, or the file can't be written. A part is removed if the
                disk is full.
        """
        if self._size() > self.size_bytes:
            self.part.unlink()
        missing = self.size_bytes - self._size()
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

        done = self._size()
        headers = {"Range": f"bytes={done}-"} if done else {}
        ended = threading.Event()
        try:
            with session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
                begin = self._start_byte(response, done)
                with _closing_after(response, self._limit_s(begin), ended):
                    self._receive(response, begin)
        except _AttemptError:
            if ended.is_set():
                raise _AttemptError("sends too slowly") from None
            raise
        except RequestException as error:
            slow = _AttemptError("sends too slowly")
            raise (slow if ended.is_set() else _describe(error)) from error

    def _limit_s(self, begin: int) -> float:
        return TIMEOUT_S[1] + (self.size_bytes - begin) / LEAST_BYTES_PER_S

    def _start_byte(self, response: "Response", done: int) -> int:
        """Check a response's headers; return the offset in the file at which its body begins."""
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
            raise _AttemptError("can't resume the transfer")
        if status in (408, 429) or status >= 500:
            raise _AttemptError(f"answered {status}", _retry_after(response))
        raise _AddressError(f"answered {status}")

    def _check_size(self, size: str) -> None:
        if size not in (str(self.size_bytes), "*"):
            raise _AddressError(f"has a file of {size} bytes, not of {self.size_bytes}")

    def _receive(self, response: "Response", done: int) -> None:
        from requests import RequestException

        try:
            with self.part.open("ab" if done else "wb") as file:
                for chunk in response.iter_content(CHUNK_BYTES):
                    done += len(chunk)
                    if done > self.size_bytes:
                        break
                    file.write(chunk)
                    file.flush()  # flushed before it is reported, in case the process is killed
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
            raise _AttemptError(f"closed the connection after {done} of {self.size_bytes} bytes")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


@contextmanager
def _closing_after(response: "Response", limit_s: float, ended: threading.Event) -> Iterator[None]:
    """Close a response that takes too long; a blocking read does not check the total time.

    Args:
        response: whose body is being read.
        limit_s: time limit in seconds.
        ended: set when the limit was exceeded.
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


def _describe(error: "RequestException") -> _AttemptError | _AddressError:
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
    """Download a file to `target`, unless it is there with this SHA-256.

    Concurrent processes with the same target wait for one of them to download it.

    Args:
        urls: http or https addresses, tried in turn after the mirror.
        target: the path. Its folder is created if necessary, and must contain nothing else.
        sha256: 64 hex digits.
        size_bytes: of the file; never more than this is written.
        name: of the model, for messages.
        progress: called with the bytes done and the total.

    Raises:
        OfflineError: NEARFAR_OFFLINE is set.
        DownloadError: every address failed; the message names each host and why.
        ChecksumError: the downloaded file has another hash. Neither it nor a part is kept.
        WriteError: the disk is full, or the file can't be written.
    """
    remedy = f"add the file yourself: nearfar models add {name} {target.name}"
    if os.environ.get("NEARFAR_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off"):
        raise OfflineError(
            f"{name} is not downloaded because NEARFAR_OFFLINE is set: unset it, or {remedy}"
        )
    sources = _sources(urls, target.name)
    if not sources:
        raise DownloadError(f"{name} has no address: set NEARFAR_MIRROR, or {remedy}")
    transfer = Transfer(sources, target.with_name(f"{target.name}.part"), size_bytes, progress)
    try:
        _fetch(transfer, target, sha256)
    except DownloadError as error:
        raise DownloadError(
            f"{name} can't be downloaded: {error}. Try again, set NEARFAR_MIRROR, or {remedy}"
        ) from error
    except ValueError as error:
        raise ChecksumError(
            f"the file of {name} from {transfer.host} has not the SHA-256 {sha256[:12]}...: "
            "nothing was kept; pull again, and check NEARFAR_MIRROR if it is set"
        ) from error


def _fetch(transfer: Transfer, target: Path, sha256: str) -> None:
    """Download with pooch, one process at a time; it raises ValueError for a wrong hash."""
    import pooch

    def download(_url: str, temporary: str, _pooch: object) -> None:
        Path(temporary).unlink()  # so that a process killed during the transfer leaves a part
        transfer.run()
        target.unlink(missing_ok=True)  # it is invalid, and Windows can't rename onto it
        transfer.part.replace(temporary)

    def retrieve() -> None:
        pooch.retrieve(
            transfer.urls[0], f"sha256:{sha256}", target.name, target.parent, downloader=download
        )

    with locked(target), _quiet(pooch.get_logger()):
        for leftover in target.parent.glob("tmp" + "[a-z0-9_]" * 8):
            leftover.unlink()  # left by pooch in a process killed between download and move
        went_on = transfer.part.exists()
        try:
            retrieve()
        except ValueError:
            if not went_on:
                raise
            retrieve()  # the old part may be damaged: start again
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
    """Silence pooch's logger, which always prints INFO to standard error."""
    level = logger.level
    logger.setLevel(WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
