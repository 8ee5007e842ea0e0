"""What the service logs: JSON, a line an event."""

import io
import json
import logging
import sys
import threading
import time
from typing import Any, Final, TextIO

_LONGEST_LINE: Final = 10_000

REQUESTS: Final = logging.getLogger("nearfar.service.requests")
"""One line a request: its message is a dict. Never what the request holds."""

FAULTS: Final = logging.getLogger("nearfar.service.faults")
"""What went wrong in the service itself, with the traceback."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON; a message that is a dict gives its own keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line: dict[str, Any] = {"time": _stamp(record.created), "level": record.levelname.lower()}
        if isinstance(record.msg, dict):
            line |= record.msg
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class LineWriter(io.TextIOBase):
    """A standard error on which every line is JSON, whoever writes it.

    Libraries print tracebacks, and Python its warnings, past all logging.

    Args:
        file: where the lines go to.
    """

    def __init__(self, file: TextIO) -> None:
        self.file, self._begun = file, ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Take text; each whole line of it becomes one of JSON."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _LONGEST_LINE:
                lines, self._begun = [*lines, self._begun], ""
            for each in lines:
                if each.strip():
                    self.file.write(_plain(each) + "\n")
        return len(text)

    def flush(self) -> None:
        """Pass on what the file holds back."""
        self.file.flush()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def fileno(self) -> int:
        """Give the file's own number."""
        return self.file.fileno()


def _plain(line: str) -> str:
    told = {"time": _stamp(time.time()), "level": "warning", "message": line}
    return json.dumps(told)


def start() -> None:
    """Send the lines to standard error, uvicorn's and asyncio's warnings among them."""
    stderr = sys.stderr
    if isinstance(stderr, LineWriter):
        stderr = stderr.file
    handler = logging.StreamHandler(stderr)
    handler.setFormatter(JsonLines())
    sys.stderr = LineWriter(stderr)
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name, level in (("nearfar", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _stamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
