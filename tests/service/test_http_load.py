"""What the service does when it is busy, when clients misbehave, and when the model fails."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import httpx
import pytest

from nearfar.errors import InferenceError, OutOfMemoryError
from tests.service.network import Network
from tests.service.served import Served, assert_problem, served, until


class Listening(Protocol):
    """Whatever a connection can be made to."""

    @property
    def port(self) -> int: ...


@contextmanager
def dialled(service: Listening) -> Iterator[socket.socket]:
    """A connection to the service, by hand."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as line:
        yield line


def head_of(length: int) -> bytes:
    return (
        "POST /v1/depth HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def status_of(line: socket.socket) -> int:
    """Read an answer's first line."""
    answer = b""
    while b"\r\n" not in answer:
        piece = line.recv(4096)
        assert piece, "the service hung up"
        answer += piece
    return int(answer.split()[1])


def test_model_error_reaches_the_caller_and_next_request_succeeds(
    service: Served, network: Network, photo: bytes
) -> None:
    network.error = InferenceError("/secret/model.onnx: too hot")
    answer = service.depth(photo)
    assert_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    network.error = None
    assert service.depth(photo).status_code == 200


@pytest.mark.parametrize("error", [ZeroDivisionError("/secret"), SystemExit(3)])
def test_whatever_a_model_raises_the_service_lives_on(
    service: Served, network: Network, photo: bytes, error: InferenceError
) -> None:
    network.error = error
    for _ in range(3):  # more than there are workers
        answer = service.depth(photo)
        assert_problem(answer, 500, "internal")
        assert "secret" not in answer.text
    network.error = None
    assert service.depth(photo).status_code == 200


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("/secret: onnxruntime ran out of memory"),
        RuntimeError("/secret: std::bad_alloc"),
    ],
)
def test_too_little_memory_is_503_and_says_when_to_come_again(
    service: Served, network: Network, photo: bytes, error: InferenceError
) -> None:
    network.error = error
    answer = service.depth(photo)
    assert_problem(answer, 503, "out-of-memory")
    assert int(answer.headers["retry-after"]) >= 1
    assert "secret" not in answer.text
    assert "multiples" not in answer.text
    network.error = None
    assert service.depth(photo).status_code == 200


def test_full_queue_answers_429(network: Network, photo: bytes) -> None:
    with served(queue=2, per_client=100) as service, ThreadPoolExecutor(3) as pool:
        network.hold()
        taken = [pool.submit(service.depth, photo) for _ in range(3)]
        network.wait_until_held()
        until(lambda: service.engine.waiting == 2)
        refused = service.depth(photo)
        assert_problem(refused, 429, "queue-full")
        assert int(refused.headers["retry-after"]) >= 1
        assert service.client.get("/healthz").status_code == 200
        network.let_go()
        assert [each.result().status_code for each in taken] == [200] * 3
        assert service.depth(photo).status_code == 200
        text = service.client.get("/metrics").text
    assert 'nearfar_refusals_total{reason="queue-full"} 1.0' in text


def test_full_queue_is_told_before_the_body_is_read(network: Network, photo: bytes) -> None:
    with served(queue=1, per_client=100) as service, ThreadPoolExecutor(2) as pool:
        network.hold()
        taken = [pool.submit(service.depth, photo) for _ in range(2)]
        network.wait_until_held()
        until(lambda: service.engine.waiting == 1)
        with dialled(service) as line:
            line.sendall(head_of(1000))
            assert status_of(line) == 429
        network.let_go()
        assert [each.result().status_code for each in taken] == [200] * 2


def test_client_that_asks_for_much_is_refused_alone(network: Network, photo: bytes) -> None:
    with served(per_client=2) as service, ThreadPoolExecutor(3) as pool:
        network.hold()
        taken = [pool.submit(service.depth, photo) for _ in range(2)]
        network.wait_until_held()
        until(lambda: service.engine.waiting == 1)
        assert_problem(service.depth(photo), 429, "queue-full")
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=transport, timeout=30) as other:
            late = pool.submit(
                other.post, f"http://127.0.0.1:{service.port}/v1/depth", content=photo
            )
            until(lambda: service.engine.waiting == 2)
            network.let_go()
            assert late.result().status_code == 200
        assert [each.result().status_code for each in taken] == [200] * 2


def test_health_answers_while_all_workers_are_busy(
    service: Served, network: Network, photo: bytes
) -> None:
    with ThreadPoolExecutor(4) as pool:
        network.hold()
        taken = [pool.submit(service.depth, photo) for _ in range(4)]
        network.wait_until_held(2)
        for path in ("/healthz", "/readyz", "/v1/models", "/metrics"):
            assert service.client.get(path).status_code == 200
        network.let_go()
        assert [each.result().status_code for each in taken] == [200] * 4


def test_client_that_leaves_costs_nothing(network: Network, photo: bytes) -> None:
    with served() as service, ThreadPoolExecutor(1) as pool:
        network.hold()
        taken = pool.submit(service.depth, photo)
        network.wait_until_held()
        before = network.calls
        for _ in range(5):
            with dialled(service) as line:
                line.sendall(head_of(len(photo)) + photo)
                until(lambda: service.engine.waiting == 1)
            until(lambda: service.engine.waiting == 0)
        network.let_go()
        assert taken.result().status_code == 200
        assert service.depth(photo).status_code == 200
        assert network.calls == before + 2  # the one that was held, and the last
        count = 'nearfar_requests_total{method="POST",route="/v1/depth",status="499"} 5.0'
        until(lambda: count in service.client.get("/metrics").text)


def test_client_that_leaves_in_its_upload_gives_its_place_back(
    service: Served, photo: bytes
) -> None:
    with dialled(service) as line:
        line.sendall(head_of(len(photo)) + photo[:100])
        until(lambda: service.engine.waiting == 1)
    until(lambda: service.engine.waiting == 0)


def test_slow_client_does_not_block_others(service: Served, photo: bytes) -> None:
    with dialled(service) as slow:
        half = len(photo) // 2
        slow.sendall(head_of(len(photo)) + photo[:half])
        until(lambda: service.engine.waiting == 1)
        for _ in range(10):
            assert service.depth(photo).status_code == 200
        slow.sendall(photo[half:])
        assert status_of(slow) == 200


def test_client_that_does_not_read_does_not_block_others(service: Served, photo: bytes) -> None:
    with dialled(service) as slow:
        for _ in range(3):
            slow.sendall(head_of(len(photo)) + photo)
        for _ in range(10):
            assert service.depth(photo).status_code == 200


def test_upload_that_takes_too_long_ends(photo: bytes) -> None:
    with served(upload_timeout_s=2) as service, dialled(service) as slow:
        slow.sendall(head_of(len(photo)) + photo[:50])
        assert status_of(slow) == 408
        until(lambda: service.engine.waiting == 0)
        assert service.depth(photo).status_code == 200


def test_request_that_takes_too_long_ends(network: Network, photo: bytes) -> None:
    with served(timeout_s=2) as service:
        network.hold()
        assert_problem(service.depth(photo), 504, "timed-out")
        network.let_go()
        until(lambda: service.engine.running == 0)
        assert service.depth(photo).status_code == 200


def test_too_large_a_body_is_refused_unread(photo: bytes) -> None:
    with served(max_bytes=len(photo)) as service:
        assert service.depth(photo).status_code == 200
        assert_problem(service.depth(photo + b"x"), 413, "too-large")
        with dialled(service) as line:
            line.sendall(head_of(10**12))
            assert status_of(line) == 413

        def pieces() -> Iterator[bytes]:
            yield photo
            yield photo

        assert_problem(service.client.post("/v1/depth", content=pieces()), 413, "too-large")
        assert service.engine.waiting == 0
        assert service.depth(photo).status_code == 200


def test_too_large_a_picture_is_refused_undecoded(network: Network, photo: bytes) -> None:
    with served(max_pixels=48 * 64 - 1) as service:
        before = network.calls
        assert_problem(service.depth(photo), 413, "too-large")
        assert network.calls == before


def test_many_at_once_are_all_answered(service: Served, network: Network, photo: bytes) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: answers.extend(service.depth(photo).status_code for _ in range(5))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40
