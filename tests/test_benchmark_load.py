"""The load generator against a server that answers in every way."""

import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from benchmarks import load
from benchmarks.health import watched
from benchmarks.load import LOST, Plan, Seen
from benchmarks.served import Served


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    turns: "itertools.count[int]"

    def do_POST(self) -> None:
        photo = self.rfile.read(int(self.headers["Content-Length"]))
        turn = next(self.turns)
        if turn == 3:
            self.close_connection = True
            return
        self.send_response(429 if turn == 5 else 500 if turn == 7 else 200)
        if turn == 5:
            self.send_header("Retry-After", "0.2")
        answer = photo * 50
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        turn = next(self.turns)
        self.send_response(503 if turn == 4 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    handler = type("Handler", (_Answers,), {"turns": itertools.count()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_every_request_is_counted_once(port: int, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(bytes(range(256)) * 100)
    plan = Plan(port, "/v1/depth", (str(photo),), clients=3, requests=30, warmup_s=0)

    seen = load.run(plan, tmp_path)

    assert len(seen.latencies_ms) == 30
    assert seen.statuses.pop("200") in {30, 31, 32}, "what is under way at the end is waited for"
    assert seen.statuses == {LOST: 1, "429": 1, "500": 1}
    assert seen.wrong == 2
    assert all(ms > 0 for ms in seen.latencies_ms)


def test_a_service_that_never_answers_with_200_is_no_result(tmp_path: Path) -> None:
    class Handler(_Answers):
        turns = itertools.repeat(7)  # type: ignore[assignment]

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        plan = Plan(server.server_port, "/", (__file__,), clients=1, seconds=0.2, warmup_s=0)
        with pytest.raises(RuntimeError, match="no answer 200"):
            load.run(plan, tmp_path)
        server.shutdown()


def test_health_is_watched_until_the_end(port: int) -> None:
    def until(count: int) -> None:
        deadline = time.monotonic() + 30
        while len(answers_ms) < count and time.monotonic() < deadline:
            time.sleep(0.01)

    with watched(Served(port)) as answers_ms:
        until(3)
    assert len(answers_ms) >= 3
    assert all(ms > 0 for ms in answers_ms)
    with (
        pytest.raises(RuntimeError, match="/healthz answered 503"),
        watched(Served(port)) as answers_ms,
    ):
        until(3)


def test_figures_of_a_load() -> None:
    seen = Seen(2.0, tuple(range(100, 0, -1)), {"200": 100, "429": 3, "500": 2, LOST: 1}, 0.1)

    assert seen.rate == 50
    assert seen.wrong == 3
    assert seen.latency_ms(50) == 51
    assert seen.latency_ms(99) == 100
    assert load.together([seen, seen]).statuses == {"200": 200, "429": 6, "500": 4, LOST: 2}
