"""What all tests share: a home of their own, and no way out of this machine."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nearfar.scale.ray_cluster import own_environment

# Ray reads these when it is imported, and the first test that does so imports it for all
os.environ.update(own_environment())

LOCAL = ("127.0.0.1", "::1", "localhost")
ROUTES = ("192.0.2.1", "2001:db8::1")
"""Addresses of documentation: UDP sockets that connect to them only choose a route."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for all tests, so that the runtimes are timed once and not in every test."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_home(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Point nearfar at an empty home, and clear what the user's shell may set."""
    monkeypatch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("NEARFAR_CACHE", str(cache))
    for name in ("NEARFAR_MIRROR", "NEARFAR_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what the start of a service in this process did: its handler's file is closed soon."""
    yield
    for name, level in (("", logging.WARNING), ("nearfar", 0), ("uvicorn", 0)):
        logger = logging.getLogger(name)
        for handler in [*logger.handlers]:
            if type(handler.formatter).__name__ in {"JsonLines", "ReadableLines"}:
                logger.removeHandler(handler)
                logger.setLevel(level)
                logger.propagate = True
    stderr: Any = sys.stderr
    if type(stderr).__name__ == "LineWriter":
        sys.stderr = stderr.file
        logging.captureWarnings(capture=False)


@pytest.fixture(autouse=True)
def _no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        is_unsent = self.type == socket.SOCK_DGRAM and address[0] in ROUTES
        if isinstance(address, tuple) and address[0] not in LOCAL and not is_unsent:
            pytest.fail(f"a test opened a connection to {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def examples() -> Path:
    """The folder of the example photos."""
    return Path(__file__).parent.parent / "examples"
