"""A web server for one file that can be told to misbehave, answer by answer."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """How one request is answered; the plain one serves the file, and ranges of it."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    """Replaces headers of the plain answer; an empty value leaves one out."""
    ranges: bool = True
    content: bytes | None = None
    """Sent in place of the file."""
    break_after: int | None = None
    """The connection is cut when so many bytes of the body are sent."""
    hold_after: int | None = None
    """So many bytes of the body are sent before `Server.gate` opens."""


@dataclass
class Request:
    url: str
    range: str | None
    sent: int = 0


class Server(ThreadingHTTPServer):
    """Serves `content` under every path; `answers` are used up one a request."""

    daemon_threads = False

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.answers: list[Answer] = []
        self.requests: list[Request] = []
        self.gate = threading.Event()
        self.second_request_opens_gate = False
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.address}/model.onnx"

    def take(self, request: Request) -> Answer:
        with self.lock:
            self.requests.append(request)
            if self.second_request_opens_gate and len(self.requests) > 1:
                self.gate.set()
            return self.answers.pop(0) if self.answers else Answer()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        request = Request(self.path, self.headers["Range"])
        answer = self.server.take(request)
        body = self.server.content if answer.content is None else answer.content
        status, headers = answer.status, {}
        span = re.fullmatch(r"bytes=(\d+)-", request.range or "")
        if span and answer.ranges and status == 200:
            start = int(span[1])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
            status = 206
        if status >= 400:
            body = b"no"
        headers["Content-Length"] = str(len(body))
        self.send_response(status)
        for key, value in (headers | answer.headers).items():
            if value:
                self.send_header(key, value)
        self.end_headers()
        try:
            self._send(body, answer, request)
        except ConnectionError:  # the client was killed, or had enough
            self.close_connection = True

    def _send(self, body: bytes, answer: Answer, request: Request) -> None:
        if answer.break_after is not None:
            body = body[: answer.break_after]
        if answer.hold_after is not None:
            head, body = body[: answer.hold_after], body[answer.hold_after :]
            self.wfile.write(head)
            request.sent += len(head)
            self.server.gate.wait()
        self.wfile.write(body)
        request.sent += len(body)

    def log_message(self, *args: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    server = Server(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
