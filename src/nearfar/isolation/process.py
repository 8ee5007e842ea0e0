"""Start a child process, exchange messages with it, and stop it."""

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
    # glibc keeps memory for the next photo; new page faults would double the time of a small one
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
_SECRETS: Final = "NEARFAR_SERVE_"
_SIGXCPU: Final = 24
_END_S: Final = 10.0


@final
class Child:
    """A child process that runs `nearfar.isolation.child`.

    It is a new interpreter, never a fork: a fork of a process with threads may hang. It exits when
    its parent exits. Messages to it are pickled; those from it are JSON and plain arrays, since
    they are untrusted. Not thread-safe, except `kill`, and `send` during `receive`.

    Args:
        files: shared files that it inherits.

    Raises:
        OutOfMemoryError: the system has too little memory for another process.
        ProcessError: it can't be started.
    """

    def __init__(self, files: Sequence[SharedFile]) -> None:
        self._connection, child_end = Pipe()
        handles = [child_end.fileno(), *(file.handle for file in files)]
        command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), json.dumps(handles)]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)
        }
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is written here
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # output of libraries
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
            child_end.close()
        self._sending = threading.Lock()
        self._poll: Any = None
        if sys.platform != "win32":  # as `Connection.poll`, but created once: saves 30 us a call
            self._poll = select.poll()
            self._poll.register(self._connection.fileno(), select.POLLIN)

    @property
    def pid(self) -> int:
        """Process ID."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it is running."""
        return self._process.poll() is None

    def send(self, message: Any) -> None:
        """Send a message, from any thread.

        Raises:
            ProcessCrashedError: it has exited.
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
            until_s: deadline on the clock of `time.monotonic`, after which it is killed.

        Raises:
            ProcessTimeoutError: none arrived in time.
            ProcessCrashedError: it crashed.
            ProcessError: it sent an invalid message.
        """
        try:
            if not self.has_message(max(0.0, until_s - time.monotonic())):
                self.kill()
                raise ProcessTimeoutError("the decoder exceeded its time limit on this file")
            message = json.loads(self._connection.recv_bytes(MOST_ANSWER_BYTES))
        except (EOFError, ConnectionError) as error:
            raise self.failure() from error
        except (OSError, ValueError) as error:
            self.kill()
            raise ProcessError(f"a decoder process sent an invalid message: {error}") from error
        if not isinstance(message, dict):
            self.kill()
            raise ProcessError("a decoder process sent an invalid message")
        return message

    def has_message(self, seconds: float) -> bool:
        """Wait for a message or the end of the process; return whether there is a message."""
        if self._poll is None:
            return self._connection.poll(seconds)
        return bool(self._poll.poll(math.ceil(seconds * 1000)))

    def failure(self) -> ProcessError:
        """Stop it, and return the error that describes why it exited."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # it closed the connection: its exit status follows
        self.kill()
        status = self._process.returncode
        if status == -_SIGXCPU:
            return ProcessTimeoutError("the decoder exceeded its processor time on this file")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return ProcessCrashedError(f"the decoder crashed on this file ({how})")

    def kill(self) -> None:
        """Kill it and wait for its exit; can be called repeatedly and from any thread."""
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)

    def close(self) -> None:
        """Kill it, and close the connection."""
        self.kill()
        self._connection.close()


def raised(report: Mapping[str, Any]) -> Exception:
    """Return the error reported by a child, by its class name, else a `ProcessError`."""
    kind = getattr(errors, str(report.get("error")), None)
    text = str(report.get("text", ""))
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
