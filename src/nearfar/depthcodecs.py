"""Samples and text tags to the bytes of each file format, and back.

What the samples mean is not known here: `depthfiles` says that. Each `encode_*` takes a
2-D array and tags, each `decode_*` gives them back. Decoders check the size that a header
claims before they allocate it, and raise whatever their library raises on damage.
"""

import io
import json
import logging
import re
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar import png
from nearfar.errors import DepthFileError
from nearfar.version import __version__

Samples = NDArray[Any]
"""(H, W) uint8, uint16 or float."""

Tags = dict[str, str]
"""Short ASCII keys, any text without NUL."""

MAX_PIXELS: Final = 100_000_000
MAX_TEXT_BYTES: Final = 1 << 20

_PREFIX: Final = "nearfar:"

# Python prints what a library logs on damaged files, unless its logger has a handler.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_PFM_HEADER: Final = re.compile(
    rb"P([fF])\s+(\d{1,9})\s+(\d{1,9})\s+([+-]?\d*\.?\d+(?:[eE][+-]?\d{1,3})?)\s"
)


def encode_png(samples: Samples, tags: Tags) -> bytes:
    """Grey PNG of 8 or 16 bits; tags as text."""
    return png.encode_png(samples, {_PREFIX + key: text for key, text in tags.items()})


def decode_png(data: bytes) -> tuple[Samples, Tags]:
    """Read a grey PNG of 8 or 16 bits."""
    width_px, height_px, bits, colour = struct.unpack_from(">IIBB", data, 16)
    _check_size(height_px, width_px)
    if colour != 0:
        raise DepthFileError("it is a picture in colour, not depth: give a grey PNG")
    if bits not in (8, 16):
        raise DepthFileError(f"it has {bits} bits a pixel: give a grey PNG of 8 or 16 bits")
    from PIL.PngImagePlugin import PngImageFile

    picture = PngImageFile(io.BytesIO(data))  # Image.open would warn from 89 megapixels on
    with picture:
        samples = np.asarray(picture)
        return samples, _own(picture.text)


def encode_exr(samples: Samples, tags: Tags) -> bytes:
    """One float32 channel Y, ZIP; tags as string attributes."""
    import OpenEXR

    header = {_PREFIX + key: text for key, text in tags.items()}
    header |= {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    stream = io.BytesIO()
    OpenEXR.File(header, {"Y": np.ascontiguousarray(samples)}).write(stream)
    return stream.getvalue()


def decode_exr(data: bytes) -> tuple[Samples, Tags]:
    """Read channel Y or Z, or the only channel there is, of the first part."""
    import OpenEXR

    with OpenEXR.File(io.BytesIO(data), header_only=True) as file:
        header = dict(file.header())  # the file empties its own when it is closed
    first, last = header["dataWindow"]
    shape = int(last[1]) - int(first[1]) + 1, int(last[0]) - int(first[0]) + 1
    _check_size(*shape)
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
    return samples, _own(header)


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
    header = _PFM_HEADER.match(data)
    if header is None:
        raise DepthFileError("its PFM header is damaged")
    colour, width, height, scale = header.groups()
    if colour == b"F":
        raise DepthFileError("it is a PFM in colour, not depth: give a grey one (Pf)")
    shape = int(height), int(width)
    _check_size(*shape)
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

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        _check_size(*page.shape)
        _check_float(page.dtype)
        samples = np.asarray(page.asarray())
        try:
            tags = json.loads(page.description)["nearfar"]
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
    return _read_array(io.BytesIO(data)), {}


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
        with archive.open(f"{main}.npy") as member:
            samples = _read_array(member)
        tags = {}
        for name in set(names) & {"kind", "model", "note"}:
            if archive.getinfo(f"{name}.npy").file_size > MAX_TEXT_BYTES:
                raise DepthFileError(f"its text {name!r} is too long")
            with archive.open(f"{name}.npy") as member:
                tags[name] = str(np.lib.format.read_array(member, allow_pickle=False))
    return samples, tags


def _read_array(stream: Any) -> Samples:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise DepthFileError(f"NPY version {version} is not known here")
    _check_size(*shape)
    _check_float(dtype)
    stream.seek(0)
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _check_size(*shape: int) -> None:
    if len(shape) != 2:
        raise DepthFileError(f"its shape is {shape}: give one map, (height, width)")
    height_px, width_px = shape
    if height_px < 1 or width_px < 1:
        raise DepthFileError(f"it is {width_px} x {height_px} pixels: it holds nothing")
    if height_px * width_px > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise DepthFileError(f"{width_px} x {height_px} pixels are over {limit} megapixels")


def _check_float(dtype: Any) -> None:
    if dtype is None or dtype.kind != "f" or dtype.itemsize > 8:
        raise DepthFileError(f"its values are {dtype}: give float32")


def _own(texts: dict[str, Any]) -> Tags:
    return {
        key.removeprefix(_PREFIX): str(text)
        for key, text in texts.items()
        if key.startswith(_PREFIX) and isinstance(text, str)
    }
