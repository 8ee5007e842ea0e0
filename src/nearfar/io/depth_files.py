"""Depth maps as files: one table of formats, and what each can hold.

- png16: a relative map within half a step of 65,535 between its least and greatest value; a
  metric one to the millimetre as in ROS REP-118: uint16 millimetres, 0 = no value. Infinity,
  and what lies beyond 65.535 m, has no value there; the float formats keep it.
- png8: a relative map within half a step of 255.
- exr, pfm, tiff, npy, npz: both, float32, exact.

PNG, EXR, TIFF and NPZ files from here record what their values are and which model made them.
PFM and NPY can't, and other programs' files don't: there the reader has to know.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from nearfar.config import FormatName
from nearfar.errors import DepthFileError, UsageError
from nearfar.io import depth_codecs as codecs
from nearfar.io.atomic import replacing
from nearfar.io.depth_codecs import KINDS, MAX_PIXELS, MAX_TEXT_BYTES, DepthRaster, Kind

_Decoded = TypeVar("_Decoded")

MAX_FILE_BYTES: Final = 8 * MAX_PIXELS + MAX_TEXT_BYTES
_BLOCK_VALUES: Final = 2**17  # converted at a time: they fit in a core's cache


@dataclass(frozen=True)
class DepthFormat:
    """One row of the table.

    Attributes:
        suffixes: of such files; where two formats share one, it means the first.
        magic: what such a file may begin with; reading decides by this alone.
        media_type: of an HTTP response; where two formats share one, it means the first.
        sentence: what it is, for the documents of the service.
        kinds: what it can hold.
        bits: of one stored integer; None for float32.
        encode: samples and tags to bytes.
        decode: bytes to samples and tags.
    """

    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    media_type: str
    sentence: str
    kinds: tuple[Kind, ...]
    bits: Literal[8, 16] | None
    encode: Callable[[codecs.Samples, codecs.Tags], bytes]
    decode: Callable[[bytes], tuple[codecs.Samples, codecs.Tags]]


_BOTH: Final[tuple[Kind, ...]] = ("inverse_depth", "metres")
_PNG: Final = (b"\x89PNG\r\n\x1a\n",)
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

FORMATS: Final[Mapping[str, DepthFormat]] = MappingProxyType(
    {
        "png16": DepthFormat(
            suffixes=(".png",),
            magic=_PNG,
            media_type="image/png",
            sentence="16-bit PNG",
            kinds=_BOTH,
            bits=16,
            encode=codecs.encode_png,
            decode=codecs.decode_png,
        ),
        "png8": DepthFormat(
            suffixes=(".png",),
            magic=_PNG,
            media_type="image/png",
            sentence="8-bit PNG",
            kinds=("inverse_depth",),
            bits=8,
            encode=codecs.encode_png,
            decode=codecs.decode_png,
        ),
        "exr": DepthFormat(
            suffixes=(".exr",),
            magic=(b"v/1\x01",),
            media_type="image/x-exr",
            sentence="OpenEXR, float32",
            kinds=_BOTH,
            bits=None,
            encode=codecs.encode_exr,
            decode=codecs.decode_exr,
        ),
        "pfm": DepthFormat(
            suffixes=(".pfm",),
            magic=(b"Pf", b"PF"),
            media_type="image/x-portable-floatmap",
            sentence="PFM, float32",
            kinds=_BOTH,
            bits=None,
            encode=codecs.encode_pfm,
            decode=codecs.decode_pfm,
        ),
        "tiff": DepthFormat(
            suffixes=(".tiff", ".tif"),
            magic=_TIFF,
            media_type="image/tiff",
            sentence="TIFF, float32",
            kinds=_BOTH,
            bits=None,
            encode=codecs.encode_tiff,
            decode=codecs.decode_tiff,
        ),
        "npy": DepthFormat(
            suffixes=(".npy",),
            magic=(b"\x93NUMPY",),
            media_type="application/x-npy",
            sentence="NumPy array, float32",
            kinds=_BOTH,
            bits=None,
            encode=codecs.encode_npy,
            decode=codecs.decode_npy,
        ),
        "npz": DepthFormat(
            suffixes=(".npz",),
            magic=(b"PK",),
            media_type="application/x-npz",
            sentence="NumPy archive, float32, with the model's name",
            kinds=_BOTH,
            bits=None,
            encode=codecs.encode_npz,
            decode=codecs.decode_npz,
        ),
    }
)
"""Every format by name; `config.FormatName` lists the same names for the options."""

DEFAULT_FORMAT: Final[FormatName] = get_args(FormatName)[0]
SUFFIXES: Final = tuple(dict.fromkeys(each for row in FORMATS.values() for each in row.suffixes))


COLOR_SUFFIXES: Final = (".jpg", ".jpeg", ".webp")
"""Suffixes of files that can't hold depth: the map is written as a color picture."""


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the name of the format that a path's suffix means.

    Raises:
        UsageError: no depth format has this suffix.
    """
    suffix = Path(path).suffix.lower()
    for name, row in FORMATS.items():
        if suffix in row.suffixes:
            return name
    known = ", ".join(SUFFIXES)
    raise UsageError(f"no depth format has the suffix {suffix!r}: use {known}, or name a format")


def write_depth(
    raster: DepthRaster,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = True,
) -> None:
    """Write a depth file, whole or not at all.

    Args:
        raster: what to write.
        path: where; its folder must exist.
        format: a name of `FORMATS`; by default by the suffix, png16 for .png.
        overwrite: replace a file that is there.

    Raises:
        UsageError: unknown format or suffix.
        DepthFileError: the format can't hold this map.
        OutputExistsError: the file is there and `overwrite` is False.
        WriteError: the system refused.
    """
    data = encode_depth(raster, format or format_of(path))
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def encode_depth(raster: DepthRaster, format: str) -> bytes:
    """Make the bytes of a depth file.

    Args:
        raster: what to write.
        format: a name of `FORMATS`.

    Raises:
        UsageError: unknown format.
        DepthFileError: the format can't hold this map.
    """
    row = FORMATS.get(format)
    if row is None:
        raise UsageError(f"no depth format {format!r}: use one of {', '.join(FORMATS)}")
    if raster.kind not in row.kinds:
        raise DepthFileError(
            f"{format} can't hold metres: {row.bits} bits are steps of 25 cm over 65 m; use png16"
        )
    tags: codecs.Tags = {"kind": raster.kind, "model": raster.model, "note": raster.note}
    samples: codecs.Samples = raster.values
    if row.bits:
        samples, scale, offset = _quantize(raster, row.bits)
        tags |= {"scale": repr(scale), "offset": repr(offset)}
    return row.encode(samples, {key: text for key, text in tags.items() if text})


def read_raster(source: str | os.PathLike[str] | bytes, *, kind: Kind | None = None) -> DepthRaster:
    """Read a depth file of any format here; its content decides which, not its suffix.

    Args:
        source: path, or the file's bytes.
        kind: what the values are, for a file that does not say it itself: PFM, NPY, or
            another program's. Metres in a PNG are then millimetres in 16 bits; in every
            format 0 metres means no value and is read as inf.

    Raises:
        DepthFileError: no such file, not a depth file, damaged, over 100 megapixels, of
            unstated kind, or of another kind than `kind`.
    """
    return _decoded(source, lambda samples, tags: _interpret(samples, tags, kind))


def read_samples(source: str | os.PathLike[str] | bytes) -> tuple[NDArray[Any], str | None]:
    """Read the stored values of a depth file as they are, unknown ones included.

    For readers of data sets, who know from elsewhere what the values mean. Files that
    nearfar wrote are brought back to the values they were made from.

    Returns:
        (H, W) of the file's own type, or float64, and the kind that the file states, if any.

    Raises:
        DepthFileError: as for `read_raster`, but for the kind.
    """

    def as_stored(samples: codecs.Samples, tags: codecs.Tags) -> tuple[NDArray[Any], str | None]:
        if "scale" in tags:
            samples = samples * float(tags["scale"]) + float(tags["offset"])
        return samples, tags.get("kind")

    return _decoded(source, as_stored)


def _decoded(
    source: str | os.PathLike[str] | bytes,
    use: Callable[[codecs.Samples, codecs.Tags], _Decoded],
) -> _Decoded:
    name = "depth file" if isinstance(source, bytes) else os.fspath(source)
    data = source if isinstance(source, bytes) else _read_bytes(Path(source))
    row = next((row for row in FORMATS.values() if data.startswith(row.magic)), None)
    if row is None:
        raise DepthFileError(f"{name}: no depth file: {', '.join(FORMATS)} can be read")
    try:
        return use(*row.decode(data))
    except DepthFileError as error:
        raise DepthFileError(f"{name}: {error}") from error
    except Exception as error:  # each library raises other errors on damage
        cause = " ".join(str(error).split())[:120] or type(error).__name__
        raise DepthFileError(f"{name}: damaged or cut off ({cause}): write it anew") from error


def _quantize(raster: DepthRaster, bits: int) -> tuple[codecs.Samples, float, float]:
    """Return stored, scale and offset such that value = stored * scale + offset."""
    if raster.kind == "metres":
        millimetres = np.rint(raster.values.astype(np.float64) * 1000)
        fits = (millimetres >= 1) & (millimetres <= 65535)
        if not fits.any():
            raise DepthFileError(
                "no distance is within the 0.001 to 65.535 m of a 16-bit PNG: use .exr or .tiff"
            )
        return np.where(fits, millimetres, 0).astype(np.uint16), 0.001, 0.0
    low, high = raster.limits
    top = 2**bits - 1
    stored = np.zeros(raster.values.shape, np.uint8 if bits == 8 else np.uint16)
    if low == high:
        return stored, 0.0, low
    rows = max(1, _BLOCK_VALUES // raster.values.shape[1])
    for first in range(0, len(stored), rows):
        block = slice(first, first + rows)
        steps = raster.values[block] - np.float32(low)
        steps /= np.float32(high) - np.float32(low)  # a factor of top / span may be beyond float32
        steps *= np.float32(top)
        steps += np.float32(0.5)
        stored[block] = steps
    return stored, (high - low) / top, low


def _interpret(samples: codecs.Samples, tags: codecs.Tags, kind: Kind | None) -> DepthRaster:
    stated = tags.get("kind", kind)
    if stated is None:
        raise DepthFileError(f"it does not say what its values are: {KINDS}")
    if kind not in (None, stated):
        raise DepthFileError(f"it holds {stated}, not {kind}")
    if stated not in get_args(Kind):
        raise DepthFileError(f"it holds {stated!r}, which is no kind of depth known here")
    if samples.dtype == np.uint8 and stated == "metres" and "scale" not in tags:
        raise DepthFileError("8 bits hold no metres: give millimetres in 16 bits")
    scale, offset = float(tags.get("scale", 1)), float(tags.get("offset", 0))
    is_millimetres = "scale" not in tags and samples.dtype == np.uint16 and stated == "metres"
    values32 = np.empty(samples.shape, np.float32)
    rows = max(1, _BLOCK_VALUES // max(1, samples.shape[1]))
    for first in range(0, len(samples), rows):
        values = samples[first : first + rows].astype(np.float64)
        if "scale" in tags:
            values = values * scale + offset
        elif is_millimetres:
            values = values / 1000
        if stated == "metres":
            values = np.where(values == 0, np.inf, values)
        with np.errstate(over="ignore"):
            values32[first : first + rows] = values
    kind = "metres" if stated == "metres" else "inverse_depth"
    return DepthRaster(values32, kind, tags.get("model", ""), tags.get("note", ""))


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DepthFileError(f"{path}: over {MAX_FILE_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise DepthFileError(f"can't read {path}: {error.strerror or error}") from error
