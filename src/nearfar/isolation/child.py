"""The main loop of a child process: wait for a call, apply its limits, run it, answer."""

import json
import pickle
import signal
import sys
import threading
from contextlib import suppress
from traceback import format_exception
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from nearfar.errors import (
    NearfarError,
    ProcessMemoryError,
    WriteError,
    is_disk_full,
    lacks_memory,
)
from nearfar.isolation import limits
from nearfar.isolation.shared import SharedFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

CallResult: TypeAlias = "tuple[Any, NDArray[Any] | None]"
"""A value that JSON can represent, and an optional array."""

_LONGEST_TEXT: Final = 2000
_GROWN_BYTES: Final = 256 * 2**20
"""Growth of the address space after which a process is replaced."""


class Line:
    """The child's end of the connection to its parent.

    Attributes:
        files: shared with the parent.
    """

    def __init__(self, connection: Any, files: list[SharedFile]) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self.files = files

    def receive(self) -> Any:
        """Wait for a message of the parent, which is trusted.

        Raises:
            EOFError: the parent has exited or closed the connection.
        """
        return pickle.loads(self._connection.recv_bytes())  # noqa: S301 - from the parent

    def send(self, **message: Any) -> None:
        """Send the parent a message that JSON can represent; thread-safe."""
        content = json.dumps(message).encode()
        with self._sending:
            self._connection.send_bytes(content)


def main(connection: int, *files: int) -> None:
    """Serve calls until the parent closes the connection.

    Args:
        connection: handle of the connection.
        files: handles of shared files.
    """
    _ignore_signals()
    if sys.platform == "win32":
        from multiprocessing.connection import PipeConnection as Connection
    else:
        from multiprocessing.connection import Connection
    line = Line(Connection(connection), [SharedFile.inherited(each) for each in files])
    limits.enter()
    line.send(ready=True)
    usual_bytes = None
    with suppress(EOFError, ConnectionError):
        while True:
            answer = _run(line.receive(), line)
            now_bytes = limits.address_space()
            usual_bytes = (
                now_bytes if usual_bytes is None else usual_bytes
            )  # modules are loaded by now
            line.send(**answer, grown=now_bytes > usual_bytes + _GROWN_BYTES)


def _run(call: "dict[str, Any]", line: Line) -> dict[str, Any]:
    """Run a call; return its result or error as a JSON object."""
    try:
        limits.apply(call["limits"])
        if call["talks"]:
            value, array = call["function"](line, *call["arguments"])
        else:
            content = line.files[0].read(call["bytes"])
            value, array = call["function"](content, *call["arguments"])
        if array is not None:
            line.files[0].write(array)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        return _report_of(error)
    if array is None:
        return {"value": value, "shape": None}
    return {"value": value, "shape": array.shape, "kind": np.dtype(array.dtype).name}


def _report_of(error: Exception) -> dict[str, Any]:
    """Return the class and text of an error as a JSON object."""
    is_known = isinstance(error, NearfarError)
    if is_disk_full(error) and (isinstance(error, WriteError) or not is_known):
        name, text = WriteError.__name__, "the disk is full: free some space"
    elif lacks_memory(error.__cause__ if is_known else error):
        name = ProcessMemoryError.__name__
        text = "the decoder needs more memory for this file than its limit: make the file smaller"
    elif is_known:
        return {"error": type(error).__name__, "text": str(error)[:_LONGEST_TEXT]}
    else:
        return {"error": None, "text": "".join(format_exception(error))[-_LONGEST_TEXT:]}
    return {"error": name, "text": text}


def _ignore_signals() -> None:
    """Ignore signals, which terminals and systemd send to all processes."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
