"""Start or join a Ray cluster: one of this process's own, closed to others, or one that runs.

Told to use 127.0.0.1, Ray takes the machine's outward address all the same, and its processes
listen on every interface (ray/_private/services.py, resolve_ip_for_localhost). Told to keep its
figures of use to itself and to start no dashboard, it still starts a process that asks three
clouds' metadata addresses where it runs (ray/dashboard/modules/usage_stats). Each replica of Ray
Serve opens a gRPC port on every interface, which unpickles what it is sent
(ray/serve/_private/replica.py). All were seen, with ss and strace, of Ray 2.60.
"""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from inspect import signature
from typing import Any, Final

from nearfar.errors import ScaleError, UsageError
from nearfar.optional import require

_SILENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anyone
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns of a change to come
}
_LOOPBACK: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # as on those, 127.0.0.1 is the address
    "RAY_worker_register_timeout_seconds": "300",  # a busy machine takes longer than Ray's 60
    "RAY_agent_register_timeout_ms": "300000",
}
_HELPERS: Final = (
    "metrics_agent_port",
    "metrics_export_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
)
_FATAL: Final = {"RAY_BACKEND_LOG_LEVEL": "fatal"}
_PATIENCE_S: Final = 10.0


@contextmanager
def silent() -> Iterator[None]:
    """Let Ray, which is imported in the block, tell nobody that it is used."""
    with environment(_SILENT):
        yield


@contextmanager
def loopback() -> Iterator[None]:
    """Let `ray.init(address="local")` stay on this machine, for as long as the block lasts."""
    with environment(_LOOPBACK), ExitStack() as ends:  # inherited by every process of Ray's
        from ray._private import ray_constants, services

        for where, name, value in (
            (services, "start_api_server", _no_server),
            (services, "start_raylet", partial(_start_raylet, services.start_raylet)),
            (ray_constants, "ENABLE_RAY_CLUSTER", False),  # read when Ray was imported
        ):
            ends.callback(setattr, where, name, getattr(where, name))
            setattr(where, name, value)
        yield


@contextmanager
def private() -> Iterator[None]:
    """Let a Ray that is started in the block answer only to itself: by a token of its own.

    Without one, every account of this machine could run code in it. Ray must be imported already.
    """
    try:
        with environment({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}):
            _read_token_anew()
            yield
    finally:
        _read_token_anew()


def _read_token_anew() -> None:
    """Have Ray's C++ core, which read mode and token once, read them again, as Ray's own does."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined] # likewise

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def keep_inside() -> None:
    """Bind the gRPC port of the replica in this process to an address that nobody else reaches.

    It serves calls from one deployment to another where Serve is told to make them by gRPC
    (`RAY_SERVE_USE_GRPC_BY_DEFAULT`), which nearfar does not: only then is it the node's address.
    """
    from ray.serve._private import constants, replica
    from ray.util import get_node_ip_address

    is_used = constants.RAY_SERVE_USE_GRPC_BY_DEFAULT
    host = get_node_ip_address() if is_used else "127.0.0.1"  # type: ignore[no-untyped-call]
    bind: Callable[[Any, str], int] = vars(replica)["add_port_to_grpc_server"]

    def inside(server: Any, address: str) -> int:
        return bind(server, f"{host}:{address.rpartition(':')[2]}")

    setattr(replica, "add_port_to_grpc_server", inside)  # noqa: B010 - mypy takes no other way


def asks_for_token(address: str) -> bool:
    """Say whether a cluster refuses who has not its token.

    Args:
        address: of its head, HOST:PORT, where this process has been let in.
    """
    import grpc

    if os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
        return True  # it refuses who has not its certificate
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetAllNodeInfo")
        try:
            ask(b"", timeout=_PATIENCE_S)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAUTHENTICATED)
    return False


def _start_raylet(start: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Start Ray's daemon with the ports of its helpers chosen beforehand.

    Where it has to wait for them to tell, it does so for 15 s and dies, although a busy machine
    may take longer to start them (issue 62883 of ray-project/ray).
    """
    from ray._raylet import persist_port  # type: ignore[attr-defined] # its stub lacks it

    named |= _ports()
    asked = signature(start).bind(*given, **named).arguments
    for name in _HELPERS:
        persist_port(asked["session_dir"], asked["node_id"], name, named[name])
    return start(*given, **named)


def _ports() -> dict[str, int]:
    """Find free ports for Ray's helpers."""
    with ExitStack() as ends:
        found = {}
        for name in _HELPERS:
            listener = ends.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            found[name] = int(listener.getsockname()[1])
    return found


@contextmanager
def hushed() -> Iterator[None]:
    """Connect to Ray, in the block, so that its C++ core never writes to standard error.

    It reads its level once, as the process connects, and says then, over Python's head, that
    it did. What it says is in the files of its session all the same.
    """
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        with environment(_FATAL):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


@contextmanager
def environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Have variables in the block, for this process and those that it starts."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _no_server(*_: Any, **__: Any) -> tuple[None, None]:
    """Stand in for the start of the dashboard's process: no address, no process."""
    return None, None


_TRIES: Final = 3


@contextmanager
def joined(
    address: str | None,
    *,
    cpus: int | None = None,
    store_bytes: int | None = None,
    with_logs: bool = False,
) -> Iterator[None]:
    """Be connected to a cluster; one of our own ends with this, and takes its processes along.

    Args:
        address: of a cluster that runs, or `auto`; when not given, one is started here that only
            this process can reach. Where this process is in one already, that one is taken.
        cpus: of a cluster that is started here; the machine's when not given.
        store_bytes: of the object store of one that is started here; Ray's choice when not given.
        with_logs: what the cluster's processes write comes out here too.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: there is no cluster at `address`.
        ScaleError: Ray did not start.
    """
    with ExitStack() as ends:
        ends.enter_context(silent())
        ray = require("ray")
        if ray.is_initialized():
            yield
            return
        if address is None:
            ends.enter_context(loopback())
            ends.enter_context(private())
            _start(ray, cpus=cpus, store_bytes=store_bytes, log_to_driver=with_logs)
        else:
            _connect(ray, address, log_to_driver=with_logs)
        ends.callback(ray.shutdown)
        yield


def _start(ray: Any, *, cpus: int | None, store_bytes: int | None, log_to_driver: bool) -> None:
    """Start a cluster; more than once where the machine is too busy for Ray's patience.

    Ray gives its processes 30 s to import what they need (ray/_private/node.py).
    """
    errors = list[Exception]()
    while len(errors) < _TRIES:
        try:
            with hushed():
                ray.init(
                    address="local",
                    include_dashboard=False,
                    num_cpus=cpus,
                    object_store_memory=store_bytes,
                    log_to_driver=log_to_driver,
                    logging_level=logging.CRITICAL,
                )
        except Exception as error:  # noqa: BLE001, PERF203 - Ray raises Exception itself
            errors.append(error)
            ray.shutdown()
        else:
            return
    raise ScaleError(f"Ray did not start: {_line(errors[-1])}") from errors[-1]


def _connect(ray: Any, address: str, *, log_to_driver: bool) -> None:
    try:
        with hushed():
            ray.init(address, log_to_driver=log_to_driver, logging_level=logging.CRITICAL)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"no Ray cluster let us in at {address} (does it run, and is its token here, as Ray's "
            f"RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH?): {_line(error)}"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
