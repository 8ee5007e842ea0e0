"""Implement `nearfar serve`: the page, and the service behind it."""

import os
import sys
import threading
import webbrowser
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any

from cyclopts import Parameter

from nearfar.cli._options import flags_of
from nearfar.errors import UsageError
from nearfar.optional import require
from nearfar.scale.serve import ReplicaOptions
from nearfar.service.settings import PREFIX, ServiceOptions


def _help(option: "Field[Any]") -> str:
    standard = "" if option.default in {None, MISSING, ""} else f" [default: {option.default}]"
    return f"{option.metadata['help']}{standard} [env: {PREFIX}{option.name.upper()}]"


_ON_RAY = "Run on Ray Serve, with as many replicas as there is work for; without the page."
_OPEN = "Open the page in a browser once the model is loaded."
# a default of the command line would win over the environment
_GIVEN, _NOTHING = flags_of(ServiceOptions, describe=_help, are_optional=True)
_ANYWHERE = ReplicaOptions()
_MODULES = ("fastapi", "fastapi_swagger", "uvicorn", "prometheus_client", "python_multipart")


def serve(
    *,
    ray: Annotated[bool, Parameter(name="--ray", negative="", help=_ON_RAY)] = False,
    where: Annotated[ReplicaOptions, Parameter(name="*", negative="")] = _ANYWHERE,
    opened: Annotated[bool, Parameter(name="--open", negative="", help=_OPEN)] = False,
    given: Any = _NOTHING,
) -> None:
    """Start the page and the service, at http://127.0.0.1:7860 by default.

    Each option can be set in the environment too: NEARFAR_SERVE_PORT for --port. Set a token
    there, since other users of this machine can read the command line. Where port 7860 is in
    use and no other was chosen, the next free one is taken. Ctrl+C stops it after the requests
    that were accepted.
    """
    if where != _ANYWHERE and not ray:
        raise UsageError("--replicas and --address are for --ray: add it, or leave them out")
    if opened and ray:
        raise UsageError("--open is for the page, which --ray is without: leave one of them out")
    for module in _MODULES:
        require(module)
    values = {
        each.name: value
        for each in fields(given)
        if (value := getattr(given, each.name)) is not None
    }
    options = ServiceOptions.from_environment(**values)
    if ray:
        from nearfar.scale.serve import run as run_on_ray

        run_on_ray(options, where, tell=_tell, warn=_warn)
        return
    from nearfar.service.server import run

    run(
        options,
        tell=_tell,
        warn=_warn,
        is_port_fixed="port" in values or f"{PREFIX}PORT" in os.environ,
        ready=_open if opened else lambda _: None,
    )


def _open(address: str) -> None:
    """Open the page in the user's browser; some browsers keep their caller waiting."""

    def work() -> None:
        if not webbrowser.open(address):
            _warn(f"no browser could be opened: go to {address}")

    threading.Thread(target=work, daemon=True).start()


def _tell(line: str) -> None:
    print(line, flush=True)


def _warn(line: str) -> None:
    print(f"nearfar: warning: {line}", file=sys.stderr, flush=True)


serve.__annotations__["given"] = _GIVEN
