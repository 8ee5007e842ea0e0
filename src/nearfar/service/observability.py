"""Metrics for Prometheus, and the log: a line per event, for people or as JSON."""

import io
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TextIO

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from nearfar.service.worker import Timing

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Content type of `Metrics.text`."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of one service, in a registry of their own; the scheduler's `Observer`.

    Safe to call from any thread.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "nearfar_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "nearfar_request_seconds",
            "From a request's first byte to its answer's last.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "nearfar_stage_seconds",
            "Time of a picture in each stage: queue, prepare, infer, finish; and in total.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._refusals = Counter(
            "nearfar_refusals", "Requests refused, by reason.", ("reason",), registry=self.registry
        )
        self._waiting = Gauge(
            "nearfar_queue_depth", "Requests taken and not begun.", registry=self.registry
        )
        self._running = Gauge("nearfar_running", "Requests at work.", registry=self.registry)
        self._streams = Gauge("nearfar_streams_open", "Live streams.", registry=self.registry)
        self._frames = Counter(
            "nearfar_frames",
            "Frames of live streams: done, or dropped for a newer one.",
            ("outcome",),
            registry=self.registry,
        )

    def watch(self, *, waiting: Callable[[], float], running: Callable[[], float]) -> None:
        """Set the functions that return the queue's depth and the running jobs."""
        self._waiting.set_function(waiting)
        self._running.set_function(running)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request.

        Args:
            route: the pattern, such as `/v1/depth`, never the path as it was asked for: each
                new one costs memory for good.
            method: of HTTP.
            status: of the answer.
            seconds: from its first byte to the answer's last.
        """
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a refusal; `reason` is one of a few fixed words."""
        self._refusals.labels(reason).inc()

    def done(self, timing: Timing) -> None:
        """Count a job that gave its result."""
        for stage in ("queue", "prepare", "infer", "finish", "total"):
            self._stages.labels(stage).observe(getattr(timing, f"{stage}_ms") / 1000)

    def stream_opened(self) -> None:
        """Count a live stream in."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """Count a live stream out."""
        self._streams.dec()

    def frame(self, outcome: str) -> None:
        """Count a frame of a live stream: `done` or `dropped`."""
        self._frames.labels(outcome).inc()

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format; the type is `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    async def scrape(self) -> bytes:
        """Return the answer of `/metrics`, in the same format."""
        return self.text()


_LONGEST_LINE: Final = 10_000

REQUESTS: Final = logging.getLogger("nearfar.service.requests")
"""One line a request: its message is a dict. Never what the request holds."""

FAULTS: Final = logging.getLogger("nearfar.service.faults")
"""What went wrong in the service itself, with the traceback."""


_ASSETS: Final = re.compile(
    r"/(assets|static|svelte)/.*|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json|/config"
    r"|/gradio_api/(heartbeat/.*|startup-events|app_id|upload_progress)"
    r"|/(live|docs)/.+"
)


def is_asset(path: str) -> bool:
    """Return whether a path is one of the many that a page requests by itself.

    They are counted in the metrics, and logged only where they fail.

    Args:
        path: of the request, below the root path.
    """
    return _ASSETS.fullmatch(path) is not None


class ReadableLines(logging.Formatter):
    """Formats a record for people: time, and of a request status, method, route and duration."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows on further lines."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        if isinstance(record.msg, dict):
            row = record.msg
            return f"{clock}  {row['status']}  {row['method']:<6} {row['route']}  {row['ms']:g} ms"
        line = f"{clock}  {record.levelname.lower()}: {record.getMessage()}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return _printable(line)


def _printable(text: str) -> str:
    """Escape what a terminal would obey, such as the codes that move its cursor."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text
    )


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; a message that is a dict adds its keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {"time": _stamp(record.created), "level": record.levelname.lower()}
        if isinstance(record.msg, dict):
            line |= record.msg
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class LineWriter(io.TextIOBase):
    """Replaces standard error, and writes every line as JSON.

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
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the file's descriptor."""
        return self.file.fileno()


def _plain(line: str) -> str:
    told = {"time": _stamp(time.time()), "level": "warning", "message": line}
    return json.dumps(told)


def start_logging() -> None:
    """Send the lines to standard error, uvicorn's and asyncio's warnings among them.

    They are for people where standard error is a terminal, and else each is JSON.
    """
    stderr = sys.stderr
    if isinstance(stderr, LineWriter):
        stderr = stderr.file
    handler = logging.StreamHandler(stderr)
    if stderr.isatty():
        handler.setFormatter(ReadableLines())
    else:
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
