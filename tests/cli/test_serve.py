"""`nearfar serve`: its options, and what keeps it from starting."""

import re
import socket
import sys
import threading
import webbrowser
from typing import Any

import pytest
from fastapi import FastAPI

import nearfar.service.server
from nearfar.service.settings import ServiceOptions
from tests.cli.conftest import Run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ServiceOptions]:
    """The options of every service that would have been started."""
    seen: list[ServiceOptions] = []

    def note(options: ServiceOptions, **_: Any) -> None:
        seen.append(options)

    monkeypatch.setattr(nearfar.service.server, "run", note)
    return seen


def test_options_reach_the_service(run: Run, started: list[ServiceOptions]) -> None:
    ran = run("serve", "--port", "8080", "--drain-s", "3", "--cors-origins", "https://a.b")
    assert ran.status == 0
    assert started == [ServiceOptions(port=8080, drain_s=3.0, cors_origins="https://a.b")]


def test_it_is_for_this_machine_alone_unless_told_otherwise(
    run: Run, started: list[ServiceOptions]
) -> None:
    run("serve")
    assert started == [ServiceOptions()]
    assert (started[0].host, started[0].port, started[0].is_local) == ("127.0.0.1", 7860, True)


def test_command_line_wins_over_the_environment(
    run: Run, started: list[ServiceOptions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEARFAR_SERVE_PORT", "9000")
    monkeypatch.setenv("NEARFAR_SERVE_TOKEN", "secret")
    run("serve", "--port", "7860")
    assert (started[0].port, started[0].token) == (7860, "secret")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--port", "70000"), "port must be at most 65535, not 70000"),
        (("--port", "http"), "--port"),
        (("--workers", "0"), "workers must be at least 1, not 0"),
        (("--token", "two words"), "token must not be empty or hold spaces"),
        (("--model", "no-such"), "no model 'no-such'"),
        (("--host", "192.0.2.1"), "can't listen on 192.0.2.1, port 7860"),
    ],
)
def test_what_can_not_start_says_why(
    run: Run, options: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearfar.service.server, "start_logging", lambda: None)
    monkeypatch.setitem(sys.modules, "gradio", None)
    port = () if "192.0.2.1" in options or "--port" in options else ("--port", "0")
    ran = run("serve", *port, *options)
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("nearfar: ")
    assert ran.err.count("\n") == 1
    assert sentence in ran.err


def _starting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what follows once a port is found, so that nothing is started."""
    monkeypatch.setattr(nearfar.service.server, "start_logging", lambda: None)
    monkeypatch.setattr(nearfar.service.server, "make_app", lambda _: FastAPI())
    monkeypatch.setattr(
        nearfar.service.server.Server,
        "run",
        lambda server, **_: (server.listening(), server.ready()),
    )


def test_next_free_port_is_taken_where_none_was_chosen(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _starting(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(
            ServiceOptions,
            "from_environment",
            classmethod(lambda cls, **given: cls(**{"port": port, **given})),
        )
        ran = run("serve")
        chosen = run("serve", "--port", port)
        monkeypatch.setenv("NEARFAR_SERVE_PORT", str(port))
        in_environment = run("serve")
    assert ran.status == 0
    said, address = ran.out.splitlines()
    (taken,) = re.findall(rf"port {port} is in use: taking (\d+)", said)
    assert port < int(taken) < port + 20
    assert address == f"nearfar is at http://127.0.0.1:{taken} (Ctrl+C stops it)"
    for each in (chosen, in_environment):
        assert (each.status, each.out) == (2, "")
        assert f"port {port}" in each.err


def test_open_opens_the_page_of_this_machine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _starting(monkeypatch)
    seen: list[str] = []
    opened = threading.Event()

    def note(address: str) -> bool:
        seen.append(address)
        opened.set()
        return True

    monkeypatch.setattr(webbrowser, "open", note)
    assert run("serve", "--host", "0.0.0.0", "--port", "0").status == 0  # noqa: S104
    ran = run("serve", "--open", "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert ran.status == 0
    assert opened.wait(10)
    assert re.fullmatch(r"http://localhost:\d+", seen[0])
    assert seen[0] in ran.out
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--ray", "--open"), "--open is for the page"),
        (("--ray", "--tls"), "put a proxy in front that does TLS"),
        (("--tls-cert", "a.pem"), "tls_cert and tls_key belong together"),
        (("--tls-cert", "a.pem", "--tls-key", "b.pem"), "can't use a.pem with the key b.pem"),
        (("--root-path", "depth"), "root_path must be like /depth"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    run: Run, options: tuple[str, ...], sentence: str
) -> None:
    ran = run("serve", *options)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert sentence in ran.err


def test_taken_port_says_so(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = run("serve", "--port", port)
    assert ran.status == 2
    assert f"port {port}" in ran.err
    assert "choose another" in ran.err


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PORT", "x", "NEARFAR_SERVE_PORT: port must be a whole number"),
        ("PROT", "1", "NEARFAR_SERVE_PROT: no such setting"),
    ],
)
def test_bad_variable_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"NEARFAR_SERVE_{variable}", value)
    ran = run("serve")
    assert ran.status == 2
    assert sentence in ran.err
