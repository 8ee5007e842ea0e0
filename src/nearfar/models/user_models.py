"""Store user models: a folder for each, with the file and its record."""

import math
import re
from pathlib import Path
from typing import Final

from nearfar.errors import ModelError, OutputExistsError, UsageError
from nearfar.io import hashing
from nearfar.io.atomic import replacing
from nearfar.models import onnx_file
from nearfar.models.download import locked
from nearfar.models.family import family_of
from nearfar.models.spec import InputSpec, ModelSpec

RECORD: Final = "spec.json"
"""Name of the record: the model's `ModelSpec` as JSON."""

MAX_SIDE_PX: Final = 8192


def is_name(name: str) -> bool:
    """Return whether this is a valid model name; it also names a folder, so never a path."""
    return name != "auto" and re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name) is not None


def listed(root: Path) -> tuple[list[ModelSpec], list[ModelError]]:
    """Read all records in a folder of models; return the valid ones by name, and the errors."""
    found = [_read_or_error(record.parent) for record in sorted(root.glob(f"*/{RECORD}"))]
    return (
        [each for each in found if isinstance(each, ModelSpec)],
        [each for each in found if isinstance(each, ModelError)],
    )


def read(folder: Path) -> ModelSpec:
    """Read the record of the model in this folder.

    Raises:
        ModelError: the record is damaged; the message names its file.
    """
    from pydantic import TypeAdapter, ValidationError

    path = folder / RECORD
    try:
        spec = TypeAdapter(ModelSpec).validate_json(path.read_bytes(), strict=True)
        check(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        why = ": ".join((*map(str, first["loc"]), first["msg"]))
    except UsageError as error:
        why = str(error)
    except OSError as error:
        why = error.strerror or str(error)
    else:
        if spec.name == folder.name:
            return spec
        why = f"it belongs to {spec.name}"
    raise ModelError(
        f"{path} is damaged ({why}): repair it, or nearfar models remove {folder.name}"
    )


def keep(folder: Path, source: Path, spec: ModelSpec, *, overwrite: bool) -> None:
    """Copy a file and write its record; at any time either the old or the new model is complete.

    Args:
        folder: of the model; created if necessary.
        source: the ONNX file that `spec` describes.
        spec: `spec.file` is a name that depends on the content.
        overwrite: replace an existing model.

    Raises:
        UsageError: a value of `spec` is not valid.
        ModelFileError: `source` can't be read, or is not a complete ONNX file.
        ChecksumError: `source` has changed since its hash was taken.
        OutputExistsError: the model exists, and `overwrite` is False.
        WriteError: the disk is full, or the file can't be written.
    """
    from pydantic import TypeAdapter

    check(spec)
    onnx_file.check(source)
    record = folder / RECORD
    with locked(record):
        if record.exists() and not overwrite:
            raise OutputExistsError(
                f"a model {spec.name} exists already: choose another name, or overwrite=True",
                options=("overwrite",),
            )
        hashing.copy(source, folder / spec.file, spec.sha256)
        with replacing(record, durable=True) as temporary:
            temporary.write_bytes(TypeAdapter(ModelSpec).dump_json(spec, indent=2))
        for old in folder.glob("*.onnx"):
            if old.name != spec.file:
                old.unlink()


def check(spec: ModelSpec) -> None:
    """Check the values beyond their types.

    Raises:
        UsageError: a value is not valid; the message names it.
    """
    if not is_name(spec.name):
        raise UsageError(
            f"{spec.name[:80]!r} can't be a model's name: use a-z, 0-9, dot, dash and "
            "underscore, at most 64, a letter or digit first, and not auto"
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*\.onnx", spec.file):
        raise UsageError("file must be a bare name that ends in .onnx")
    if not re.fullmatch(r"[0-9a-f]{64}", spec.sha256):
        raise UsageError("sha256 must be 64 lower-case hex digits")
    if spec.macs_per_px is not None and not 0 < spec.macs_per_px < math.inf:
        raise UsageError("macs_per_px must be positive")
    family_of(spec.graph)
    _check_input(spec.input)


def _read_or_error(folder: Path) -> ModelSpec | ModelError:
    try:
        return read(folder)
    except ModelError as error:
        return error


def _check_input(spec: InputSpec) -> None:
    for what in ("width_px", "height_px", "multiple_of"):
        if not 1 <= getattr(spec, what) <= MAX_SIDE_PX:
            raise UsageError(f"{what} must be from 1 to {MAX_SIDE_PX}")
    if spec.resize == "stretch" and (
        spec.width_px % spec.multiple_of or spec.height_px % spec.multiple_of
    ):
        raise UsageError(f"width and height must be multiples of {spec.multiple_of}")
    low_px, high_px = spec.range_px
    if not 1 <= low_px <= high_px or high_px < spec.multiple_of:
        raise UsageError("range_px must be the least and the largest side, at least one multiple")
    if not all(map(math.isfinite, spec.mean)):
        raise UsageError("mean must be three finite numbers")
    if not all(0 < value < math.inf for value in spec.std):
        raise UsageError("std must be three positive numbers")
