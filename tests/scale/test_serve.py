"""The pieces of the service on Ray, each without a cluster."""

import asyncio
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearfar.cli._shared import dashed
from nearfar.errors import InferenceError, NearfarError, ScaleError, UsageError
from nearfar.scale.ray_cluster import joined
from nearfar.scale.serve import ReplicaOptions, bounds, sized
from nearfar.service.settings import ServiceOptions
from tests.cli.conftest import Run, run
from tests.service.gated import settle
from tests.service.served import assert_problem

pytest.importorskip("ray.serve")
__all__ = ["run"]

import nearfar.scale.serve
from nearfar.scale.metrics import merged
from nearfar.scale.serve import failure
from nearfar.scale.serve_proxy import Front
from nearfar.service.observability import Metrics


@pytest.mark.parametrize(("text", "expected"), [("1:4", (1, 4)), ("3", (3, 3)), ("2:2", (2, 2))])
def test_replicas_are_read(text: str, expected: tuple[int, int]) -> None:
    assert bounds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0:2", "4:1", "1:", ":4", "-1:2", "1-4", "two", "1:2:3"])
def test_other_replicas_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="replicas must be like 1:4 or 3"):
        ReplicaOptions(replicas=text)


def test_replicas_fill_the_cluster_unless_told_otherwise() -> None:
    assert ReplicaOptions().range(cpus=8, cpus_each=2) == (1, 4)
    assert ReplicaOptions(replicas="2:16").range(cpus=8, cpus_each=2) == (2, 16)
    with pytest.raises(UsageError, match="5 replicas of 2 CPUs do not fit on the 8 "):
        ReplicaOptions(replicas="5").range(cpus=8, cpus_each=2)
    with pytest.raises(UsageError, match="1 replicas of 16 CPUs"):
        ReplicaOptions().range(cpus=8, cpus_each=16)


def test_a_replica_has_one_worker_unless_told_otherwise() -> None:
    assert sized(ServiceOptions()).worker_count == 1
    assert sized(ServiceOptions(workers=3)).worker_count == 3


def test_figures_of_replicas_are_told_apart() -> None:
    first, second = Metrics(), Metrics()
    first.refused("queue-full")
    for metrics in (first, second, second):
        metrics.request("/v1/depth", "POST", 200, 0.2)
    text = merged({"a": first.text(), "b": second.text()}).decode()
    found = {
        (sample.name, sample.labels["replica"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in {"nearfar_requests_total", "nearfar_refusals_total"}
    }
    assert found == {
        ("nearfar_requests_total", "a"): 1,
        ("nearfar_requests_total", "b"): 2,
        ("nearfar_refusals_total", "a"): 1,
    }
    assert text.count("# TYPE nearfar_requests_total counter") == 1


@pytest.mark.parametrize(
    ("told", "kind", "sentence"),
    [
        (
            "Error:\nray::Serve (pid=1)\n  File x\nnearfar.errors.InferenceError: too hot\n Then",
            InferenceError,
            "too hot",
        ),
        ("out of memory", NearfarError, "Ray's logs"),
    ],
)
def test_failure_of_replicas_is_ours_where_it_can_be(
    told: str, kind: type[NearfarError], sentence: str
) -> None:
    error = failure(told)
    assert type(error) is kind
    assert sentence in str(error)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ServiceOptions, ReplicaOptions]]:
    """What every service that would have been started was told."""
    seen: list[tuple[ServiceOptions, ReplicaOptions]] = []

    def note(options: ServiceOptions, where: ReplicaOptions, **_: Any) -> None:
        seen.append((options, where))

    monkeypatch.setattr(nearfar.scale.serve, "run", note)
    return seen


def test_options_reach_the_service(
    run: Run, started: list[tuple[ServiceOptions, ReplicaOptions]]
) -> None:
    ran = run("serve", "--ray", "--replicas", "2:3", "--address", "auto", "--port", "8080")
    assert ran.status == 0
    where = ReplicaOptions(replicas="2:3", address="auto")
    assert started == [(ServiceOptions(port=8080), where)]
    assert started[0][0].is_local


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--replicas", "2"), "--replicas and --address are for --ray"),
        (("--address", "auto"), "--replicas and --address are for --ray"),
        (("--ray", "--replicas", "3:2"), "replicas must be like 1:4 or 3, not '3:2'"),
        (("--ray", "--model", "no-such"), "no model 'no-such'"),
        (("--ray", "--host", "192.0.2.1"), "can't listen on 192.0.2.1"),
        (("--ray", "--address", "127.0.0.1:1", "--port", "0"), "--port must be chosen"),
    ],
)
def test_what_can_not_start_says_why(run: Run, options: tuple[str, ...], sentence: str) -> None:
    ran = run("serve", *options)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert sentence in ran.err


def serves_own(status: int, headers: dict[bytes, bytes]) -> ASGIApp:
    """A proxy that has an answer of its own, or none at all for status 0."""

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        if status:
            rows = [(b"content-type", b"text/plain"), *headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": rows})
            await send({"type": "http.response.body", "body": b"Replica(id='x') is full"})

    return proxy


def get(app: ASGIApp, path: str = "/v1/depth", **kwargs: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post(path, **kwargs)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("status", "expected", "slug"),
    [
        (429, 429, "queue-full"),
        (503, 503, "not-ready"),
        (404, 503, "not-ready"),  # the application is not there, or no longer
        (408, 504, "timed-out"),
        (0, 503, "not-ready"),  # the replica died
    ],
)
def test_serves_own_answers_become_problems(status: int, expected: int, slug: str) -> None:
    answer = get(Front(serves_own(status, {}), 100))
    assert_problem(answer, expected, slug)
    assert answer.headers["retry-after"] == "2"
    assert "Replica" not in answer.text


def test_serve_says_when_to_come_again() -> None:
    answer = get(Front(serves_own(429, {b"retry-after": b"7"}), 100))
    assert answer.headers["retry-after"] == "7"


async def services_own(scope: Scope, receive: Receive, send: Send) -> None:
    """An answer of the service, as Serve passes it on: it tells which headers it got."""
    names = " ".join(name.decode() for name, _ in scope["headers"])
    rows = [
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", b"ours"),
        (b"x-request-id", b"serves"),
    ]
    await send({"type": "http.response.start", "status": 418, "headers": rows})
    await send({"type": "http.response.body", "body": names.encode()})


def test_the_services_own_answers_pass() -> None:
    steering = {"X-Request-Id": "mine", "X-Request-Timeout-Seconds": "1", "X-Other": "1"}
    answer = get(Front(services_own, 100), headers=steering)
    assert answer.status_code == 418
    assert answer.headers.get_list("x-request-id") == ["ours"]
    assert "x-other" in answer.text
    assert "x-request" not in answer.text


def test_serves_own_paths_are_closed() -> None:
    assert_problem(get(Front(services_own, 100), "/-/routes"), 404, "not-found")
    assert get(Front(services_own, 100), "/-/healthz").status_code == 418


def test_no_more_of_a_body_is_taken_in_than_refuses_it() -> None:
    taken: list[Message] = []

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        taking = asyncio.ensure_future(take(receive))
        await settle()
        assert not taking.done()
        taking.cancel()
        await services_own(scope, receive, send)

    async def take(receive: Receive) -> None:
        while True:
            taken.append(await receive())

    async def pieces() -> Any:
        for _ in range(50):
            yield bytes(10)

    assert get(Front(proxy, 100), content=pieces()).status_code == 418
    assert sum(len(each["body"]) for each in taken) == 110


@pytest.mark.parametrize(
    ("address", "host", "asks", "told"),
    [
        (None, "192.0.2.1", False, []),
        ("auto", "192.0.2.1", True, []),
        ("auto", "127.0.0.1", True, []),
        ("auto", "127.0.0.1", False, ["whoever reaches its ports can run code"]),
    ],
)
def test_open_cluster_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, address: str | None, host: str, asks: bool, told: list[str]
) -> None:
    from nearfar.scale.serve import _refuse_open

    monkeypatch.setattr("nearfar.scale.serve.requires_token", lambda _: asks)
    monkeypatch.setattr(
        "ray.get_runtime_context", lambda: SimpleNamespace(gcs_address="127.0.0.1:1")
    )
    warned: list[str] = []
    _refuse_open(ServiceOptions(host=host), ReplicaOptions(address=address), warned.append)
    assert len(warned) == len(told)
    assert all(words in line for words, line in zip(told, warned, strict=True))


def test_ray_that_was_imported_too_early_to_stay_on_this_machine_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ray

    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "192.0.2.1")
    with pytest.raises(ScaleError, match="imported before nearfar could keep it on"), joined(None):
        pass
    assert not ray.is_initialized()


def test_every_option_is_in_the_documentation() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "scale.md").read_text("utf-8")
    serving = page.partition("## Serving")[2]
    for name in ("ray", *(dashed(each.name) for each in fields(ReplicaOptions))):
        assert f"| `--{name}` |" in serving
