"""Deploy the service on Ray Serve, with replicas according to the load."""

import asyncio
import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from fastapi import FastAPI

from nearfar import errors
from nearfar.config import Options, option
from nearfar.errors import NearfarError, UsageError
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.table import CPU
from nearfar.scale import serve_proxy
from nearfar.scale.metrics import ReplicaMetrics
from nearfar.scale.ray_cluster import (
    bind_replica_to_loopback,
    environment,
    joined,
    require_ray,
    requires_token,
)
from nearfar.service.app import drain, make_app
from nearfar.service.observability import start_logging
from nearfar.service.server import address_of, bind, warning_of
from nearfar.service.settings import ServiceOptions

_RANGE: Final = re.compile(r"(\d{1,5})(?::(\d{1,5}))?")


@dataclass(frozen=True)
class ReplicaOptions(Options):
    """The cluster of the replicas, and their number."""

    replicas: str | None = option(
        "Range of replicas, such as 1:4, or a fixed number, such as 3; default: 1 to the number for"
        " which the cluster has CPUs.",
        None,
    )
    address: str | None = option(
        "Address of a running Ray cluster, HOST:PORT, or auto for the one of this machine; if not"
        " given, one is started for this process alone.",
        None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.replicas is not None:
            bounds(self.replicas)

    def range(self, *, cpus: float, cpus_each: int) -> tuple[int, int]:
        """Return the minimum and maximum number of replicas.

        Args:
            cpus: of the cluster.
            cpus_each: of one replica.

        Raises:
            UsageError: the cluster is too small for the minimum.
        """
        room = int(cpus // cpus_each)
        fewest, most = bounds(self.replicas) if self.replicas else (1, max(1, room))
        if fewest > room:
            raise UsageError(
                f"{fewest} replicas of {cpus_each} CPUs do not fit on the {cpus:g} of the cluster:"
                " use fewer replicas, or fewer workers and threads of each",
                options=("replicas", "workers", "threads"),
            )
        return fewest, most


def bounds(text: str) -> tuple[int, int]:
    """Parse `MIN:MAX`, or one number for both.

    Raises:
        UsageError: it is neither, or the numbers are not in this order, or begin at 0.
    """
    found = _RANGE.fullmatch(text)
    fewest, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= fewest <= most:
        raise UsageError(f"replicas must be like 1:4 or 3, not {text!r}")
    return fewest, most


def sized(options: ServiceOptions) -> ServiceOptions:
    """Return the options of one replica: on the CPU, with one worker unless a number is given.

    Raises:
        UsageError: another device is named; Ray hides GPUs from replicas that reserve none.
    """
    if options.device not in {"auto", CPU}:
        raise UsageError(
            f"replicas run on the cpu, not on {options.device}: leave the device out, or serve"
            " without Ray"
        )
    return replace(options, device=CPU, workers=options.workers or 1)


APPLICATION: Final = "nearfar"
DEPLOYMENT: Final = "depth"

PAGE: Final = (
    "The page and /v1/videos keep what their users do in one process, so they are not here:"
    " `nearfar serve` without Ray has them. The live camera is at /live,"
    " the service at /v1: see /docs."
)
"""The text at `/`."""

Build: TypeAlias = Callable[[ServiceOptions], FastAPI]

_SCRAPE_S: Final = 5.0
"""Time for the other replicas to send their metrics."""


class Replica:
    """A replica of the deployment: the ordinary application, which `serve.ingress` puts in `app`.

    Its methods are called by Serve and by the process that deployed it.
    """

    app: FastAPI

    async def check_health(self) -> None:
        """Wait until the model is loaded, and raise what prevented it."""
        await asyncio.shield(self.app.state.starting)

    async def metrics(self) -> tuple[str, bytes]:
        """Return the name of this replica, and its metrics in Prometheus's text format."""
        from ray import serve

        return serve.get_replica_context().replica_tag, self.app.state.metrics.text()

    async def stop(self) -> None:
        """Refuse new requests, finish those that were accepted, and close the live streams."""
        await drain(self.app)


def build(options: ServiceOptions) -> FastAPI:
    """Create the application of one replica, in its process.

    Args:
        options: of the service; `workers` is set.
    """
    bind_replica_to_loopback()
    start_logging()
    return make_app(options, metrics=ReplicaMetrics(_gather), page=PAGE, clips=False)


async def _gather() -> dict[str, bytes]:
    from ray import serve

    handle = serve.get_deployment_handle(DEPLOYMENT, APPLICATION)
    responses = handle.broadcast("metrics")
    results = await responses.results_async(timeout_s=_SCRAPE_S, return_exceptions=True)
    return dict(each for each in results if not isinstance(each, BaseException))


_ALL_LINES: Final = {"RAY_DEDUP_LOGS": "0"}
"""Without it Ray would drop similar log lines. It is read when Ray is imported."""
_TICK_S: Final = 0.2
_UP_AFTER_S: Final = 5.0
_DOWN_AFTER_S: Final = 60.0
_CALL_S: Final = 2.0
"""Time for a call to a replica and its answer."""
_EXTRA: Final = 32
"""Requests, such as health checks, that a replica accepts beyond its workers, queue and streams."""


def run(
    options: ServiceOptions,
    where: ReplicaOptions,
    *,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    make: Build = build,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        options: of the service; limits are those of each replica.
        where: the cluster, and the number of replicas.
        tell: called with the line about the address, once the service is ready.
        warn: called with a line if other machines can reach it.
        make: creates the application of one replica, in its process.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: the address can't be listened on; or there is no such cluster, or Serve is
            already running on it, or it is too small, or requires no token but is reachable by
            others.
        NearfarError: the model can't be loaded.
    """
    require_ray()
    if options.is_secure:
        raise UsageError(
            "Ray Serve is plain HTTP here: put a proxy in front that does TLS",
            options=("tls", "tls_cert", "tls_key"),
        )
    ModelRegistry().candidates(options.model, "photo")
    options = _listening(sized(options), here=where.address is None)
    cpus_each = options.worker_count * options.threads
    stop = threading.Event()
    with (
        environment({**_ALL_LINES, **serve_proxy.environment(options)}),
        _stopping(stop),
        joined(where.address, with_logs=True),
    ):
        from ray import serve

        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        _refuse_open(options, where, warn)
        fewest, most = where.range(cpus=_cpus(), cpus_each=cpus_each)
        if serve.status().proxies:
            raise UsageError(
                "Ray Serve runs on this cluster already, and has one address for all:"
                " stop it with `serve shutdown`, or use another cluster"
            )
        if stop.is_set():
            return
        _start(options, here=where.address is None)
        try:
            _deploy(options, make, fewest=fewest, most=most, cpus_each=cpus_each)
            if not _wait_until_running(stop):
                return
            address = address_of(options, options.port)
            if not options.is_local:
                warn(warning_of(options, address))
            tell(f"nearfar is at {address}, {fewest} to {most} replicas on Ray (Ctrl+C stops it)")
            stop.wait()
            end_s = time.monotonic() + options.drain_s
            _drain(options)
            _take_down(end_s)
        finally:
            if where.address:
                serve.shutdown()  # type: ignore[no-untyped-call]  # Ray gives it no types


def _refuse_open(
    options: ServiceOptions, where: ReplicaOptions, warn: Callable[[str], None]
) -> None:
    """Refuse to serve other machines on a cluster that requires no token, and warn on loopback.

    A cluster that is started here requires one and listens on the loopback only.
    """
    import ray

    if where.address is None or requires_token(ray.get_runtime_context().gcs_address):
        return
    risk = (
        "this Ray cluster requires no token: whoever reaches its ports can run code in the service,"
        " in spite of its own token"
    )
    remedy = "start it with RAY_AUTH_MODE=token on every machine"
    if not options.is_local:
        raise UsageError(f"{risk}; {remedy}, or serve on 127.0.0.1")
    warn(f"{risk}; {remedy}")


def _cpus() -> float:
    """Return the number of CPUs of the cluster."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # likewise
    return resources.get("CPU", 0)


def _listening(options: ServiceOptions, *, here: bool) -> ServiceOptions:
    """Check that the address is free, and choose a port for port 0, which Serve can't."""
    if not here:
        if options.port == 0:
            raise UsageError(
                "on another cluster the port must be chosen: give one", options=("port",)
            )
        return options
    with closing(bind(options)) as listener:
        return replace(options, port=listener.getsockname()[1])


def _start(options: ServiceOptions, *, here: bool) -> None:
    from ray import serve
    from ray.serve.config import ControllerOptions, HTTPOptions, ProxyLocation
    from ray.serve.schema import LoggingConfig

    # processes of a cluster that was started here inherit the variables, which is faster
    variables = {} if here else {"env_vars": serve_proxy.environment(options)}
    serve.start(
        proxy_location=ProxyLocation.HeadOnly,
        http_options=HTTPOptions(host=options.host, port=options.port),
        logging_config=LoggingConfig(log_level="WARNING", enable_access_log=False),
        controller_options=ControllerOptions(runtime_env=variables),
    )


def _deploy(
    options: ServiceOptions, make: Build, *, fewest: int, most: int, cpus_each: int
) -> None:
    from ray import serve
    from ray.serve.config import AutoscalingConfig, BackpressureConfig
    from ray.serve.schema import LoggingConfig

    deployed = serve.deployment(
        name=DEPLOYMENT,
        ray_actor_options={"num_cpus": cpus_each},
        max_ongoing_requests=options.worker_count + options.queue + options.streams + _EXTRA,
        max_queued_requests=options.queue,
        backpressure_config=BackpressureConfig(status_code=429, retry_after_s=2),
        autoscaling_config=AutoscalingConfig(
            min_replicas=fewest,
            max_replicas=most,
            target_ongoing_requests=2 * options.worker_count,
            upscale_delay_s=_UP_AFTER_S,
            downscale_delay_s=_DOWN_AFTER_S,
        ),
        graceful_shutdown_timeout_s=options.drain_s,
        graceful_shutdown_wait_loop_s=_TICK_S,
        max_constructor_retry_count=1,
        logging_config=LoggingConfig(log_level="WARNING", enable_access_log=False),
    )(serve.ingress(lambda: make(options))(Replica))
    serve.run_many(
        [serve.RunTarget(deployed.bind(), name=APPLICATION)],
        wait_for_ingress_deployment_creation=False,
        wait_for_applications_running=False,
    )


def _wait_until_running(stop: threading.Event) -> bool:
    """Wait for the first replicas; return False if `stop` is set before."""
    from ray import serve
    from ray.serve.schema import ApplicationStatus

    bad = {ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY}
    while not stop.wait(_TICK_S):
        seen = serve.status().applications[APPLICATION]
        if seen.status == ApplicationStatus.RUNNING:
            return True
        if seen.status in bad:
            messages = [each.message for each in seen.deployments.values()]
            raise failure(" ".join((seen.message, *messages)))
    return False


def failure(message: str) -> NearfarError:
    """Find the error of nearfar in Serve's message about a replica that did not start.

    Serve's message contains only the text of the traceback.
    """
    found = re.findall(r"nearfar\.errors\.(\w+)(?:\(.*?\))?: (.+)", message)
    if not found:
        return NearfarError("no replica started: see Ray's logs")
    name, sentence = found[-1]
    kind: type[NearfarError] = getattr(errors, name, NearfarError)
    return kind(sentence.strip())


def _drain(options: ServiceOptions) -> None:
    """Let every replica finish accepted requests; new ones are refused."""
    from ray import serve

    responses = serve.get_app_handle(APPLICATION).broadcast("stop")
    with suppress(TimeoutError):  # a replica that does not respond is stopped nevertheless
        responses.results(timeout_s=options.drain_s + _CALL_S, return_exceptions=True)


def _take_down(end_s: float) -> None:
    """Stop the replicas after their last responses; one that hangs ends with the cluster."""
    from ray import serve

    serve.delete(APPLICATION, _blocking=False)
    while APPLICATION in serve.status().applications:
        if time.monotonic() > end_s + _CALL_S:
            return
        time.sleep(_TICK_S)


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Set `stop` on SIGINT and SIGTERM; `joined` keeps Ray from installing its own handler."""
    before = {
        each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
