"""Who may ask what, and what an answer never tells."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

import nearfar
from nearfar.errors import InferenceError
from nearfar.service.middleware import Hosts, is_allowed, is_foreign, token_of
from nearfar.service.settings import ServiceOptions
from tests.service.network import Network
from tests.service.served import Served, assert_problem, served, until

SESAME = "open-sesame"


@pytest.fixture(scope="module")
def guarded(module_network: Network) -> Iterator[Served]:
    with served(token=SESAME) as service:
        yield service


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        ({}, None),
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer abc"}, "abc"),
        ({"Authorization": "Basic YW55OmFiYw=="}, "abc"),  # any:abc
        ({"Authorization": "Basic ????"}, None),
        ({"Authorization": "Basic /w=="}, None),
        ({"Authorization": "Digest abc"}, None),
    ],
)
def test_token_is_read(headers: dict[str, str], given: str | None) -> None:
    assert token_of(Headers(headers)) == given


def test_tokens_are_compared() -> None:
    assert is_allowed(None, None)
    assert is_allowed(None, "anything")
    assert is_allowed("a", "a")
    assert not is_allowed("a", None)
    assert not is_allowed("a", "")
    assert not is_allowed("a", "ä")
    assert not is_allowed("a", "\ud800")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/depth"),
        ("POST", "/v1/probe"),
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/live"),
        ("GET", "/"),
        ("GET", "/nothing"),
    ],
)
def test_token_is_asked_for(guarded: Served, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": SESAME}):
        answer = guarded.client.request(method, path, headers=headers)
        assert_problem(answer, 401, "token-needed")
        assert answer.headers["www-authenticate"] == 'Bearer realm="nearfar"'
    right = {"Authorization": f"Bearer {SESAME}"}
    assert guarded.client.request(method, path, headers=right).status_code != 401


def test_browser_asks_its_user_for_the_token(guarded: Served) -> None:
    answer = guarded.client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.headers["www-authenticate"] == 'Basic realm="nearfar"'
    assert guarded.client.get("/", auth=("whoever", SESAME)).status_code == 200


def test_health_needs_no_token(guarded: Served) -> None:
    assert guarded.client.get("/healthz").status_code == 200
    assert guarded.client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("origin", "allowed", "foreign"),
    [
        (None, (), False),
        ("http://127.0.0.1:7860", (), False),
        ("https://127.0.0.1:7860", (), False),  # behind something that does TLS
        ("http://127.0.0.1:80", (), True),
        ("http://evil.example", (), True),
        ("null", (), True),
        ("http://[", (), True),
        ("http://evil.example", ("http://good.example",), True),
        ("http://good.example", ("http://good.example",), False),
        ("http://any.example", ("*",), False),
    ],
)
def test_pages_of_other_sites_are_told(
    origin: str | None, allowed: tuple[str, ...], foreign: bool
) -> None:
    headers = {"host": "127.0.0.1:7860"} | ({"origin": origin} if origin else {})
    assert is_foreign(Headers(headers), frozenset(allowed)) is foreign


def test_cors_is_closed(service: Served, photo: bytes) -> None:
    evil = {"Origin": "http://evil.example"}
    answer = service.client.post("/v1/depth", content=photo, headers=evil)
    assert_problem(answer, 403, "foreign-origin")
    asked = {**evil, "Access-Control-Request-Method": "POST"}
    for answer in (
        service.client.get("/v1/models", headers=evil),
        service.client.options("/v1/depth", headers=asked),
    ):
        assert "access-control-allow-origin" not in answer.headers


def test_cors_is_opened_for_whom_it_is_told(network: Network, photo: bytes) -> None:
    good, evil = "http://good.example", "http://evil.example"
    with served(cors_origins=f"{good}, http://other.example") as service:
        answer = service.client.post("/v1/depth", content=photo, headers={"Origin": good})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == good
        assert "X-Nearfar-Model" in answer.headers["access-control-expose-headers"]
        answer = service.client.post("/v1/depth", content=photo, headers={"Origin": evil})
        assert_problem(answer, 403, "foreign-origin")
        assert "access-control-allow-origin" not in answer.headers


def test_websocket_of_another_site_is_refused(service: Served) -> None:
    asked = (
        "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as line:
        line.sendall(asked.encode())
        assert line.recv(1000).split()[1] == b"403"


@pytest.mark.parametrize(
    ("options", "host", "known"),
    [
        ({}, "127.0.0.1:7860", True),
        ({}, "localhost", True),
        ({}, "LOCALHOST.:7860", True),
        ({}, "[::1]:7860", True),
        ({}, "evil.example:7860", False),
        ({}, "127.0.0.1.evil.example", False),
        ({}, "192.0.2.7", False),
        ({}, "", False),
        ({"host": "192.0.2.1"}, "192.0.2.1:7860", True),
        ({"host": "0.0.0.0"}, "192.0.2.7", True),  # noqa: S104 - not listened on
        ({"host": "0.0.0.0"}, "evil.example", False),  # noqa: S104
        ({"host": "0.0.0.0"}, f"{socket.gethostname()}:7860", True),  # noqa: S104
        ({"allowed_hosts": "depth.example, b.example"}, "Depth.example", True),
        ({"allowed_hosts": "depth.example"}, "x.depth.example", False),
        ({"allowed_hosts": "*"}, "evil.example", True),
    ],
)
def test_names_of_the_service_are_told(options: dict[str, str], host: str, known: bool) -> None:
    scope = {"type": "http", "headers": [(b"host", host.encode())], "server": ("127.0.0.1", 7860)}
    assert Hosts(ServiceOptions(**options)).knows(scope) is known  # type: ignore[arg-type]


def test_a_site_that_lets_its_name_point_here_is_refused(service: Served, photo: bytes) -> None:
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    for method, path in (("GET", "/"), ("GET", "/v1/models"), ("POST", "/v1/depth")):
        answer = service.client.request(method, path, headers=rebound, content=photo)
        assert_problem(answer, 403, "foreign-host")
    assert service.client.get("/healthz", headers=rebound).status_code == 200


def test_no_other_site_frames_the_page(service: Served) -> None:
    for path in ("/", "/live", "/v1/models", "/nothing"):
        headers = service.client.get(path).headers
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]


def test_an_origin_that_is_no_address_is_refused(service: Served, photo: bytes) -> None:
    answer = service.client.post("/v1/depth", content=photo, headers={"Origin": "http://["})
    assert_problem(answer, 403, "foreign-origin")


def test_bodies_are_small_where_no_photo_is_sent(service: Served) -> None:
    for path in ("/", "/v1/models", "/nothing", "/gradio_api/queue/join"):
        answer = service.client.post(path, content=bytes(2**20))
        assert_problem(answer, 413, "too-large")


def answers(service: Served, network: Network, photo: bytes) -> Iterator[httpx.Response]:
    """One of every kind of answer."""
    yield service.depth(photo)
    yield service.depth(b"GIF89a, or so it says")
    yield service.depth(b"II*\0 a TIFF")
    yield service.depth(photo[:200])
    yield service.depth(photo, input_size_px="../../etc/passwd")
    yield service.depth(photo, model="../../../etc/passwd")
    yield service.client.get("/nothing")
    yield service.client.get("/live/..%2f..%2fsettings.py")
    yield service.client.get("/v1/depth")
    yield service.client.get("/v1/models")
    yield service.client.get("/openapi.json")
    yield service.client.get("/metrics")
    network.error = InferenceError(f"{nearfar.__file__}: broken")
    yield service.depth(photo)
    network.error = None


def test_no_answer_tells_of_the_inside(service: Served, network: Network, photo: bytes) -> None:
    home = str(Path(nearfar.__file__).parent)
    for answer in answers(service, network, photo):
        told = f"{answer.headers}\n{answer.content.decode('latin-1')}"
        for word in (home, "Traceback", "site-packages", ".py", " at 0x"):
            assert word not in told, (answer.request.url, word)
        for library in ("uvicorn", "starlette", "fastapi", "python/", "pillow"):
            assert library not in told.lower(), (answer.request.url, library)
        assert f'"{nearfar.__version__}"' not in told
        assert "server" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_request_is_one_line_without_what_it_holds(
    service: Served, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nearfar.service.requests")
    answer = service.client.post(
        "/v1/depth?colormap=magma", files={"photo": ("holiday-in-rome.jpg", photo)}
    )
    until(lambda: len(caplog.records) > 0)  # it is written once the answer is sent
    (record,) = caplog.records
    assert isinstance(record.msg, dict)
    line = dict(record.msg)
    assert line.pop("ms") > 0
    assert line.pop("bytes_in") > len(photo)
    assert line == {
        "request_id": answer.headers["x-request-id"],
        "client": "127.0.0.1",
        "method": "POST",
        "route": "/v1/depth",
        "status": 200,
        "bytes_out": len(answer.content),
    }
    from nearfar.service.observability import JsonLines

    text = JsonLines().format(record)
    assert json.loads(text)["request_id"] == line["request_id"]
    assert "\n" not in text
    assert "magma" not in text
    assert "rome" not in text


def test_forwarded_headers_are_not_believed(
    service: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nearfar.service.requests")
    forwarded = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"}
    service.client.get("/healthz", headers=forwarded)
    until(lambda: len(caplog.records) > 0)  # it is written once the answer is sent
    (record,) = caplog.records
    assert isinstance(record.msg, dict)
    assert record.msg["client"] == "127.0.0.1"


def test_nothing_is_fetched_by_url(service: Served) -> None:
    for body in (b"http://127.0.0.1/photo.jpg", b'{"url": "http://127.0.0.1/photo.jpg"}'):
        assert_problem(service.depth(body), 415, "not-a-picture")


def test_service_is_for_this_machine_alone_by_default() -> None:
    assert ServiceOptions().host == "127.0.0.1"
    assert ServiceOptions().is_local
    assert not ServiceOptions(host="192.0.2.1").is_local
