"""`nearfar serve`: its options, and what keeps it from starting."""

import socket
import sys
from typing import Any

import pytest

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
