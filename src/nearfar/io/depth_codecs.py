"""Encode and decode depth files: what a file holds, its bounds, and one codec a format.

Each `encode_*` takes a 2-D array and tags, each `decode_*` returns them. Decoders check the size
that a header claims before they allocate it, and raise whatever their library raises on damage.
"""

import io
import json
import logging
import math
import re
import struct
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DepthFileError
from nearfar.io.images import png, tiff
from nearfar.io.images.tiff import MAX_TILE_PX
from nearfar.version import __version__

Kind = Literal["inverse_depth", "metres"]
"""`inverse_depth`: relative, larger = nearer, no unit. `metres`: along the view axis."""

KINDS: Final = "say 'inverse_depth' (relative, larger = nearer) or 'metres'"


@dataclass(frozen=True, eq=False)
class DepthRaster:
    """What a depth file holds.

    Attributes:
        values: (H, W) float32. Relative: finite and not negative. Metres: over 0; inf is no
            surface.
        kind: what the values are.
        model: catalogue name of the model that made them.
        note: a sentence for the reader, such as the assumption of a calibration.

    Raises:
        DepthFileError: values or texts that are none of this.
    """

    values: NDArray[np.float32]
    kind: Kind
    model: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise DepthFileError(f"no kind of depth {self.kind!r}: {KINDS}")
        if self.values.ndim != 2 or self.values.dtype != np.float32 or not self.values.size:
            shape = self.values.shape
            raise DepthFileError(f"{self.values.dtype} of shape {shape}: give (H, W) float32")
        low, high = self.limits
        if np.isnan(low):
            raise DepthFileError("some values are NaN, which is no depth: replace them")
        if self.kind == "inverse_depth" and not 0 <= low <= high < np.inf:
            raise DepthFileError(f"values {low:g} to {high:g}: relative depth is finite, 0 or more")
        if self.kind == "metres" and low <= 0:
            raise DepthFileError(f"a distance of {low:g} m: give more than 0, or inf for none")
        for text in (self.model, self.note):
            if "\0" in text or text.encode(errors="replace").decode() != text:
                raise DepthFileError(f"the text {text!r} can't be stored: use plain Unicode")

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return float(self.values.min()), float(self.values.max())


MAX_PIXELS: Final = 100_000_000
MAX_TEXT_BYTES: Final = 1 << 20
MOST_BYTES: Final = 16 * MAX_PIXELS
"""Of all channels of an EXR, which its library decodes together."""

_MOST_RATIO: Final = 1100
_DEFLATE: Final = frozenset({8, 32946})
_UNPACKED: Final = 1
_PACKBITS: Final = 32773


def check_size(*shape: int) -> None:
    """Refuse what is no map, or one over 100 megapixels."""
    if len(shape) != 2:
        raise DepthFileError(f"its shape is {shape}: give one map, (height, width)")
    height_px, width_px = shape
    if height_px < 1 or width_px < 1:
        raise DepthFileError(f"it is {width_px} x {height_px} pixels: it holds nothing")
    if height_px * width_px > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise DepthFileError(f"{width_px} x {height_px} pixels are over {limit} megapixels")


def check_float(dtype: Any) -> None:
    """Refuse all but floats of 16, 32 and 64 bits."""
    if dtype is None or dtype.kind != "f" or dtype.itemsize > 8:
        raise DepthFileError(f"its values are {dtype}: give float32")


def check_segments(compression: int, segments: Iterable[bytes], expected: int) -> None:
    """Refuse strips or tiles of a TIFF that become more than they should.

    Args:
        compression: the tag's number.
        segments: as they are stored.
        expected: bytes that each may become.
    """
    if compression == _UNPACKED:
        return
    if compression not in _DEFLATE | {_PACKBITS}:
        raise DepthFileError(
            f"it is compressed by method {compression}: save it uncompressed or with deflate"
        )
    for segment in segments:
        if compression == _PACKBITS:
            too_long = len(segment) > 2 * expected + 1024
        else:
            inflater = zlib.decompressobj()
            too_long = len(inflater.decompress(segment, expected + 1)) > expected
        if too_long:
            raise DepthFileError("one of its strips is longer than its rows: write it anew")


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read a file of a zip archive.

    Raises:
        DepthFileError: it has more than `most` bytes, or more than its compression can hold.
    """
    about = archive.getinfo(name)
    if about.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise DepthFileError(
            f"{name} is compressed by method {about.compress_type}: save it with numpy.savez"
        )
    if about.file_size > min(most, _MOST_RATIO * about.compress_size + 1024):
        raise DepthFileError(f"{name} would become {about.file_size} bytes: it is too long")
    return archive.read(about)


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
    width_px, height_px, bits, color = struct.unpack_from(">IIBB", data, 16)
    check_size(height_px, width_px)
    if color != 0:
        raise DepthFileError("it is a picture in color, not depth: give a grey PNG")
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
    color, width, height, scale = header.groups()
    if color == b"F":
        raise DepthFileError("it is a PFM in color, not depth: give a grey one (Pf)")
    shape = int(height), int(width)
    check_size(*shape)
    order = "<f4" if float(scale) < 0 else ">f4"
    samples = np.frombuffer(data, order, shape[0] * shape[1], header.end())
    return samples.reshape(shape)[::-1], {}


def encode_tiff(samples: Samples, tags: Tags) -> bytes:
    """One page, one strip, float32; tags as JSON in ImageDescription.

    Stored plainly: tifffile has no float predictor, and without one deflate
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
    if tile > tiff.MAX_TILE_PX:
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


def encode_exr(samples: Samples, tags: Tags) -> bytes:
    """One float32 channel Y, ZIP; tags as string attributes."""
    import OpenEXR

    header = {PREFIX + key: text for key, text in tags.items()}
    header |= {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    stream = io.BytesIO()
    OpenEXR.File(header, {"Y": np.ascontiguousarray(samples)}).write(stream)
    return stream.getvalue()


def decode_exr(data: bytes) -> tuple[Samples, Tags]:
    """Read channel Y or Z, or the only channel there is, of the first part."""
    with _silent():
        return _decode(data)


def _decode(data: bytes) -> tuple[Samples, Tags]:
    import OpenEXR

    with OpenEXR.File(io.BytesIO(data), header_only=True) as file:
        header = dict(file.header())  # the file clears its header when it is closed
        _bound([dict(part.header) for part in file.parts])
    first, last = header["dataWindow"]
    shape = int(last[1]) - int(first[1]) + 1, int(last[0]) - int(first[0]) + 1
    check_size(*shape)
    if header["type"] not in (OpenEXR.scanlineimage, OpenEXR.tiledimage):
        raise DepthFileError("it is a deep EXR: give a flat one")
    with OpenEXR.File(io.BytesIO(data), separate_channels=True) as file:
        channels = file.channels()
        name = next((known for known in ("Y", "Z") if known in channels), None)
        if name is None and len(channels) == 1:
            name = next(iter(channels))
        if name is None:
            raise DepthFileError(f"no channel Y or Z among its {', '.join(sorted(channels))}")
        samples = np.asarray(channels[name].pixels)
    if samples.shape != shape:
        raise DepthFileError(f"channel {name} does not have one sample a pixel")
    return samples, own_tags(header)


def _bound(headers: Iterable[dict[str, Any]]) -> None:
    """Refuse parts and channels that together become too much: the library reads them all."""
    total = 0
    for header in headers:
        first, last = header["dataWindow"]
        pixels = (int(last[1]) - int(first[1]) + 1) * (int(last[0]) - int(first[0]) + 1)
        total += pixels * 4 * max(1, len(header["channels"]))
        tiles = header.get("tiles")
        if tiles is not None and tiles.xSize * tiles.ySize > MAX_TILE_PX:
            raise DepthFileError("its tiles are too large: save it with smaller ones")
    if total > MOST_BYTES:
        raise DepthFileError(f"all its channels are over {MOST_BYTES // 1_000_000} MB")


class _FilteredStdout:
    """Replace standard output: drop what some threads print, and pass on the rest."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.silent: list[int] = []
        self.true: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.true, name)

    def write(self, text: str) -> int:
        if threading.get_ident() in self.silent:
            return len(text)
        return int(self.true.write(text))

    def flush(self) -> None:
        if threading.get_ident() not in self.silent:
            self.true.flush()


_STDOUT: Final = _FilteredStdout()


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what OpenEXR prints about a damaged file by Python's print: an error reports it."""
    me = threading.get_ident()
    with _STDOUT.lock:
        if not _STDOUT.silent:
            _STDOUT.true, sys.stdout = sys.stdout, _STDOUT
        _STDOUT.silent.append(me)
    try:
        yield
    finally:
        with _STDOUT.lock:
            _STDOUT.silent.remove(me)
            if not _STDOUT.silent and sys.stdout is _STDOUT:
                sys.stdout = _STDOUT.true
