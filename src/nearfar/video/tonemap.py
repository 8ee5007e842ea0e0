"""Frames of HDR and of wide gamut to BT.709, by a table for FFmpeg's lut3d."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from nearfar.io.images import Image
from nearfar.io.images.hdr import BT709, BT2020, HLG, PQ, PRIMARIES, SDR_GAMMA, Coding, to_sdr
from nearfar.io.paths import temporary_root
from nearfar.optional import require

_STEPS: Final = 49


def colours_of(transfer: int, primaries: int) -> Coding | None:
    """Say whether a frame must be converted; None where it is BT.709, or as good as that.

    Args:
        transfer: FFmpeg's number of the curve.
        primaries: FFmpeg's number of the primaries.
    """
    if transfer in {PQ, HLG}:
        return Coding(primaries if primaries in PRIMARIES else BT2020, transfer)
    if primaries in PRIMARIES and primaries != BT709:
        return Coding(primaries, BT709)  # all curves of SDR are meant for the same screen
    return None


class ToneMapper:
    """Converts frames of one size. For one thread at a time."""

    def __init__(self, colours: Coding, size_px: tuple[int, int]) -> None:
        av = require("av")
        self._graph = graph = av.filter.Graph()
        template = av.VideoFrame(*size_px, "gbrp16le")
        self._entrance = graph.add_buffer(template=template, time_base="1/1")
        with tempfile.TemporaryDirectory(prefix="nearfar-", dir=temporary_root()) as folder:
            path = Path(folder, "colours.cube")
            path.write_bytes(_cube(colours))
            lut = graph.add("lut3d", file=str(path), interp="tetrahedral")
        eight_bits = graph.add("format", "gbrp")
        self._exit = graph.add("buffersink")
        for before, after in ((self._entrance, lut), (lut, eight_bits), (eight_bits, self._exit)):
            before.link_to(after)
        graph.configure()

    def __call__(self, frame: Any) -> Image:
        """Convert a frame of `gbrp16le` to (H, W, 3) uint8 RGB."""
        self._entrance.push(frame)
        return np.asarray(self._exit.pull().to_ndarray(), np.uint8)


@lru_cache(maxsize=4)
def _cube(colours: Coding) -> bytes:
    """Tabulate a conversion to BT.1886 as an Adobe Cube LUT: red changes fastest."""
    steps = np.linspace(0, 1, _STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    light = to_sdr(np.stack([red, green, blue], -1).reshape(-1, 3), colours)
    table = light ** (1 / SDR_GAMMA)
    lines = [f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in table.tolist()]
    return "\n".join([f"LUT_3D_SIZE {_STEPS}", *lines, ""]).encode()
