"""Every line on standard error is JSON, whoever writes it."""

import io
import json
import subprocess
import sys

from nearfar.service.observability import LineWriter

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
