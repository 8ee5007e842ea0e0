"""Requests of every kind, friendly and hostile, each with the answers that are documented."""

import json
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

CUT = 0
"""In the place of a status: the service ended the connection."""

Kind = Callable[["Caller"], set[int]]

UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


@dataclass
class Caller:
    """One client.

    Attributes:
        port: of the service, on 127.0.0.1.
        photo: a picture file.
        clip: a clip file.
        config: of the page.
        status: of the last answer, or `CUT`.
    """

    port: int
    photo: bytes
    clip: bytes
    config: dict[str, Any]
    status: int = CUT
    session: str = field(default_factory=lambda: secrets.token_hex(6))

    @cached_property
    def http(self) -> httpx.Client:
        # a connection that is kept as long as the service keeps it may end while it is used
        limits = httpx.Limits(keepalive_expiry=1.0)
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=120, limits=limits)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.http.request(method, path, **more)
        self.status = answer.status_code
        return answer

    def line(self, limit_s: float = 60) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=limit_s)

    def send(self, *pieces: bytes, half_close: bool = False, pause_s: float = 0.0) -> None:
        """Send by hand and read the first final status; `CUT` when there is none."""
        self.status = CUT
        with self.line() as line, suppress(OSError):
            with suppress(OSError):
                for piece in pieces:
                    line.sendall(piece)
                    time.sleep(pause_s)
                if half_close:
                    line.shutdown(socket.SHUT_WR)
            read = b""
            while b"\r\n" not in read or read.startswith(b"HTTP/1.1 100 "):
                if read.startswith(b"HTTP/1.1 100 ") and b"\r\n\r\n" in read:
                    read = read.partition(b"\r\n\r\n")[2]
                    continue
                piece = line.recv(65536)
                if not piece:
                    return
                read += piece
            self.status = int(read.split()[1])

    def head(self, length: int, path: str = "/v1/depth", host: str = "127.0.0.1") -> bytes:
        return (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {length}\r\n\r\n"
        ).encode()

    def event(self) -> tuple[int, list[Any], int]:
        """Give the number and the values of the event that takes a photo, and the photo's place."""
        parts = {each["id"]: each for each in self.config["components"]}
        for each in self.config["dependencies"]:
            ids = [parts[one]["props"].get("elem_id") for one in each["inputs"]]
            if "nf-upload" in ids:
                values = [parts[one]["props"].get("value") for one in each["inputs"]]
                states = [parts[one]["type"] == "state" for one in each["inputs"]]
                plain = [None if state else one for one, state in zip(values, states, strict=True)]
                return each["id"], plain, ids.index("nf-upload")
        raise AssertionError("the page takes no photo")


def _depth(caller: Caller) -> set[int]:
    caller.ask("POST", "/v1/depth?format=jpeg", content=caller.photo)
    return {200}


def _form(caller: Caller) -> set[int]:
    points = json.dumps([{"x_px": 3, "y_px": 4}])
    caller.ask(
        "POST", "/v1/probe", files={"photo": ("a.jpg", caller.photo)}, data={"points": points}
    )
    return {200}


def _effect(caller: Caller) -> set[int]:
    caller.ask("POST", "/v1/effects/fog", content=caller.photo)
    return {200}


def _scene(caller: Caller) -> set[int]:
    caller.ask("POST", "/v1/cloud?near_m=1&far_m=5", content=caller.photo)
    return {200, 422}


def _wrong(caller: Caller) -> set[int]:
    caller.ask("POST", "/v1/cloud?near_m=1e-300&far_m=5", content=caller.photo)
    return {422}


def _looks(caller: Caller) -> set[int]:
    for path in ("/healthz", "/readyz", "/v1/models", "/metrics", "/live", "/"):
        caller.ask("GET", path)
        if caller.status != 200:
            return {200}
    return {200}


def _nothing(caller: Caller) -> set[int]:
    caller.ask("GET", "/v1/nothing")
    return {404}


def _no_picture(caller: Caller) -> set[int]:
    caller.ask("POST", "/v1/depth", content=caller.photo[:40])
    return {415, 422}


def _clip(caller: Caller) -> set[int]:
    answer = caller.ask("POST", "/v1/videos?show=color", content=caller.clip)
    if caller.status == 202:
        end_s = time.monotonic() + 60
        while time.monotonic() < end_s:
            state = caller.http.get(answer.headers["location"]).json()["state"]
            if state not in {"waiting", "running"}:
                break
            time.sleep(0.2)
        caller.http.delete(answer.headers["location"])
    return {202, 429}


def _stream(caller: Caller) -> set[int]:
    caller.status = 1013
    with (
        suppress(WebSocketException),
        connect(f"ws://127.0.0.1:{caller.port}/v1/stream", proxy=None) as stream,
    ):
        for _ in range(2):
            stream.send(caller.photo)
            stream.recv(60)
        caller.status = 101
    return {101, 1013}


def _page(caller: Caller) -> set[int]:
    (path,) = caller.ask(
        "POST", "/gradio_api/upload", files={"files": ("a.jpg", caller.photo)}
    ).json()
    index, values, place = caller.event()
    values[place] = {"path": path}
    body = {"session_hash": caller.session, "fn_index": index, "data": values}
    caller.ask("POST", "/gradio_api/queue/join", json=body)
    if caller.status == 200:
        where = f"/gradio_api/queue/data?session_hash={caller.session}"
        with caller.http.stream("GET", where) as answer:
            assert "process_completed" in "".join(answer.iter_text())
    return {200, 503}


def _file_of_the_machine(caller: Caller) -> set[int]:
    index, values, place = caller.event()
    values[place] = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
    body = {"session_hash": caller.session, "fn_index": index, "data": values}
    caller.ask("POST", "/gradio_api/queue/join", json=body)
    return {403}


def _event_unheard(caller: Caller) -> set[int]:
    index, values, _ = caller.event()
    body = {"session_hash": secrets.token_hex(6), "fn_index": index, "data": values}
    caller.ask("POST", "/gradio_api/queue/join", json=body)
    return {200, 503}


def _upload_broken_off(caller: Caller) -> set[int]:
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n"
    head += b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    with caller.line() as line:
        line.sendall(head + part + bytes(20_000))
    caller.status = CUT
    return {CUT}


def _endless_head(caller: Caller) -> set[int]:
    caller.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: ", *[b"x" * 65536] * 32)
    return {431, CUT}


def _nonsense(caller: Caller) -> set[int]:
    caller.send(secrets.token_bytes(300) + b"\r\n\r\n", half_close=True)
    return {400, CUT}


def _half_closed(caller: Caller) -> set[int]:
    caller.send(caller.head(len(caller.photo)) + caller.photo, half_close=True)
    return {200}


def _cancelled(caller: Caller) -> set[int]:
    with caller.line() as line:
        line.sendall(caller.head(len(caller.photo)) + caller.photo)
    caller.status = CUT
    return {CUT}


def _slow(caller: Caller) -> set[int]:
    half = len(caller.photo) // 2
    head = caller.head(len(caller.photo))
    caller.send(head[:20], head[20:], caller.photo[:half], caller.photo[half:], pause_s=0.1)
    return {200}


def _huge(caller: Caller) -> set[int]:
    caller.send(caller.head(10**12))
    return {413}


def _huge_elsewhere(caller: Caller) -> set[int]:
    caller.ask("POST", "/gradio_api/cancel", content=bytes(2**20))
    return {413}


def _unread(caller: Caller) -> set[int]:
    with caller.line() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(caller.head(len(caller.photo), "/v1/depth?format=npy") + caller.photo)
        time.sleep(0.2)
    caller.status = CUT
    return {CUT}


def _rebound(caller: Caller) -> set[int]:
    caller.send(caller.head(len(caller.photo), host="evil.example") + caller.photo)
    return {403}


def _pipelined(caller: Caller) -> set[int]:
    caller.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200)
    return {200, 431, CUT}


def _pings(caller: Caller) -> set[int]:
    caller.send(UPGRADE, *[b"\x89\xfd\0\0\0\0" + bytes(125)] * 50)
    return {101}


def _bad_frames(caller: Caller) -> set[int]:
    caller.send(UPGRADE, secrets.token_bytes(2000))
    return {101}


def _many_points(caller: Caller) -> set[int]:
    points = "[" + ",".join(['{"a":1}'] * 100_000) + "]"
    caller.ask(
        "POST", "/v1/probe", files={"photo": ("a.jpg", caller.photo)}, data={"points": points}
    )
    return {413}


def _bad_event(caller: Caller) -> set[int]:
    caller.ask("POST", "/gradio_api/queue/join", content=b'{"data": [NaN], "session_hash": "a"}')
    return {400}


FRIENDLY: list[tuple[Kind, int]] = [
    (_looks, 20),
    (_depth, 24),
    (_form, 10),
    (_effect, 6),
    (_scene, 4),
    (_wrong, 4),
    (_nothing, 8),
    (_no_picture, 8),
    (_stream, 6),
    (_page, 6),
    (_clip, 1),
]
"""A kind, and how often it comes among the others."""

HOSTILE: list[Kind] = [
    _file_of_the_machine,
    _event_unheard,
    _upload_broken_off,
    _endless_head,
    _nonsense,
    _half_closed,
    _cancelled,
    _slow,
    _huge,
    _huge_elsewhere,
    _unread,
    _rebound,
    _pipelined,
    _pings,
    _bad_frames,
    _many_points,
    _bad_event,
]
