"""A real browser for tests: Debian's Chromium, and the service in a process of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

START_S = 120
"""With a page: Gradio alone takes seconds to import, and many on a busy machine."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_SERVE = """
import sys
from nearfar.service.app import make_app
from nearfar.service.server import Server, bind
from nearfar.service.settings import ServiceOptions

port, page = map(int, sys.argv[1:])
options = ServiceOptions(port=port, runtime="onnxruntime", model="nearfar-lite", drain_s=2.0)
with bind(options) as listener:
    Server(make_app(options, page=bool(page)), options).run(sockets=[listener])
"""


@contextmanager
def browsing(player: Playwright, *flags: str) -> Iterator[Browser]:
    """Chromium, started with `flags` beside the usual ones."""
    browser = player.chromium.launch(executable_path=_chromium(), args=[*FLAGS, *flags])
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def visiting(
    context: BrowserContext, service: "ServiceProcess", *, wait_ms: float
) -> Iterator[Page]:
    """Open the page; requests to elsewhere, and errors of scripts, fail the test at its end."""
    expect.set_options(timeout=wait_ms)
    page = context.new_page()
    page.set_default_timeout(wait_ms)
    foreign: list[str] = []
    errors: list[str] = []
    own = (service.address, "data:", "blob:")
    page.on("request", lambda each: None if each.url.startswith(own) else foreign.append(each.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(service.address)
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert foreign == []
    assert errors == []


@contextmanager
def playing() -> Iterator[Playwright]:
    """What starts browsers. While it is open, this thread can't run another event loop."""
    _chromium()
    with sync_playwright() as player:
        yield player


@dataclass
class ServiceProcess:
    """The real service with the bundled model, in a process that can be ended and begun anew.

    Attributes:
        port: on 127.0.0.1; stays the same.
        page: whether the page at / is there too.
    """

    port: int
    page: bool = False
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-c", _SERVE, str(self.port), str(int(self.page))]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        end_s = time.monotonic() + START_S
        while not self._is_ready():
            assert time.monotonic() < end_s, "the service did not become ready"
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, and wait for its end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the service ended by itself"
        try:
            return httpx.get(f"{self.address}/readyz", timeout=5).is_success
        except httpx.TransportError:
            return False


@contextmanager
def service_process(*, page: bool = False) -> Iterator[ServiceProcess]:
    """A running service on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    service = ServiceProcess(port, page)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def _chromium() -> str:
    path = shutil.which("chromium")
    if path is None:
        reason = "no chromium here: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
