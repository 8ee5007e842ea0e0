"""A service on a socket of this machine, in a thread."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from nearfar.service.app import make_app
from nearfar.service.engine import InferenceEngine
from nearfar.service.server import Server, address_of, bind
from nearfar.service.settings import ServiceOptions
from nearfar.service.tls import certificate_of
from tests.service.network import PATIENCE_S


@dataclass(frozen=True)
class Served:
    """What a test needs to know of it.

    Attributes:
        port: on 127.0.0.1.
        app: the application.
        client: an HTTP client for it.
        server: what runs it.
    """

    port: int
    app: FastAPI
    client: httpx.Client
    server: Server

    @property
    def engine(self) -> InferenceEngine:
        engine: InferenceEngine = self.app.state.engine
        return engine

    def stop(self) -> None:
        """Tell it to stop, as a signal would."""
        self.server.should_exit = True

    def depth(self, photo: bytes, **query: Any) -> httpx.Response:
        return self.client.post("/v1/depth", content=photo, params=query)


@contextmanager
def served(*, page: bool = False, **settings: Any) -> Iterator[Served]:
    """Run a service with the bundled model in ONNX Runtime; `settings` are its options.

    The model is named: which of its siblings `auto` takes depends on the processor.
    """
    usual = {"port": 0, "model": "nearfar-lite", "runtime": "onnxruntime", "workers": 1}
    options = ServiceOptions.of(**{**usual, **settings})
    with serving(make_app(options, page=page)) as service:
        yield service


@contextmanager
def serving(app: FastAPI) -> Iterator[Served]:
    """Run an application of `make_app`."""
    options: ServiceOptions = app.state.options
    listening = threading.Event()
    certificate = certificate_of(options)
    server = Server(app, options, listening.set, certificate=certificate)
    with bind(options) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert listening.wait(PATIENCE_S)
            address = address_of(options, port)
            trusted = ssl.create_default_context(cafile=certificate.cert if certificate else None)
            with httpx.Client(base_url=address, timeout=PATIENCE_S, verify=trusted) as client:
                until(lambda: client.get("/readyz").status_code == 200)
                yield Served(port, app, client, server)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "the service did not stop"


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come true."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come true"
        time.sleep(0.01)


def assert_problem(answer: httpx.Response, status: int, slug: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:nearfar:problem:{slug}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
