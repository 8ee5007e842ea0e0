"""Query parameters of clips: a model for each kind of result, and one for OpenAPI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.effects.frames import FRAME_EFFECTS, for_each_frame
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.service.routes.effects import pictures_of
from nearfar.service.schemas import MODEL, part_of, query_fields, query_of
from nearfar.video.pipeline import ClipOrder, VideoOptions
from nearfar.video.renderers import ShowName, show, show_effect

DEFAULT: Final[ShowName] = "color"
KINDS: Final = (*get_args(ShowName), *FRAME_EFFECTS)
"""Kinds of result of a clip."""

COLORED: Final = frozenset({"color", "side"})
"""Kinds of result with a color map."""

_SENTENCES: Final[dict[ShowName, str]] = {
    "color": "the map in color",
    "side": "the clip with the color map at its right",
    "grey10": "1024 gray levels, lossless, as Matroska",
    "png16": "a ZIP with one 16-bit PNG per frame",
    "exr": "a ZIP with one EXR per frame",
}


def _queries() -> dict[str, type[BaseModel]]:
    colors = query_fields(OutputOptions, ("colormap",))
    description = "; ".join(f"{name}: {sentence}" for name, sentence in _SENTENCES.items())
    made = {}
    for name in KINDS:
        effect = FRAME_EFFECTS.get(name)
        made[name] = query_of(
            f"{name}VideoQuery",
            *(EstimateOptions, VideoOptions),
            *((effect.options,) if effect else ()),
            show=(
                Literal[KINDS],
                Field(DEFAULT, description=f"{description}; or an effect, with its options."),
            ),
            model=MODEL,
            **(colors if name in COLORED else {}),
        )
    return made


QUERIES: Final[Mapping[str, type[BaseModel]]] = _queries()
"""Kind of result -> its options."""

PICTURES: Final[Mapping[str, str]] = {
    name: sentence
    for effect in FRAME_EFFECTS.values()
    for name, sentence in pictures_of(effect.options).items()
}
"""Additional files of effects -> their description."""


@dataclass(frozen=True)
class Wanted:
    """The options of a request.

    Attributes:
        kind: of result.
        query: its options.
    """

    kind: str
    query: BaseModel

    @property
    def model(self) -> str | None:
        """Name of the requested model."""
        query: Any = self.query
        name: str | None = query.model
        return name

    @property
    def pictures(self) -> frozenset[str]:
        """Additional files sent with the clip."""
        effect = FRAME_EFFECTS.get(self.kind)
        return frozenset(pictures_of(effect.options)) if effect else frozenset()

    def order(self, pictures: Mapping[str, bytes], limits: ImageLimits) -> ClipOrder:
        """Return the description of the job.

        Raises:
            UsageError: an option is invalid.
            ImageError: a picture that can't be read.
        """
        query: Any = self.query
        if effect := FRAME_EFFECTS.get(self.kind):
            given = {}
            for name, content in pictures.items():
                with IsolatedImageFile(content, limits=limits) as file:
                    given[name] = file.read(keep_alpha=True)
            kind = show_effect(for_each_frame(effect, part_of(query, effect.options, **given)))
        else:
            kind = show(query.show, getattr(query, "colormap", "inferno"))
        return ClipOrder(
            self.kind,
            kind,
            part_of(query, VideoOptions),
            part_of(query, EstimateOptions),
            query.model,
        )


async def read_wanted(request: Request) -> Wanted:
    """Read the query of a request.

    Raises:
        RequestValidationError: an option is unknown or out of range.
    """
    values = dict(request.query_params)
    kind = values.get("show", DEFAULT)
    # an unknown kind is reported as an error of `show`
    model = QUERIES.get(kind, QUERIES[DEFAULT])
    try:
        return Wanted(kind, model.model_validate(values))
    except ValidationError as error:
        faults = [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error


def parameters() -> list[dict[str, Any]]:
    """Describe the whole query for OpenAPI; options of one name are described together."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind, model in QUERIES.items():
        for name, schema in model.model_json_schema()["properties"].items():
            found.setdefault(name, {})[kind] = {**schema, "title": None}
    return [_parameter(name, schemas) for name, schemas in found.items()]


def _parameter(name: str, schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    different: list[dict[str, Any]] = []
    sentences: dict[str, list[str]] = {}
    for kind, schema in schemas.items():
        sentences.setdefault(schema["description"], []).append(kind)
        bare = {key: value for key, value in schema.items() if key not in {"title", "description"}}
        if bare not in different:
            different.append(bare)
    whose = "" if len(schemas) == len(QUERIES) else f"Of {', '.join(schemas)}. "
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": whose + " ".join(sentences),
        "schema": different[0] if len(different) == 1 else {"anyOf": different},
        **({"example": "side"} if name == "show" else {}),
    }
