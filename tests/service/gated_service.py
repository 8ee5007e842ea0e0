"""Run as a program: `nearfar serve` without a page, whose network waits for a line of stdin."""

import sys
import threading

from nearfar.cli import main
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.runtimes.onnx import OnnxSession

sys.modules["gradio"] = None  # type: ignore[assignment]  # how an import is made to fail

GATE = threading.Event()
RUN = OnnxSession.run
WARMED = threading.Event()


def gated(self: OnnxSession, batch: Batch) -> RawDepth:
    if WARMED.is_set():
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        GATE.wait()
    WARMED.set()
    return RUN(self, batch)


def listen() -> None:
    sys.stdin.readline()
    GATE.set()


if __name__ == "__main__":
    OnnxSession.run = gated  # type: ignore[method-assign, assignment]  # that is the point
    threading.Thread(target=listen, daemon=True).start()
    main(["serve", *sys.argv[1:]])
