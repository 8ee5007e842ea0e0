"""What the service logs: JSON, a line an event."""

import json
import logging
import sys
import time
from typing import Any, Final

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
        return json.dumps(line, ensure_ascii=False, default=str)


def start() -> None:
    """Send the lines to standard error, uvicorn's warnings among them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("nearfar", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _stamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
