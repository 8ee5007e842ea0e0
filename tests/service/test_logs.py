"""Lines of the log are JSON, whoever writes them; on a terminal they are for people."""

import io
import json
import logging
import os
import re
import subprocess
import sys

import pytest

from nearfar.service.observability import LineWriter, ReadableLines, is_asset
from tests.service.served import Served, until

NOISE = """
import logging, sys, threading, traceback, warnings
from nearfar.service.observability import start_logging as start
start()
warnings.warn("a warning")
print("printed", file=sys.stderr)
logging.getLogger("asyncio").error("a fault of %s", "asyncio")
logging.getLogger("nearfar.service.faults").error("half a pair: \\ud800")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
try:
    raise ValueError("two\\nlines")
except ValueError:
    traceback.print_exc()
raise RuntimeError("the end")
"""


def test_every_line_is_json() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOISE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    lines = [json.loads(each) for each in done.stderr.splitlines()]
    said = " ".join(each["message"] for each in lines)
    for words in ("a warning", "printed", "a fault of asyncio", "ZeroDivisionError", "the end"):
        assert words in said


def test_pieces_of_a_line_become_one() -> None:
    file = io.StringIO()
    writer = LineWriter(file)
    for piece in ("half ", "a line\nand", " another\n", "\n", "x" * 20_000):
        writer.write(piece)
    said = [json.loads(each)["message"] for each in file.getvalue().splitlines()]
    assert said == ["half a line", "and another", "x" * 20_000]


REQUEST = {
    "request_id": "8d0c2f2f6f0b4c1e",
    "client": "127.0.0.1",
    "method": "POST",
    "route": "/v1/depth",
    "status": 200,
    "ms": 83.4,
    "bytes_in": 9,
    "bytes_out": 8,
}


def _record(message: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("nearfar", level, "", 0, message, None, None)


def test_a_person_reads_one_line_a_request() -> None:
    line = ReadableLines().format(_record(REQUEST))
    assert re.fullmatch(r"\d\d:\d\d:\d\d  200  POST   /v1/depth  83\.4 ms", line)


def test_a_message_can_not_steer_the_terminal() -> None:
    line = ReadableLines().format(_record("no \x1b[2J\rfile\n  é", logging.WARNING))
    assert line.partition("  ")[2] == "warning: no \\x1b[2J\\rfile\n  é"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_text_and_not_json() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "wb") as terminal:
        done = subprocess.run(
            [sys.executable, "-c", NOISE], stderr=terminal, timeout=60, check=False
        )
        text = os.read(ours, 2**16).decode()
    assert done.returncode == 1
    assert re.search(r"^\d\d:\d\d:\d\d  error: a fault of asyncio", text, flags=re.MULTILINE)
    assert "RuntimeError: the end" in text
    assert "{" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/assets/index-a1.js",
        "/static/fonts/a.woff2",
        "/theme.css",
        "/favicon.ico",
        "/gradio_api/heartbeat/abc",
        "/live/live.js",
        "/docs/swagger-ui.css",
    ],
)
def test_files_of_pages_are_assets(path: str) -> None:
    assert is_asset(path)


@pytest.mark.parametrize("path", ["/", "/live", "/docs", "/v1/depth", "/gradio_api/queue/join"])
def test_what_a_person_does_is_no_asset(path: str) -> None:
    assert not is_asset(path)


def test_assets_are_logged_only_where_they_fail(
    service: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def seen() -> list[tuple[str, int]]:
        rows = [each.msg for each in caplog.records if isinstance(each.msg, dict)]
        return [(row["route"], row["status"]) for row in rows]

    caplog.set_level(logging.INFO, "nearfar.service.requests")
    for path in ("/live/live.js", "/live/none.js", "/live"):
        service.client.get(path)
    until(lambda: "/live" in [route for route, _ in seen()])
    assert seen() == [("/live/{name}", 404), ("/live", 200)]
