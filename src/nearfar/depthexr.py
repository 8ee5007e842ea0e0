"""Samples and text tags to the bytes of an OpenEXR file, and back."""

import io
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from nearfar.depthbounds import MOST_BYTES, check_size
from nearfar.errors import DepthFileError
from nearfar.io.depth_codecs import PREFIX, Samples, Tags, own_tags
from nearfar.io.images.tiff import MOST_TILE_PX


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
        header = dict(file.header())  # the file empties its own when it is closed
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
        if tiles is not None and tiles.xSize * tiles.ySize > MOST_TILE_PX:
            raise DepthFileError("its tiles are too large: save it with smaller ones")
    if total > MOST_BYTES:
        raise DepthFileError(f"all its channels are over {MOST_BYTES // 1_000_000} MB")


class _Listening:
    """Stands for standard output: what some threads print goes nowhere, the rest where it went."""

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


_STDOUT: Final = _Listening()


@contextmanager
def _silent() -> Iterator[None]:
    """Keep in what OpenEXR prints of a damaged file by Python's print: an error tells of it."""
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
