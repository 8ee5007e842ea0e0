"""`nearfar serve` in a process of its own, for the benchmarks of the service."""

import http.client
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.cold_start import MODEL, program
from benchmarks.paired import Command, environment
from nearfar.depth import DepthMap, read_depth

HOST: Final = "127.0.0.1"
START_S: Final = 120
"""Gradio alone takes seconds to import, and many more on a busy machine."""

_FIGURE: Final = re.compile(
    r"^process_(cpu_seconds_total|resident_memory_bytes) (\S+)$", re.MULTILINE
)


@dataclass(frozen=True)
class Process:
    """What a service has used so far.

    Attributes:
        core_s: of all cores together.
        memory_mib: resident now.
    """

    core_s: float
    memory_mib: float


@dataclass(frozen=True)
class Served:
    """A service that is ready.

    Attributes:
        port: on 127.0.0.1.
    """

    port: int

    def process(self) -> Process:
        """Ask the service what it has used so far (Linux)."""
        status, text = self.get("/metrics")
        figures = {name: float(value) for name, value in _FIGURE.findall(text.decode())}
        if status != 200 or len(figures) != 2:
            raise RuntimeError("/metrics does not tell what the process uses: that needs Linux")
        return Process(figures["cpu_seconds_total"], figures["resident_memory_bytes"] / 2**20)

    def check(self, photo: Path) -> None:
        """See that a photo comes back as a map of its size.

        Raises:
            RuntimeError: it does not.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=START_S)
        connection.request("POST", "/v1/depth", photo.read_bytes())
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the service answered {answer.status}: {content[:200]!r}")
        depth = read_depth(content)
        if not isinstance(depth, DepthMap) or depth.size_px != (640, 480):
            raise RuntimeError("the service's answer is no map of the photo's size")

    def get(self, path: str) -> tuple[int, bytes]:
        """Get a path: its status and its content."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=START_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def serving(folder: Path, *options: str, runtime: str = "onnxruntime") -> Iterator[Served]:
    """Start the service as users do, page and all, and end it.

    Args:
        folder: for its log and Python's bytecode.
        options: of `nearfar serve`, beside the model, the runtime and a free port.
        runtime: of the model.

    Raises:
        RuntimeError: it did not start, or did not end with 0.
    """
    command: Command = [program(), "serve", "--port", "0", "--model", MODEL, *options]
    log = folder / "serve.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--runtime", runtime],
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            served = Served(_port(process, log))
            _wait(served, process, log)
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
    if status:
        raise RuntimeError(f"the service ended with {status}: {_said(log)}")


def _port(process: "subprocess.Popen[str]", log: Path) -> int:
    line = process.stdout.readline() if process.stdout else ""
    found = re.search(r":(\d+) ", line)
    if found is None:
        raise RuntimeError(f"the service did not start: {_said(log)}")
    return int(found[1])


def _wait(served: Served, process: "subprocess.Popen[str]", log: Path) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s and process.poll() is None:
        if served.get("/readyz")[0] == 200:
            return
        time.sleep(0.1)
    raise RuntimeError(f"the service was never ready: {_said(log)}")


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
