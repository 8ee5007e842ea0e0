"""`GET /v1/models`: list the installed models."""

from typing import TYPE_CHECKING, Final, get_args

from fastapi import APIRouter, Request

from nearfar.models.catalog import Purpose
from nearfar.service.errors import responses
from nearfar.service.schemas import ModelList, ModelRow

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine

router: Final = APIRouter(tags=["depth"])


@router.get("/v1/models", summary="List the models", responses=responses("internal"))
def models(request: Request) -> ModelList:
    """List the installed models, best first."""
    engine: InferenceEngine = request.app.state.engine
    defaults = {purpose: engine.default_model(purpose) for purpose in get_args(Purpose)}
    return ModelList(
        models=[
            ModelRow(
                name=spec.name,
                licence=spec.licence,
                origin=spec.origin,
                size_bytes=spec.size_bytes,
                default_for=[each for each, name in defaults.items() if name == spec.name],
            )
            for spec in engine.models()
        ]
    )
