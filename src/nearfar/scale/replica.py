"""One replica: the whole application, with Ray Serve's batching inside."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from fastapi import FastAPI

from nearfar.scale.figures import ReplicaMetrics
from nearfar.scale.loopback import keep_inside
from nearfar.scale.servebatcher import ServeBatcher
from nearfar.scale.sockets import Socket, Sockets
from nearfar.service import logs
from nearfar.service.app import drain, make_app
from nearfar.service.desk import Desk
from nearfar.service.settings import ServiceOptions

APPLICATION: Final = "nearfar"
DEPLOYMENT: Final = "depth"

PAGE: Final = (
    "The page and /v1/videos keep what their users do in one process, so they are not here:"
    " `nearfar serve`, without --ray, has them. The live camera is at /live,"
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
    logs.start()
    metrics = ReplicaMetrics(_gather)
    desk = Desk(options, observer=metrics, workshop=ServeBatcher(options, metrics))
    app = make_app(options, desk=desk, metrics=metrics, page=PAGE, clips=False)
    app.state.sockets = set[Socket]()
    app.add_middleware(Sockets, open_ones=app.state.sockets)
    return app


async def _gather() -> dict[str, bytes]:
    from ray import serve

    handle = serve.get_deployment_handle(DEPLOYMENT, APPLICATION)
    asked = handle.broadcast("figures")
    told = await asked.results_async(timeout_s=_TELLING_S, return_exceptions=True)
    return dict(each for each in told if not isinstance(each, BaseException))
