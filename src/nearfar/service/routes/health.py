"""Health and metrics of the service."""

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from nearfar.service.errors import RefusedError, responses
from nearfar.service.observability import CONTENT_TYPE, Metrics
from nearfar.service.schemas import Health

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine
    from nearfar.service.memory_pressure import MemoryPressure

router: Final = APIRouter(tags=["health"])


@router.get(
    "/healthz", summary="Check that the service is running", responses=responses("internal")
)
async def healthz() -> Health:
    """Respond with 200 while the service runs, even under load."""
    return Health()


@router.get(
    "/readyz",
    summary="Check that the service is ready",
    responses=responses("not-ready", "out-of-memory", "internal"),
)
async def readyz(request: Request) -> Health:
    """Respond with 200 once the model is loaded, until the service stops.

    During a shortage of memory the service is not ready.
    """
    engine: InferenceEngine = request.app.state.engine
    if not engine.ready:
        raise RefusedError("not-ready", headers={"Retry-After": "2"})
    shortage: MemoryPressure = request.app.state.shortage
    if shortage.is_there():
        raise RefusedError("out-of-memory", headers={"Retry-After": "5"})
    return Health()


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **responses("internal"),
    },
)
async def metrics(request: Request) -> Response:
    """Return requests, queue depth, latencies by stage, refusals, streams."""
    counted: Metrics = request.app.state.metrics
    return Response(await counted.scrape(), headers={"Content-Type": CONTENT_TYPE})
