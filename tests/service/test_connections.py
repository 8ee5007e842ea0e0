"""What a connection may do to the server: endless heads, silence, slow reading, half a close."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from nearfar.service.connections import Connections, Outbox
from nearfar.service.settings import ServiceOptions
from tests.service.network import Network
from tests.service.served import Served, served, until
from tests.service.test_http_load import dialled, head_of, status_of

SESAME = "sesame"
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def strict(module_network: Network) -> Iterator[Served]:
    """A service that waits for nobody."""
    with served(
        head_timeout_s=1.0, read_timeout_s=1.0, head_bytes=8192, connections=40, token=SESAME
    ) as service:
        yield service


def is_ended(line: socket.socket) -> bool:
    """Say whether the service ends a connection within the test's patience."""
    line.settimeout(20)
    try:
        while line.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def is_cut(line: socket.socket, piece: bytes, *, most: int, pause_s: float = 0.0) -> bool:
    """Send the same again and again; say whether the service ended the connection meanwhile."""
    line.settimeout(20)
    try:
        for _ in range(most):
            line.sendall(piece)
            time.sleep(pause_s)
    except OSError:
        return True
    return False


def answer_of(line: socket.socket) -> bytes:
    """Read all that the service says until it ends the connection."""
    line.settimeout(20)
    pieces = []
    try:
        while piece := line.recv(65536):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n",
        GET + b"A: " + b"b" * 100_000,
        GET + b"A: b\r\n" * 20_000,
        GET + b"".join(b"A%d: b\r\n" % number for number in range(200)) + b"\r\n",
        b"a" * 100_000,
    ],
)
def test_a_head_has_a_limit_before_the_token_is_asked(strict: Served, head: bytes) -> None:
    with dialled(strict) as line:
        line.sendall(head)
        answer = answer_of(line)
        assert answer.split()[1] in {b"431", b"400"}
        assert b"application/problem+json" in answer


def test_an_endless_head_is_not_kept(strict: Served) -> None:
    with dialled(strict) as line:
        line.sendall(GET + b"A: ")
        assert is_cut(line, b"x" * 65536, most=600, pause_s=0.01)


@pytest.mark.parametrize("tail", ["trailers", "chunks"])
def test_what_is_no_body_behind_a_head_has_a_limit(strict: Served, tail: str) -> None:
    begin = b"POST /v1/depth HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sesame\r\n"
    begin += b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    more = b"0\r\nA: " if tail == "trailers" else b"1;a="
    with dialled(strict) as line:
        line.sendall(begin + more)
        assert is_cut(line, b"y" * 65536, most=600, pause_s=0.01)


@pytest.mark.parametrize("begin", [b"", b"G", GET, GET + b"\r\n"])
def test_silent_connections_end(strict: Served, begin: bytes) -> None:
    with dialled(strict) as line:
        line.sendall(begin)
        assert is_ended(line)


def test_a_dripping_head_ends(strict: Served) -> None:
    with dialled(strict) as line:
        assert is_cut(line, b"G", most=100, pause_s=0.1)


def test_silence_locks_nobody_out(strict: Served) -> None:
    with ExitStack() as lines:
        for _ in range(120):  # many more than there may be
            lines.enter_context(dialled(strict))
        assert strict.client.get("/healthz").status_code == 200
        assert len(strict.server.connections) <= strict.server.connections.most


def test_more_than_there_may_be_are_refused_while_all_are_at_work(
    network: Network, photo: bytes
) -> None:
    with served(connections=8) as service, ExitStack() as lines:
        service.client.close()
        network.hold()
        for _ in range(4):  # half of them: what one client may have
            line = lines.enter_context(dialled(service))
            line.sendall(head_of(len(photo)) + photo)
        until(lambda: service.engine.waiting + service.engine.running == 4)
        with dialled(service) as late:
            answer = answer_of(late)
            assert answer.split()[1] == b"503"
            assert b"too-many-connections" in answer
        network.let_go()


def test_a_half_closed_request_is_answered(service: Served, photo: bytes, network: Network) -> None:
    with dialled(service) as line:
        network.hold()
        line.sendall(head_of(len(photo)) + photo)
        line.shutdown(socket.SHUT_WR)
        network.wait_until_held()
        time.sleep(1.0)  # it is asked meanwhile whether the client is there still
        network.let_go()
        answer = answer_of(line)
    while answer.startswith(b"HTTP/1.1 100 "):
        answer = answer.partition(b"\r\n\r\n")[2]
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\x89PNG" in answer


def test_half_a_request_is_not_waited_for(service: Served) -> None:
    with dialled(service) as line:
        line.sendall(head_of(100) + b"x")
        line.shutdown(socket.SHUT_WR)
        assert is_ended(line)


def test_a_client_that_does_not_read_is_given_up(module_network: Network) -> None:
    from tests.picturefiles import noise, saved

    large = saved(noise(1500, 2000), "PNG")  # 12 MB of float32: more than any socket holds
    with served(read_timeout_s=1.0) as service, dialled(service) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = head_of(len(large)).replace(b"/v1/depth ", b"/v1/depth?format=npy ")
        line.sendall(head + large)
        assert status_of(line) == 200
        until(lambda: len(service.server.connections) <= 1)  # the test's own client
        assert service.app.state.streams == set()


def test_sockets_that_only_ping_are_dropped(service: Served) -> None:
    asked = (
        b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)
    with dialled(service) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(asked)
        assert status_of(line) == 101
        assert is_cut(line, ping * 500, most=2000)
    assert service.client.get("/healthz").status_code == 200


def test_little_is_taken_before_the_token(strict: Served) -> None:
    asked = (
        b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    frame = b"\x82\xff" + (30 * 2**20).to_bytes(8, "big") + bytes(4)
    with dialled(strict) as line:
        line.sendall(asked)
        assert status_of(line) == 101
        line.sendall(frame)
        assert is_cut(line, bytes(65536), most=400, pause_s=0.005)


def test_oldest_answers_make_room_for_new_ones() -> None:
    outbox, dropped = Outbox(100, 60), list[int]()
    with ExitStack() as held:
        for number, (client, size) in enumerate([("a", 40), ("b", 40), ("a", 30)]):
            held.enter_context(outbox.holding(client, size, partial(dropped.append, number)))
        assert dropped == [0]  # of its own client's, beyond 60
        assert outbox.held_bytes == 70
        held.enter_context(outbox.holding("c", 50, lambda: dropped.append(3)))
        assert dropped == [0, 1]
        held.enter_context(outbox.holding("d", 500, lambda: dropped.append(4)))
        assert dropped == [0, 1, 2, 3]
    assert outbox.held_bytes == 0


def test_connections_fit_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert Connections(ServiceOptions()).most == 32
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    assert Connections(ServiceOptions()).most == 1024 - 256
    assert Connections(ServiceOptions(connections=5)).most == 5
