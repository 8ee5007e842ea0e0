"""A lean load generator: clients that each wait for their answer before they ask again.

Started as `python -m benchmarks.load_clients PLAN.json`; prints what it saw as JSON. One process,
one thread, raw sockets and requests made beforehand: it shares the cores with what it measures.
"""

import heapq
import json
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.load import LOST, Plan, Seen

_PATIENCE_S: Final = 60.0
"""For answers that are still under way at the end."""

_LOCAL: Final = "127.0.0.1"


def main(file: str) -> None:
    """Carry out a plan."""
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    plan = Plan(**{**told, "photos": tuple(told["photos"])})
    print(json.dumps(asdict(_Load(plan).run())))


class _Client:
    """One connection, and where its request stands."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.number, self._plan = number, plan
        self.socket = self._connect()
        self.unsent = memoryview(b"")
        self.began_s = 0.0
        self.is_waiting = False
        self._head = b""
        self._left: int | None = None
        self.status = ""
        self.retry_s = 0.0

    def begin(self, request: bytes) -> None:
        """Send a request, or as much of it as goes."""
        self.unsent, self.began_s, self.is_waiting = memoryview(request), time.perf_counter(), True
        self._head, self._left = b"", None
        self.send()

    def send(self) -> None:
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return

    def receive(self, buffer: bytearray) -> bool:
        """Take what has come; whether the answer is whole.

        Raises:
            ConnectionError: there will be no more.
        """
        count = self.socket.recv_into(buffer)
        if not count:
            raise ConnectionResetError
        if self._left is None:
            self._head += buffer[:count]
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return False
            self._read(head.decode("latin-1"))
            count = len(rest)
        self._left = (self._left or 0) - count
        return self._left <= 0

    def reconnect(self) -> None:
        self.socket.close()
        self.socket, self.is_waiting = self._connect(), False

    def _read(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        self.status = first.split()[1]
        self._left = int(headers["content-length"])
        self.retry_s = float(headers.get("retry-after", 0))

    def _connect(self) -> socket.socket:
        # Linux has all of 127.0.0.0/8, so that each client can have an address of its own
        own = (f"127.0.1.{self.number + 1}", 0) if sys.platform == "linux" else None
        made = socket.create_connection((_LOCAL, self._plan.port), 10, own)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        return made


class _Load:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [_request(plan, Path(photo).read_bytes()) for photo in plan.photos]
        self._turn = 0
        self._clients = [_Client(plan, number) for number in range(plan.clients)]
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(1 << 20)
        self._sleeping: list[tuple[float, int]] = []
        self._statuses: Counter[str] = Counter()
        self._latencies_ms: list[float] = []
        self._start_s = self._end_s = self._core_s = 0.0

    def run(self) -> Seen:
        self._start_s = time.perf_counter() + self._plan.warmup_s
        self._end_s = self._start_s + (self._plan.seconds or float("inf"))
        for client in self._clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            self._next(client)
        before = None
        while (now_s := time.perf_counter()) < self._end_s and not self._is_enough():
            if before is None and now_s >= self._start_s:
                before = _core_s()
            self._step(self._end_s)
        end_s, core_s = min(now_s, self._end_s), _core_s() - (before or 0)
        measured = tuple(self._latencies_ms)
        self._end_s, late_s = 0.0, end_s + _PATIENCE_S  # from here on nothing is begun
        while any(client.is_waiting for client in self._clients):
            if time.perf_counter() > late_s:
                self._statuses[LOST] += sum(client.is_waiting for client in self._clients)
                break
            self._step(late_s)
        return Seen(end_s - self._start_s, measured, dict(self._statuses), core_s)

    def _is_enough(self) -> bool:
        return bool(self._plan.requests) and len(self._latencies_ms) >= self._plan.requests

    def _step(self, until_s: float) -> None:
        """Wait for something to happen, and deal with it."""
        wake_s = self._sleeping[0][0] if self._sleeping else until_s
        wait_s = min(wake_s, until_s) - time.perf_counter()
        for key, mask in self._selector.select(min(max(0.0, wait_s), 0.1)):
            self._deal(key.data, mask)
        while self._sleeping and self._sleeping[0][0] <= time.perf_counter():
            self._next(self._clients[heapq.heappop(self._sleeping)[1]])

    def _deal(self, client: _Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                client.send()
                self._watch(client)
            done = mask & selectors.EVENT_READ and client.receive(self._buffer)
        except ConnectionError:
            self._lost(client)
            return
        if done:
            self._answered(client)

    def _lost(self, client: _Client) -> None:
        """Connect anew; a request that was under way counts as lost, and another one follows."""
        was_waiting = client.is_waiting
        self._selector.unregister(client.socket)
        client.reconnect()
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        if was_waiting:
            self._statuses[LOST] += 1
            self._next(client)

    def _answered(self, client: _Client) -> None:
        now_s = time.perf_counter()
        client.is_waiting = False
        self._statuses[client.status] += 1
        in_time = self._start_s <= now_s <= self._end_s and not self._is_enough()
        if client.status == "200" and in_time:
            self._latencies_ms.append((now_s - client.began_s) * 1000)
        if client.retry_s:
            heapq.heappush(self._sleeping, (now_s + client.retry_s, client.number))
        else:
            self._next(client)

    def _next(self, client: _Client) -> None:
        if time.perf_counter() >= self._end_s or self._is_enough():
            return
        request = self._requests[self._turn % len(self._requests)]
        self._turn += 1
        try:
            client.begin(request)
        except ConnectionError:  # closed meanwhile, as a server may
            self._lost(client)
        else:
            self._watch(client)

    def _watch(self, client: _Client) -> None:
        both = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        if self._selector.get_key(client.socket).events != both:
            self._selector.modify(client.socket, both, client)


def _request(plan: Plan, photo: bytes) -> bytes:
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: {_LOCAL}:{plan.port}\r\n"
        f"Content-Type: image/jpeg\r\nContent-Length: {len(photo)}\r\n\r\n"
    )
    return head.encode("ascii") + photo


def _core_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
