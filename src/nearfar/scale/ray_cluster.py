"""Start a private Ray cluster, or join a running one.

Ray 2.60's default behavior was observed with ss and strace. Even with 127.0.0.1 as its address, its
processes listen on every interface. With its usage report and its dashboard turned off, it still
starts a process that asks the metadata addresses of three clouds where it runs
(ray/dashboard/modules/usage_stats). Each replica of Ray Serve opens a gRPC port on every interface,
which unpickles what it receives (ray/serve/_private/replica.py).

Environment variables of Ray change the first (`own_environment`). Nothing public changes the other
two, so `no_metadata_requests` and `bind_replica_to_loopback` replace a function of a private module
each; the tests of `tests/scale` notice when a new Ray no longer calls them.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

from nearfar.errors import ScaleError, UsageError
from nearfar.optional import require

_NO_REPORTS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # otherwise Ray warns of a future change
}
_LOOPBACK: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # the address is then 127.0.0.1, as on those systems
    "RAY_worker_register_timeout_seconds": "300",  # a busy machine takes longer than Ray's 60
    "RAY_agent_register_timeout_ms": "300000",
}
_FATAL: Final = {"RAY_BACKEND_LOG_LEVEL": "fatal"}
_PATIENCE_S: Final = 10.0
_LOCALHOST: Final = "127.0.0.1"


@cache
def own_environment() -> Mapping[str, str]:
    """Return the variables of Ray for a cluster of this process's own.

    It listens on the loopback only, and requires a token: without one, every account
    of this machine could run code in it. Ray reads address and token once per process, when it is
    imported, so they must be set by then, and are the same for all clusters that it starts.
    """
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**_NO_REPORTS, **_LOOPBACK, **token}


def require_ray() -> None:
    """Raise MissingExtraError unless Ray is installed, without importing it."""
    if find_spec("ray") is None:
        require("ray")


@contextmanager
def no_metadata_requests() -> Iterator[None]:
    """Start Ray, in the block, without the process that requests metadata from clouds.

    It is that of the dashboard, which Ray starts even if it is disabled.
    """
    from ray._private import services

    before = services.start_api_server
    setattr(services, "start_api_server", lambda *_, **__: (None, None))  # noqa: B010 - for mypy
    try:
        yield
    finally:
        setattr(services, "start_api_server", before)  # noqa: B010 - likewise


def bind_replica_to_loopback() -> None:
    """Bind the gRPC port of the Ray Serve replica in this process to 127.0.0.1.

    Where Serve makes its calls between deployments by gRPC (`RAY_SERVE_USE_GRPC_BY_DEFAULT`), which
    nearfar does not turn on, the port is bound to the address of the node instead.
    """
    from ray.serve._private import constants, replica
    from ray.util import get_node_ip_address

    is_used = constants.RAY_SERVE_USE_GRPC_BY_DEFAULT
    host = get_node_ip_address() if is_used else _LOCALHOST  # type: ignore[no-untyped-call]
    bind: Callable[[Any, str], int] = vars(replica)["add_port_to_grpc_server"]

    def bind_inside(server: Any, address: str) -> int:
        return bind(server, f"{host}:{address.rpartition(':')[2]}")

    setattr(replica, "add_port_to_grpc_server", bind_inside)  # noqa: B010 - mypy takes no other way


def requires_token(address: str) -> bool:
    """Return whether a cluster refuses clients without its token.

    Args:
        address: HOST:PORT of its head, to which this process is connected.
    """
    import grpc

    if os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
        return True  # it refuses clients without its certificate
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetAllNodeInfo")
        try:
            call(b"", timeout=_PATIENCE_S)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAUTHENTICATED)
    return False


@contextmanager
def _quiet_core() -> Iterator[None]:
    """Connect to Ray, in the block, so that its C++ core does not write to standard error.

    It reads its log level once, as the process connects, and then writes a line by itself. Its
    messages are in the log files of its session all the same.
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
    """Set environment variables in the block, for this process and those that it starts."""
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


_TRIES: Final = 4


@contextmanager
def joined(
    address: str | None,
    *,
    cpus: int | None = None,
    store_bytes: int | None = None,
    with_logs: bool = False,
) -> Iterator[None]:
    """Connect to a cluster; one that is started here ends with the block, with its processes.

    Ray must not have been imported before, or with the variables of `own_environment`. Signals stay
    as they are: outside the main thread Ray installs no handlers, which would exit at once. The
    thread lives as long as the cluster, since Linux ends Ray's processes with it.

    Args:
        address: of a running cluster, or `auto`; when not given, one is started here that only
            this process can reach. A cluster that this process is connected to is used as it is.
        cpus: of a cluster that is started here; default: the machine's.
        store_bytes: size of the object store of a cluster that is started here; default: Ray's.
        with_logs: whether the output of the cluster's processes is shown here.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: there is no cluster at `address`.
        ScaleError: Ray did not start, or would be open to others.
    """
    with ExitStack() as stack:
        stack.enter_context(environment(_NO_REPORTS if address else own_environment()))
        ray = require("ray")
        if ray.is_initialized():
            yield
            return
        thread = stack.enter_context(ThreadPoolExecutor(1, "ray"))
        stack.callback(lambda: thread.submit(ray.shutdown).result())
        if address is None:
            _start(thread, ray, cpus=cpus, object_store_memory=store_bytes, log_to_driver=with_logs)
        else:
            _connect(thread, ray, address, log_to_driver=with_logs)
        yield


def _start(
    thread: ThreadPoolExecutor, ray: Any, *, cpus: int | None, **options: int | bool | None
) -> None:
    """Start a cluster; repeat if the machine is too busy for Ray's time limits.

    Ray gives its helper processes 15 s to import what they need (issue 65983 of ray-project/ray).
    """
    if ray.util.get_node_ip_address() != _LOCALHOST:
        raise ScaleError(
            "Ray was imported before nearfar could keep it on this machine: import it after"
            " nearfar.scale.ray_cluster.joined, or start a cluster and give its address"
        )
    errors = list[Exception]()
    while len(errors) < _TRIES:
        try:
            with no_metadata_requests(), _quiet_core():
                thread.submit(
                    ray.init,
                    address="local",
                    include_dashboard=False,
                    num_cpus=cpus,
                    logging_level=logging.CRITICAL,
                    **options,
                ).result()
        except Exception as error:  # noqa: BLE001, PERF203 - Ray raises Exception itself
            errors.append(error)
            thread.submit(ray.shutdown).result()
        else:
            break
    else:
        raise ScaleError(f"Ray did not start: {_line(errors[-1])}") from errors[-1]
    if not requires_token(ray.get_runtime_context().gcs_address):
        raise ScaleError("Ray started without its token, open to every account of this machine")


def _connect(thread: ThreadPoolExecutor, ray: Any, address: str, *, log_to_driver: bool) -> None:
    try:
        with _quiet_core():
            thread.submit(
                ray.init, address, log_to_driver=log_to_driver, logging_level=logging.CRITICAL
            ).result()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"no Ray cluster accepts this process at {address} (does it run, and is its token here,"
            f" as Ray's RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH?): {_line(error)}"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
