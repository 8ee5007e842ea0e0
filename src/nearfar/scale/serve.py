"""`nearfar serve --ray`: the service as a Ray Serve application of as many replicas as it needs."""

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
from nearfar.optional import require
from nearfar.scale import serve_proxy
from nearfar.scale.metrics import ReplicaMetrics
from nearfar.scale.ray_cluster import asks_for_token, environment, joined, keep_inside, silent
from nearfar.scale.serve_proxy import Socket, Sockets
from nearfar.service.app import drain, make_app
from nearfar.service.observability import start_logging
from nearfar.service.server import address_of, bind, warning_of
from nearfar.service.settings import ServiceOptions

_RANGE: Final = re.compile(r"(\d{1,5})(?::(\d{1,5}))?")


@dataclass(frozen=True)
class ReplicaOptions(Options):
    """Where the replicas run, and how many there are."""

    replicas: str | None = option(
        "Fewest and most replicas, as 1:4; 3 is always three. From 1 to what the cluster's CPUs"
        " hold if not given.",
        None,
    )
    address: str | None = option(
        "A Ray cluster that runs already, as HOST:PORT, or auto for the one of this machine; one"
        " of this process's own if not given.",
        None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.replicas is not None:
            bounds(self.replicas)

    def range(self, *, cpus: float, cpus_each: int) -> tuple[int, int]:
        """Give the fewest and the most replicas.

        Args:
            cpus: that the cluster has.
            cpus_each: that one replica takes.

        Raises:
            UsageError: the cluster can't hold the fewest.
        """
        room = int(cpus // cpus_each)
        fewest, most = bounds(self.replicas) if self.replicas else (1, max(1, room))
        if fewest > room:
            raise UsageError(
                f"{fewest} replicas of {cpus_each} CPUs do not fit on the {cpus:g} of the cluster:"
                " ask for fewer replicas, or for fewer workers and threads of each",
                options=("replicas", "workers", "threads"),
            )
        return fewest, most


def bounds(text: str) -> tuple[int, int]:
    """Read `MIN:MAX`, or one number for both.

    Raises:
        UsageError: it is neither, or not in this order, or begins at 0.
    """
    found = _RANGE.fullmatch(text)
    fewest, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= fewest <= most:
        raise UsageError(f"replicas must be like 1:4 or 3, not {text!r}")
    return fewest, most


def sized(options: ServiceOptions) -> ServiceOptions:
    """Give the options of one replica: a single worker unless told otherwise."""
    return options if options.workers else replace(options, workers=1)


APPLICATION: Final = "nearfar"
DEPLOYMENT: Final = "depth"

PAGE: Final = (
    "The page and /v1/videos keep what their users do in one process, so they are not here:"
    " `nearfar serve` without Ray has them. The live camera is at /live,"
    " the service at /v1: see /openapi.json."
)
"""What is at `/`."""

Build: TypeAlias = Callable[[ServiceOptions], FastAPI]

_TELLING_S: Final = 5.0
"""How long a scrape waits for the other replicas."""


class Replica:
    """What Ray Serve makes as many of as are needed; requests go to its application.

    Its methods are for Serve and for the one who deployed it. `app` is put there by
    `serve.ingress`.
    """

    app: FastAPI

    async def check_health(self) -> None:
        """Wait until the model is loaded, and raise what kept it from being."""
        await asyncio.shield(self.app.state.starting)

    async def figures(self) -> tuple[str, bytes]:
        """Give the name of this replica, and its own figures."""
        from ray import serve

        return serve.get_replica_context().replica_tag, self.app.state.metrics.text()

    async def stop(self) -> None:
        """Take no more, finish what was taken, and close the live streams."""
        await drain(self.app)
        for socket in tuple(self.app.state.sockets):
            await socket.close()


def build(options: ServiceOptions) -> FastAPI:
    """Make the application of one replica, in its process.

    Args:
        options: of the service; `workers` is given.
    """
    keep_inside()
    start_logging()
    app = make_app(options, metrics=ReplicaMetrics(_gather), page=PAGE, clips=False)
    app.state.sockets = set[Socket]()
    app.add_middleware(Sockets, open_ones=app.state.sockets)
    return app


async def _gather() -> dict[str, bytes]:
    from ray import serve

    handle = serve.get_deployment_handle(DEPLOYMENT, APPLICATION)
    asked = handle.broadcast("figures")
    told = await asked.results_async(timeout_s=_TELLING_S, return_exceptions=True)
    return dict(each for each in told if not isinstance(each, BaseException))


_LINES: Final = {"RAY_DEDUP_LOGS": "0"}
"""A line of one request is no copy of another's. Ray reads it when it is imported: not before."""
_TICK_S: Final = 0.2
_UP_AFTER_S: Final = 5.0
_DOWN_AFTER_S: Final = 60.0
_TOLD_S: Final = 2.0
"""How long replicas may take to hear and to say something."""
_ELSE: Final = 32
"""Requests beyond those that wait or work, health's among them, for which a replica has room."""


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
        where: the cluster, and how many replicas there are.
        tell: gets the line with the address, once the service takes work.
        warn: gets a line if others than this machine can reach it.
        make: makes the application of one replica, in its process.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: the address can't be listened on; or there is no such cluster, or it serves
            something already, or is too small, or asks for no token where others can reach it.
        NearfarError: the model can't be loaded.
    """
    ModelRegistry().candidates(options.model, "photo")
    options = _listening(sized(options), here=where.address is None)
    cpus_each = options.worker_count * options.threads
    stop = threading.Event()
    with (
        silent(),
        environment({**_LINES, **serve_proxy.environment(options)}),
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
                " stop it with `serve shutdown`, or take another cluster"
            )
        if stop.is_set():
            return
        _start(options, here=where.address is None)
        try:
            _deploy(options, make, fewest=fewest, most=most, cpus_each=cpus_each)
            if not _wait_until_running(stop):
                return
            address = address_of(options.host, options.port)
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
    """Refuse to serve others on a cluster where whoever reaches its ports can run code.

    A cluster of our own has a token and listens on the loopback only.
    """
    import ray

    if where.address is None or asks_for_token(ray.get_runtime_context().gcs_address):
        return
    risk = (
        "this Ray cluster asks for no token: whoever reaches its ports can run code in the service,"
        " in spite of its own token"
    )
    remedy = "start it with RAY_AUTH_MODE=token on every machine"
    if not options.is_local:
        raise UsageError(f"{risk}; {remedy}, or serve on 127.0.0.1")
    warn(f"{risk}; {remedy}")


def _cpus() -> float:
    """Count the CPUs of the cluster."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # likewise
    return resources.get("CPU", 0)


def _listening(options: ServiceOptions, *, here: bool) -> ServiceOptions:
    """See that the address is free, and choose a port where any will do: Serve can't."""
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

    # processes of our own cluster have the variables already, and start faster without these
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
        max_ongoing_requests=options.worker_count + options.queue + options.streams + _ELSE,
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
    """Wait for the first replicas; False when it is told to stop before."""
    from ray import serve
    from ray.serve.schema import ApplicationStatus

    bad = {ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY}
    while not stop.wait(_TICK_S):
        seen = serve.status().applications[APPLICATION]
        if seen.status == ApplicationStatus.RUNNING:
            return True
        if seen.status in bad:
            told = [each.message for each in seen.deployments.values()]
            raise failure(" ".join((seen.message, *told)))
    return False


def failure(told: str) -> NearfarError:
    """Find in what Serve tells of a replica that did not start, what one of our errors said."""
    found = re.findall(r"nearfar\.errors\.(\w+)(?:\(.*?\))?: (.+)", told)
    if not found:
        return NearfarError("no replica started: Ray's logs say why")
    name, sentence = found[-1]
    kind: type[NearfarError] = getattr(errors, name, NearfarError)
    return kind(sentence.strip())


def _drain(options: ServiceOptions) -> None:
    """Have every replica finish what it took; meanwhile they refuse what is new."""
    from ray import serve

    told = serve.get_app_handle(APPLICATION).broadcast("stop")
    with suppress(TimeoutError):  # who says nothing by then is ended all the same
        told.results(timeout_s=options.drain_s + _TOLD_S, return_exceptions=True)


def _take_down(end_s: float) -> None:
    """Let the last answers out and end the replicas; what hangs is left to the cluster's end."""
    from ray import serve

    serve.delete(APPLICATION, _blocking=False)
    while APPLICATION in serve.status().applications:
        if time.monotonic() > end_s + _TOLD_S:
            return
        time.sleep(_TICK_S)


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Take SIGINT and SIGTERM as a wish to stop, from the beginning on.

    Ray would put its own handler there, which exits at once, in the midst of a start too, and
    leaves processes behind.
    """
    require("ray")
    from ray._private import utils

    before = {
        each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)
    }
    rays = utils.set_sigterm_handler
    setattr(utils, "set_sigterm_handler", lambda _: None)  # noqa: B010 - mypy takes no other way
    try:
        yield
    finally:
        setattr(utils, "set_sigterm_handler", rays)  # noqa: B010 - likewise
        for each, handler in before.items():
            signal.signal(each, handler)
