"""A child process from its parent's side: started anew, talked to, and ended."""

import json
import math
import os
import pickle
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from typing import Any, Final, final

from nearfar import errors
from nearfar.errors import (
    NearfarError,
    OutOfMemoryError,
    ProcessCrashedError,
    ProcessError,
    ProcessTimeoutError,
)
from nearfar.isolation.shared import SharedFile

MOST_ANSWER_BYTES: Final = 4 * 2**20
"""Maximum size of one message of a child; larger data goes through a shared file."""

_START: Final = (
    "import json, sys; paths, handles = map(json.loads, sys.argv[1:3]);"
    " sys.path[:] = paths; from nearfar.isolation.child import main; main(*handles)"
)
_SETTINGS: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # glibc reserves 64 MiB of address space for each
    # glibc keeps memory for the next photo; to fault it in anew doubles the time of a small one
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
_SECRETS: Final = "NEARFAR_SERVE_"
_SIGXCPU: Final = 24
_END_S: Final = 10.0


@final
class Child:
    """A process that runs `nearfar.isolation.child`, and nothing else of its parent's.

    It is a new interpreter, never a fork: a fork of a process with threads may hang. It ends by
    itself when its parent ends. What goes to it is pickled; what comes from it is JSON and plain
    arrays, since nothing that it says may be trusted. Used by one thread at a time, but for
    `kill`, and `send` beside `receive`.

    Args:
        files: shared files that it gets.

    Raises:
        OutOfMemoryError: the system has no room for one more process.
        ProcessError: it can't be started.
    """

    def __init__(self, files: Sequence[SharedFile]) -> None:
        self._connection, theirs = Pipe()
        handles = [theirs.fileno(), *(file.handle for file in files)]
        command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), json.dumps(handles)]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)
        }
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is written here
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # where libraries print to
                stderr=subprocess.DEVNULL,
                env=environment | _SETTINGS,
                **_inheriting(handles),
            )
        except MemoryError as error:
            raise OutOfMemoryError("there is too little memory for a decoder process") from error
        except OSError as error:
            raise ProcessError(
                f"a process for decoders can't be started: {error.strerror or error}:"
                " raise the limits on processes and open files"
            ) from error
        finally:
            theirs.close()
        self._sending = threading.Lock()
        self._poll: Any = None
        if sys.platform != "win32":  # as `Connection.poll` does it, but made once: 30 us a call
            self._poll = select.poll()
            self._poll.register(self._connection.fileno(), select.POLLIN)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def send(self, message: Any) -> None:
        """Send something, from any thread.

        Raises:
            ProcessCrashedError: it is gone.
        """
        content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with self._sending:
                self._connection.send_bytes(content)
        except OSError as error:
            raise self.failure() from error

    def receive(self, until_s: float) -> dict[str, Any]:
        """Wait for its next message.

        Args:
            until_s: of `time.monotonic`; then it is killed.

        Raises:
            ProcessTimeoutError: none came in time.
            ProcessCrashedError: it died.
            ProcessError: it sent what is no message.
        """
        try:
            if not self.is_heard(max(0.0, until_s - time.monotonic())):
                self.kill()
                raise ProcessTimeoutError("the decoder took too long on this file: it was ended")
            message = json.loads(self._connection.recv_bytes(MOST_ANSWER_BYTES))
        except (EOFError, ConnectionError) as error:
            raise self.failure() from error
        except (OSError, ValueError) as error:
            self.kill()
            raise ProcessError(f"a decoder process sent what is no answer: {error}") from error
        if not isinstance(message, dict):
            self.kill()
            raise ProcessError("a decoder process sent what is no answer")
        return message

    def is_heard(self, seconds: float) -> bool:
        """Wait for a message, or for its end; return whether there is one."""
        if self._poll is None:
            return self._connection.poll(seconds)
        return bool(self._poll.poll(math.ceil(seconds * 1000)))

    def failure(self) -> ProcessError:
        """End it, and say why it is gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # it has closed its end: its exit status follows
        self.kill()
        status = self._process.returncode
        if status == -_SIGXCPU:
            return ProcessTimeoutError(
                "the decoder took too much processor time on this file: it was ended"
            )
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return ProcessCrashedError(f"the decoder crashed on this file ({how})")

    def kill(self) -> None:
        """End it at once, and wait until it is gone; any number of times, from any thread."""
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)

    def close(self) -> None:
        """End it, and close the connection."""
        self.kill()
        self._connection.close()


def raised(told: Mapping[str, Any]) -> Exception:
    """Return the error that a child reports, by the name of its class; else a `ProcessError`."""
    kind = getattr(errors, str(told.get("error")), None)
    text = str(told.get("text", ""))
    if isinstance(kind, type) and issubclass(kind, NearfarError):
        with suppress(TypeError):
            return kind(text)
    return ProcessError(f"a decoder process failed: {text}")


def _inheriting(handles: list[int]) -> dict[str, Any]:
    """Return the arguments with which a child inherits these handles, and no others."""
    if sys.platform == "win32":
        for each in handles:
            os.set_handle_inheritable(each, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})
        return {"startupinfo": startup, "close_fds": True}
    return {"pass_fds": handles}
