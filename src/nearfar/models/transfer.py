"""One file on its way over HTTP, into a part that a later attempt goes on with."""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from nearfar.errors import DownloadError, WriteError

if TYPE_CHECKING:
    from requests import RequestException, Response, Session

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
        part: the file to fill; what is in it is kept and gone on with.
        size_bytes: of the whole file; never more than this is written.
        progress: told how far it is.
        host: the last host that was asked.
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
