"""Samples and text tags to the bytes of each file format, and back.

What the samples mean is not known here: `depthfiles` says that. Each `encode_*` takes a
2-D array and tags, each `decode_*` gives them back. Decoders check the size that a header
claims before they allocate it, and raise whatever their library raises on damage.
"""

import io
import json
import logging
import math
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar.depthbounds import (
    MAX_PIXELS,
    MAX_TEXT_BYTES,
    check_float,
    check_segments,
    check_size,
    read_member,
)
from nearfar.errors import DepthFileError
from nearfar.io.images import png, tiff
from nearfar.version import __version__

Samples = NDArray[Any]
"""(H, W) uint8, uint16 or float."""

Tags = dict[str, str]
"""Short ASCII keys, any text without NUL."""

PREFIX: Final = "nearfar:"
_DESCRIPTION: Final = 270  # TIFF tag

# Python prints what a library logs on damaged files, unless its logger has a handler.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_MOST_HEADER_BYTES: Final = 512
"""Of a PFM; usual are 20. A longer one of spaces or digits would keep the expression busy."""

_PFM_HEADER: Final = re.compile(
    rb"P([fF])\s+(\d{1,9})\s+(\d{1,9})\s+([+-]?\d*\.?\d+(?:[eE][+-]?\d{1,3})?)\s"
)


def encode_png(samples: Samples, tags: Tags) -> bytes:
    """Grey PNG of 8 or 16 bits; tags as text."""
    return png.encode_png(samples, {PREFIX + key: text for key, text in tags.items()})


def decode_png(data: bytes) -> tuple[Samples, Tags]:
    """Read a grey PNG of 8 or 16 bits."""
    width_px, height_px, bits, colour = struct.unpack_from(">IIBB", data, 16)
    check_size(height_px, width_px)
    if colour != 0:
        raise DepthFileError("it is a picture in colour, not depth: give a grey PNG")
    if bits not in (8, 16):
        raise DepthFileError(f"it has {bits} bits a pixel: give a grey PNG of 8 or 16 bits")
    from PIL.PngImagePlugin import PngImageFile

    picture = PngImageFile(io.BytesIO(data))  # Image.open would warn from 89 megapixels on
    with picture:
        samples = np.asarray(picture)
        return samples, own_tags(picture.text)


def encode_pfm(samples: Samples, _tags: Tags) -> bytes:
    """Grey PFM: bottom-up, little-endian. It has no place for tags."""
    height_px, width_px = samples.shape
    rows = np.ascontiguousarray(samples[::-1], "<f4")
    return b"Pf\n%d %d\n-1.0\n" % (width_px, height_px) + rows.tobytes()


def decode_pfm(data: bytes) -> tuple[Samples, Tags]:
    """Read a grey PFM of either byte order.

    Only the sign of the scale counts, as for Middlebury's files: their samples are not
    meant to be multiplied by it.
    """
    header = _PFM_HEADER.match(data, 0, _MOST_HEADER_BYTES)
    if header is None:
        raise DepthFileError("its PFM header is damaged")
    colour, width, height, scale = header.groups()
    if colour == b"F":
        raise DepthFileError("it is a PFM in colour, not depth: give a grey one (Pf)")
    shape = int(height), int(width)
    check_size(*shape)
    order = "<f4" if float(scale) < 0 else ">f4"
    samples = np.frombuffer(data, order, shape[0] * shape[1], header.end())
    return samples.reshape(shape)[::-1], {}


def encode_tiff(samples: Samples, tags: Tags) -> bytes:
    """One page, one strip, float32; tags as JSON in ImageDescription.

    Stored plainly: tifffile has no float predictor of its own, and without one deflate
    saves an eighth of the size for a hundred times the time.
    """
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        samples,
        photometric="minisblack",
        description=json.dumps({"nearfar": tags}),
        metadata=None,
        software="nearfar",
    )
    return stream.getvalue()


def decode_tiff(data: bytes) -> tuple[Samples, Tags]:
    """Read the first page."""
    import tifffile

    directory = tiff.read_directory(data, tiff.DECODING | {_DESCRIPTION})
    check_size(directory.integer(tiff.HEIGHT), directory.integer(tiff.WIDTH))
    tile = directory.integer(tiff.TILE_WIDTH, 0) * directory.integer(tiff.TILE_HEIGHT, 0)
    if tile > tiff.MOST_TILE_PX:
        raise DepthFileError(f"it has tiles of {tile} pixels: save it with smaller ones")
    with tifffile.TiffFile(io.BytesIO(tiff.with_directory(data, directory))) as file:
        page = file.pages.first
        check_size(*page.shape)
        check_float(page.dtype)
        rows = min(page.rowsperstrip, page.imagelength) * page.imagewidth
        places = zip(page.dataoffsets, page.databytecounts, strict=False)
        segments = (data[start : start + size] for start, size in places)
        check_segments(int(page.compression), segments, (tile or rows) * page.dtype.itemsize)
        samples = np.asarray(page.asarray(maxworkers=1))
    try:
        tags = json.loads((directory.raw(_DESCRIPTION) or b"").rstrip(b"\0"))["nearfar"]
        return samples, {str(key): str(text) for key, text in tags.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return samples, {}  # somebody else's description


def encode_npy(samples: Samples, _tags: Tags) -> bytes:
    """NumPy's own format, version 1.0. It has no place for tags."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, samples, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def decode_npy(data: bytes) -> tuple[Samples, Tags]:
    """Read an NPY; never a pickle."""
    return _read_array(data), {}


def encode_npz(samples: Samples, tags: Tags) -> bytes:
    """Zip of NPY, not compressed and without dates: `values`, and a text for each tag."""
    arrays = {"values": samples}
    arrays |= {key: np.array(text) for key, text in {**tags, "version": __version__}.items()}
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), encode_npy(array, {}))
    return stream.getvalue()


def decode_npz(data: bytes) -> tuple[Samples, Tags]:
    """Read `values`, or the only array there is."""
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        main = "values" if "values" in names else names[0] if len(names) == 1 else None
        if main is None:
            raise DepthFileError(f"no array 'values' among its {', '.join(names) or 'nothing'}")
        samples = _read_array(read_member(archive, f"{main}.npy", 8 * MAX_PIXELS + MAX_TEXT_BYTES))
        tags = {}
        for name in set(names) & {"kind", "model", "note"}:
            stored = read_member(archive, f"{name}.npy", MAX_TEXT_BYTES)
            tags[name] = str(_read_npy(stored, _check_text))
    return samples, tags


def _check_text(shape: tuple[int, ...], dtype: Any) -> None:
    if shape != () or dtype.kind not in "US":
        raise DepthFileError("one of its texts is none: write it anew")


def _read_array(data: bytes) -> Samples:
    def check(shape: tuple[int, ...], dtype: Any) -> None:
        check_size(*shape)
        check_float(dtype)

    return np.asarray(_read_npy(data, check))


def _read_npy(data: bytes, check: Callable[[tuple[int, ...], Any], None]) -> Any:
    """Read an NPY whose header `check` lets pass; its values must all be there."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise DepthFileError(f"NPY version {version} is not known here")
    check(shape, dtype)
    if len(data) - stream.tell() < math.prod(shape) * dtype.itemsize:
        raise DepthFileError("it is cut off: write it anew")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def own_tags(texts: dict[str, Any]) -> Tags:
    """Return those of a file's texts that nearfar wrote."""
    return {
        key.removeprefix(PREFIX): str(text)
        for key, text in texts.items()
        if key.startswith(PREFIX) and isinstance(text, str)
    }
