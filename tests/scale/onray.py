"""A service on Ray, as a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.scale.filenetwork import FileNetwork
from tests.service.network import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent
PLACES = os.pathsep.join([str(ROOT), str(ROOT / "src")])


@dataclass(frozen=True)
class OnRay:
    """What `tests.service.served.Served` is, of another process.

    Attributes:
        port: on 127.0.0.1.
        client: an HTTP client for it.
        popen: the process that deployed it.
    """

    port: int
    client: httpx.Client
    popen: "subprocess.Popen[str]"

    @property
    def engine(self) -> "OnRay":
        return self

    @property
    def waiting(self) -> int:
        return round(self.counted("nearfar_queue_depth"))

    @property
    def running(self) -> int:
        return round(self.counted("nearfar_running"))

    def counted(self, what: str) -> float:
        """Add up a figure of all replicas."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{what}{{"))

    def depth(self, photo: bytes, **query: Any) -> httpx.Response:
        return self.client.post("/v1/depth", content=photo, params=query)


def until(condition: Callable[[], bool], *, patience_s: float = 2 * PATIENCE_S) -> None:
    """Wait for what must come true, somewhere in a dozen processes."""
    end_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come true"
        time.sleep(0.05)


def occupied(
    service: OnRay, network: FileNetwork, pool: ThreadPoolExecutor, photo: bytes
) -> "list[Future[httpx.Response]]":
    """Give both replicas work that does not end, and maybe some that waits; Serve shares it out."""
    network.hold()
    asked: list[Future[httpx.Response]] = []
    while network.begun < 2:
        asked.append(pool.submit(service.depth, photo))
        until(lambda: service.running + service.waiting == len(asked))
    return asked


@contextmanager
def on_ray(folder: Path, *options: str) -> Iterator[OnRay]:
    """Deploy a service on a cluster of its own, whose network is `FileNetwork(folder)`."""
    log = folder / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.scale.fake_service",
                str(folder),
                "--port",
                "0",
                "--model",
                "nearfar-lite",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": PLACES, "NEARFAR_HOME": str(folder / "home")},
        ) as popen,
    ):
        try:
            assert popen.stdout is not None
            line = popen.stdout.readline()
            told = re.match(r"nearfar is at http://127\.0\.0\.1:(\d+), ", line)
            assert told, line + log.read_text()[-1000:]
            port = int(told[1])
            address = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
                yield OnRay(port, client, popen)
        finally:
            popen.send_signal(signal.SIGTERM)
            try:
                popen.wait(2 * PATIENCE_S)
            except subprocess.TimeoutExpired:
                popen.kill()
                raise
