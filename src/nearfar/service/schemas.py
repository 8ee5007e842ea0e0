"""Schemas of requests and responses: options adapted to pydantic, points, and the photo."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from dataclasses import Field as Field_
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import quote

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

from nearfar.config import EstimateOptions, Options, OutputOptions
from nearfar.io.multipart import TEXT_BYTES, read_form, stem_of
from nearfar.models.catalog import Purpose
from nearfar.service.errors import RefusedError
from nearfar.service.response_formats import RESULTS

MAX_POINTS: Final = 100
"""Maximum number of points; each reads the whole map."""

_BOUNDS: Final = ("ge", "gt", "le", "lt")
OptionsT = TypeVar("OptionsT", bound=Options)

MAX_TEXT: Final = 100
"""Maximum length of a text option, because long texts are rendered as wide pictures."""

CAPS: Final = {"max_points": 1_000_000, "max_vertices": 1_000_000, "max_texture_px": 8192}
"""Option without an upper bound -> maximum in a request."""


def offered(part: type[Options]) -> tuple[str, ...]:
    """Return the names of the options that a query may contain.

    Pictures are files of the form; a font would be a path on the server; `format` also includes
    pictures over HTTP, and a response has no additional files.
    """
    hidden = {"format", "color", "side_by_side"} if part is OutputOptions else {"font"}
    return tuple(
        each.name
        for each in fields(part)
        if each.name not in hidden and "picture" not in each.metadata
    )


def query_of(name: str, *parts: type[Options], **others: Any) -> type[BaseModel]:
    """Create the model of a query string, which rejects unknown names.

    Args:
        name: of the model.
        parts: sets of options, whose `offered` fields become its fields.
        others: further fields, each a type and a pydantic field.
    """
    made = {name: row for part in parts for name, row in query_fields(part).items()}
    return create_model(name, __config__=ConfigDict(extra="forbid"), **made, **others)


def query_fields(part: type[Options], names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Translate options to pydantic: the types and fields of `create_model`.

    Args:
        part: set of options.
        names: of the options; all `offered` ones if None.
    """
    hints = get_type_hints(part)
    chosen = offered(part) if names is None else names
    return {
        each.name: _field(each, hints[each.name]) for each in fields(part) if each.name in chosen
    }


def _field(option: "Field_[Any]", hint: Any) -> Any:
    sentence = option.metadata["description"]
    if get_origin(hint) is tuple:
        return str | None, Field(None, description=f"JSON: a list. {sentence}")
    bounds: dict[str, Any] = {
        word: option.metadata[word] for word in _BOUNDS if word in option.metadata
    }
    if option.name in CAPS:
        bounds["le"] = CAPS[option.name]
    kinds = get_args(hint) or (hint,)
    if str in kinds:
        bounds["max_length"] = MAX_TEXT
    if float in kinds:
        bounds["allow_inf_nan"] = "infinite" in option.metadata
    default = ... if option.default is MISSING else option.default
    return hint, Field(default, description=sentence, **bounds)


def reads(model: type[BaseModel]) -> Any:
    """Return the FastAPI dependency that reads a query string into a model made at run time."""

    async def read(query: BaseModel) -> BaseModel:  # FastAPI would run a plain function in a thread
        return query

    read.__annotations__["query"] = Annotated[model, Query()]
    return Depends(read)


def part_of(query: BaseModel, part: type[OptionsT], **others: Any) -> OptionsT:
    """Return a set of options with the values of a query; `others` are additional values."""
    values = {name: getattr(query, name) for name in offered(part)}
    return part(**{**values, **others})


MODEL: Final = (
    str,
    Field(
        "auto",
        description="A name in /v1/models; `auto` is chosen by the service, and may differ"
        " between photos and clips.",
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
        Field(None, description=f"Takes precedence over `Accept`. {_FORMATS}."),
    ),
)


class Point(BaseModel):
    """A pixel to read, with its distance if known."""

    model_config = ConfigDict(extra="forbid")

    x_px: int = Field(ge=0, lt=2**31, description="From the left.", examples=[120])
    y_px: int = Field(ge=0, lt=2**31, description="From the top.", examples=[480])
    metres: FiniteFloat | None = Field(
        None,
        gt=0,
        description="Its distance, if known. Two distances determine metres for all points.",
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
    """Values of the map at a pixel."""

    x_px: int
    y_px: int
    inverse_depth: float = Field(description="Larger is nearer; no unit.")
    nearness: float = Field(description="0 is the farthest pixel of the photo, 1 the nearest.")
    nearer_than_percent: float = Field(description="Percentage of the picture that is farther.")
    metres: float | None = Field(
        description="Distance; null if there is no surface, or metres are unknown."
    )


class ProbeAnswer(BaseModel):
    """The readings, in the order of the points."""

    model: str = Field(examples=["nearfar-lite"])
    width_px: int
    height_px: int
    assumption: str | None = Field(description="Basis of the metres; null without metres.")
    points: list[Reading]


class ModelRow(BaseModel):
    """An installed model."""

    name: str = Field(examples=["nearfar-lite"])
    licence: str
    origin: str
    size_bytes: int
    default_for: list[Purpose] = Field(
        description="Purposes for which `auto` selects it: photos; clips and streams."
    )


class ModelList(BaseModel):
    """The installed models, best first."""

    models: list[ModelRow]


class Health(BaseModel):
    """State of the service."""

    status: Literal["ok"] = "ok"


PHOTO: Final = "photo"
"""Name of the form field of the picture."""

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True)
class Upload:
    """The body of a request.

    Attributes:
        photo: the picture file, at least one byte.
        stem: of its name, if given.
        fields: the form's other text fields.
        files: the form's other files.
    """

    photo: bytes
    stem: str
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def disposition(self, suffix: str, what: str = "depth") -> str:
        """Return the Content-Disposition of a response: `<stem>-<what><suffix>`."""
        return disposition(f"{self.stem}-{what}{suffix}", f"{PHOTO}-{what}{suffix}")


def disposition(name: str, plain: str) -> str:
    """Return a Content-Disposition (RFC 6266); `plain` is for clients limited to ASCII."""
    if quote(name) == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


async def read_upload(
    request: Request,
    *,
    fields: frozenset[str] = frozenset(),
    files: frozenset[str] = frozenset(),
) -> Upload:
    """Read the photo.

    Args:
        request: its body is the picture itself, of any content type, or a form.
        fields: additional text fields that the form may contain.
        files: additional files that it may contain.

    Raises:
        FormError: the form is invalid, or has other fields.
        RefusedError: the photo is empty.
    """
    form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    upload = await _read_form(request, fields, files) if form else await _read_body(request)
    if not upload.photo:
        raise RefusedError("not-a-picture", "It is empty: send the bytes of a picture.")
    return upload


def body_for_openapi(
    *,
    files: Mapping[str, str] = MappingProxyType({}),
    needed: bool = True,
    **fields: dict[str, Any],
) -> dict[str, Any]:
    """Describe the two ways to send a photo.

    Args:
        files: optional other files of the form, name -> description.
        needed: whether the other fields are required.
        fields: the form's other fields, by name.
    """
    pictures = {name: {**_BINARY["schema"], "description": files[name]} for name in files}
    form = {
        "type": "object",
        "required": [PHOTO, *(fields if needed else ())],
        "properties": {PHOTO: _BINARY["schema"], **pictures, **fields},
        "additionalProperties": False,
    }
    kinds = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
    return {
        "requestBody": {
            "required": True,
            "description": "The photo: JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF, by content.",
            "content": {"multipart/form-data": {"schema": form}, **dict.fromkeys(kinds, _BINARY)},
        }
    }


async def _read_body(request: Request) -> Upload:
    pieces = [piece async for piece in request.stream()]
    return Upload(b"".join(pieces), PHOTO)


async def _read_form(request: Request, fields: frozenset[str], files: frozenset[str]) -> Upload:
    content_type = request.headers["content-type"]
    most_bytes: int = request.app.state.options.max_bytes
    allowed = {**dict.fromkeys(fields, TEXT_BYTES), **dict.fromkeys(files | {PHOTO}, most_bytes)}
    parts = await read_form(content_type, request.stream(), allowed=allowed)
    photo = parts.pop(PHOTO, None)
    if photo is None:
        raise RefusedError(
            "bad-request", f"The form has no picture: send it as a file in the field {PHOTO!r}."
        )
    return Upload(
        bytes(photo.content),
        stem_of(photo.file_name, PHOTO),
        {
            name: part.content.decode(errors="replace")
            for name, part in parts.items()
            if name in fields
        },
        {name: bytes(part.content) for name, part in parts.items() if name in files},
    )
