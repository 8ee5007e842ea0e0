"""Being in a Ray cluster that says nothing: one of this process's own, or one that runs already."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from nearfar.errors import ScaleError, UsageError
from nearfar.optional import require
from nearfar.scale.loopback import hushed, loopback, private, silent

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
