"""What is asked and answered, as pydantic models. No option is declared here a second time."""

from dataclasses import MISSING, fields
from dataclasses import Field as Field_
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_type_hints

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

from nearfar.config import EstimateOptions, Options, OutputOptions, RefinedOptions
from nearfar.effects import EFFECTS
from nearfar.geometry.options import CloudOptions, MeshOptions
from nearfar.models.catalog import Purpose
from nearfar.service.response_formats import RESULTS
from nearfar.video.pipeline import VideoOptions

MAX_POINTS: Final = 100
"""Each costs a look at the whole map."""

_BOUNDS: Final = ("ge", "gt", "le", "lt")
_O = TypeVar("_O", bound=Options)

MAX_TEXT: Final = 100
"""Letters of an option that is text: long ones would be drawn as wide pictures."""

CAPS: Final = {"max_points": 1_000_000, "max_vertices": 1_000_000, "max_texture_px": 8192}
"""Option without an upper bound of its own -> the most that the service makes for a caller."""


def _all_of(part: type[Options], *but: str) -> tuple[str, ...]:
    """Name the options of a set that a query can hold: a picture is a file of the form."""
    return tuple(
        each.name
        for each in fields(part)
        if each.name not in but and "picture" not in each.metadata
    )


OFFERED: Final[dict[type[Options], tuple[str, ...]]] = {
    EstimateOptions: _all_of(EstimateOptions),
    RefinedOptions: _all_of(RefinedOptions),
    OutputOptions: ("colormap", "robust"),
    CloudOptions: _all_of(CloudOptions),
    MeshOptions: _all_of(MeshOptions),
    VideoOptions: _all_of(VideoOptions),
    **{effect.options: _all_of(effect.options, "font") for effect in EFFECTS},
}
"""The options that callers choose, of those that there are. `format` is wider here, as there are
pictures in it too; `color` and `side_by_side` are about files beside the map's own; `font` is a
path on the machine of the service, which is not told."""


def query_of(name: str, *parts: type[Options], **others: Any) -> type[BaseModel]:
    """Make the model of a query string; what it does not know is refused.

    Args:
        name: of the model.
        parts: sets of options, whose `OFFERED` fields become its fields.
        others: further fields, each a type and a pydantic field.
    """
    made: dict[str, Any] = {}
    for part in parts:
        hints = get_type_hints(part)
        for each in fields(part):
            if each.name in OFFERED[part]:
                made[each.name] = (hints[each.name], _field(each, hints[each.name]))
    return create_model(name, __config__=ConfigDict(extra="forbid"), **made, **others)


def _field(option: "Field_[Any]", hint: Any) -> Any:
    bounds: dict[str, Any] = {
        word: option.metadata[word] for word in _BOUNDS if word in option.metadata
    }
    if option.name in CAPS:
        bounds["le"] = CAPS[option.name]
    kinds = get_args(hint) or (hint,)
    if str in kinds:
        bounds["max_length"] = MAX_TEXT
    if float in kinds:
        bounds["allow_inf_nan"] = False
    default = ... if option.default is MISSING else option.default
    return Field(default, description=option.metadata["description"], **bounds)


def reads(model: type[BaseModel]) -> Any:
    """Give the FastAPI dependency that reads a query string into a model made at run time."""

    async def read(query: BaseModel) -> BaseModel:  # a plain function would go through a thread
        return query

    read.__annotations__["query"] = Annotated[model, Query()]
    return Depends(read)


def part_of(query: BaseModel, part: type[_O], **others: Any) -> _O:
    """Take a set of options out of a query; `others` are those that came another way."""
    return part(**{name: getattr(query, name) for name in OFFERED[part]}, **others)


MODEL: Final = (
    str | None,
    Field(
        None,
        description="A name of /v1/models; `auto`, or none, is the service's own choice, which"
        " may be another for a photo than for a clip.",
    ),
)
_FORMATS: Final = "; ".join(f"{name}: {row.sentence}" for name, row in RESULTS.items())

DepthQuery: Final = query_of(
    "DepthQuery",
    EstimateOptions,
    OutputOptions,
    model=MODEL,
    format=(
        Literal[tuple(RESULTS)] | None,
        Field(None, description=f"Wins over `Accept`. {_FORMATS}."),
    ),
)


class Point(BaseModel):
    """A pixel to read; with its distance, where that is known."""

    model_config = ConfigDict(extra="forbid")

    x_px: int = Field(ge=0, lt=2**31, description="From the left.", examples=[120])
    y_px: int = Field(ge=0, lt=2**31, description="From the top.", examples=[480])
    metres: FiniteFloat | None = Field(
        None, gt=0, description="Its distance, if known. Two of them give metres for all points."
    )


Points = Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]

ProbeQuery: Final = query_of(
    "ProbeQuery",
    EstimateOptions,
    model=MODEL,
    points=(
        str | None,
        Field(
            None,
            description="JSON, where the photo is the raw body; otherwise it is a form field.",
            examples=['[{"x_px": 120, "y_px": 480}]'],
        ),
    ),
)


class Reading(BaseModel):
    """What the map says at a pixel."""

    x_px: int
    y_px: int
    inverse_depth: float = Field(description="Larger is nearer; no unit.")
    nearness: float = Field(description="0 is the farthest pixel of the photo, 1 the nearest.")
    nearer_than_percent: float = Field(description="How much of the picture is farther.")
    metres: float | None = Field(
        description="Distance; null where there is no surface, or where metres are not known."
    )


class ProbeAnswer(BaseModel):
    """The readings, in the order in which they were asked for."""

    model: str = Field(examples=["nearfar-lite"])
    width_px: int
    height_px: int
    assumption: str | None = Field(
        description="What the metres rest on; null where there are none."
    )
    points: list[Reading]


class ModelRow(BaseModel):
    """A model that can be asked for."""

    name: str = Field(examples=["nearfar-lite"])
    licence: str
    origin: str
    size_bytes: int
    default_for: list[Purpose] = Field(
        description="What it is taken for when no model is asked for: a photo; clips and streams."
    )


class ModelList(BaseModel):
    """The installed models, best first."""

    models: list[ModelRow]


class Health(BaseModel):
    """That all is well."""

    status: Literal["ok"] = "ok"
