"""How the service starts and stops, as a process."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import pytest
from fastapi.responses import StreamingResponse

from nearfar.service.app import make_app
from nearfar.service.settings import ServiceOptions
from tests.service.served import serving, until

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Process:
    """A service that runs by itself."""

    popen: "subprocess.Popen[str]"
    address: str

    @property
    def out(self) -> IO[str]:
        assert self.popen.stdout is not None
        return self.popen.stdout

    def go(self) -> None:
        """Let the network run."""
        assert self.popen.stdin is not None
        self.popen.stdin.write("go\n")
        self.popen.stdin.flush()

    def depth(self, photo: bytes) -> int:
        return httpx.post(f"{self.address}/v1/depth", content=photo, timeout=30).status_code

    def is_ready(self) -> bool:
        return httpx.get(f"{self.address}/readyz", timeout=30).status_code == 200

    def refuses_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", httpx.URL(self.address).port or 0), 30).close()
        except ConnectionRefusedError:
            return True
        return False


@contextmanager
def process(*options: str) -> Iterator[Process]:
    program = [sys.executable, "-W", "error", "-m", "tests.service.gated_service"]
    # one model in one runtime: with a choice, the gate would meet the runs that time them
    program += ["--model", "nearfar-lite", "--runtime", "onnxruntime"]
    program += ["--port", "0", "--workers", "1", *options]
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as popen:
        try:
            assert popen.stdout is not None
            line = popen.stdout.readline()
            address = re.fullmatch(r"nearfar is at (http://\S+) \(Ctrl\+C stops it\)\n", line)
            assert address, line
            yield Process(popen, address[1])
        finally:
            popen.kill()


@pytest.mark.parametrize("wish", [signal.SIGTERM, signal.SIGINT])
def test_shutdown_drains(photo: bytes, wish: signal.Signals) -> None:
    with process() as service, ThreadPoolExecutor(3) as pool:
        until(service.is_ready)
        taken = [pool.submit(service.depth, photo) for _ in range(3)]
        assert service.out.readline() == "begun\n"
        metrics = f"{service.address}/metrics"
        until(lambda: "nearfar_queue_depth 2.0" in httpx.get(metrics, timeout=30).text)
        service.popen.send_signal(wish)
        until(service.refuses_connections)
        assert service.popen.poll() is None
        service.go()
        assert [each.result() for each in taken] == [200, 200, 200]
        assert service.popen.wait(30) == 0
        assert service.popen.stderr is not None
        assert "Traceback" not in service.popen.stderr.read()


def test_shutdown_keeps_its_deadline(photo: bytes) -> None:
    with process("--drain-s", "0.5") as service, ThreadPoolExecutor(1) as pool:
        until(service.is_ready)
        stuck = pool.submit(service.depth, photo)
        assert service.out.readline() == "begun\n"
        service.popen.send_signal(signal.SIGTERM)
        assert stuck.result() == 503
        assert service.popen.wait(30) == 0


def test_idle_connections_do_not_hold_the_service_up() -> None:
    with process() as service, httpx.Client(base_url=service.address) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        service.popen.send_signal(signal.SIGTERM)
        assert service.popen.wait(30) == 0


def test_model_that_fails_to_load_ends_the_service() -> None:
    program = (
        "import sys; sys.modules['gradio'] = None\n"
        "from nearfar.runtimes.onnx import OnnxSession\n"
        "from nearfar.errors import InferenceError\n"
        "def fail(self, batch): raise InferenceError('too hot')\n"
        "OnnxSession.run = fail\n"
        "from nearfar.cli import main\n"
        "main(['serve', '--port', '0', '--runtime', 'onnxruntime'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert json.loads(ran.stderr.splitlines()[-1])["message"] == "nearfar: too hot"
    assert "Traceback" not in ran.stderr


def test_streams_that_never_end_are_ended() -> None:
    app = make_app(ServiceOptions(port=0, runtime="onnxruntime", workers=1), page=False)

    async def beat() -> AsyncIterator[bytes]:
        while True:
            yield b"data: alive\n\n"
            await asyncio.sleep(0.01)

    app.add_api_route("/beat", lambda: StreamingResponse(beat(), media_type="text/event-stream"))
    app.router.routes.insert(0, app.router.routes.pop())
    with serving(app) as service, service.client.stream("GET", "/beat") as answer:
        pieces = answer.iter_bytes()
        assert next(pieces).startswith(b"data: alive")
        service.stop()
        for _ in pieces:
            pass  # it ends, and is whole: httpx would raise otherwise
