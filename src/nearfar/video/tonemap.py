"""Colours of HDR and of wide gamut to BT.709, as a table for FFmpeg's lut3d.

Light that is given by PQ (SMPTE ST 2084) or HLG (ITU-R BT.2100) is brought to the range of SDR by
the curve of ITU-R BT.2390, which leaves what is darker than about half of paper white as it is.
"""

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar.extras import require
from nearfar.images import Image

Values = NDArray[np.float64]

WHITE_NITS: Final = 203.0
"""Paper white of HDR, which becomes the white of SDR (ITU-R BT.2408)."""

PEAK_NITS: Final = 1000.0
"""The brightest that is told from white; HLG's own nominal peak."""

_PQ: Final = 16
_HLG: Final = 18
_BT709: Final = 1
_BT2020: Final = 9
_UNSAID: Final = 2
_SDR_GAMMA: Final = 2.4  # ITU-R BT.1886
_STEPS: Final = 49

_WHITE_D65: Final = (0.3127, 0.3290)
_PRIMARIES: Final = {
    _BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
"""FFmpeg's number -> x and y of red, green and blue (ITU-T H.273, table 2); white is D65."""


@dataclass(frozen=True)
class Colours:
    """What a frame's numbers mean, where they mean other than BT.709.

    Attributes:
        transfer: FFmpeg's number of the curve.
        primaries: FFmpeg's number of the primaries.
    """

    transfer: int
    primaries: int

    @property
    def is_hdr(self) -> bool:
        """Whether light is brighter than SDR can show."""
        return self.transfer in {_PQ, _HLG}


def colours_of(transfer: int, primaries: int) -> Colours | None:
    """Say whether colours must be converted; None where they are BT.709, or as good as that."""
    if transfer in {_PQ, _HLG}:
        return Colours(transfer, _BT2020 if primaries not in _PRIMARIES else primaries)
    if primaries in _PRIMARIES and primaries != _BT709:
        return Colours(_BT709, primaries)
    return None


def to_sdr(values: Values, colours: Colours) -> Values:
    """Convert colours.

    Args:
        values: (..., 3) RGB, 0 to 1, by the curve and the primaries of `colours`.
        colours: what they mean.

    Returns:
        (..., 3) RGB, 0 to 1, by BT.1886 and the primaries of BT.709.
    """
    if colours.is_hdr:
        nits = _pq_nits(values) if colours.transfer == _PQ else _hlg_nits(values)
        light = _compressed(nits @ _matrix(colours.primaries).T) / WHITE_NITS
    else:
        light = (values**_SDR_GAMMA) @ _matrix(colours.primaries).T
    return np.asarray(np.clip(light, 0, 1) ** (1 / _SDR_GAMMA))


class ToneMapper:
    """Converts frames of one size. For one thread at a time."""

    def __init__(self, colours: Colours, size_px: tuple[int, int]) -> None:
        av = require("av")
        self._graph = graph = av.filter.Graph()
        template = av.VideoFrame(*size_px, "gbrp16le")
        self._entrance = graph.add_buffer(template=template, time_base="1/1")
        with tempfile.TemporaryDirectory(prefix="nearfar-") as folder:
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
def _cube(colours: Colours) -> bytes:
    """Tabulate `to_sdr` as an Adobe Cube LUT: red changes fastest."""
    steps = np.linspace(0, 1, _STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = to_sdr(np.stack([red, green, blue], -1).reshape(-1, 3), colours)
    lines = [f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in table.tolist()]
    return "\n".join([f"LUT_3D_SIZE {_STEPS}", *lines, ""]).encode()


def _pq_nits(values: Values) -> Values:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.clip(values, 0, 1) ** (1 / m2)
    return np.asarray(1e4 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _pq_of(nits: Values) -> Values:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (np.maximum(nits, 0) / 1e4) ** m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def _hlg_nits(values: Values) -> Values:
    """HLG to the light of a screen of `PEAK_NITS` (BT.2100: inverse OETF, then OOTF)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(PEAK_NITS * scene * np.maximum(luma, 1e-9)[..., None] ** 0.2)


def _compressed(nits: Values) -> Values:
    """Bring light below paper white (BT.2390, EETF), the ratios of the channels kept."""
    brightest = np.maximum(nits.max(-1, keepdims=True), 1e-6)
    peak = float(_pq_of(np.array(PEAK_NITS)))
    most = float(_pq_of(np.array(WHITE_NITS))) / peak
    knee = 1.5 * most - 0.5
    level = np.minimum(_pq_of(brightest) / peak, 1)
    t = np.maximum(level - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * most
    )
    wanted = _pq_nits(np.where(level < knee, level, bent) * peak)
    return np.asarray(nits * (wanted / brightest))


def _matrix(primaries: int) -> Values:
    """Linear RGB of these primaries to that of BT.709."""
    return np.asarray(np.linalg.inv(_to_xyz(_BT709)) @ _to_xyz(primaries))


def _to_xyz(primaries: int) -> Values:
    def xyz(x: float, y: float) -> list[float]:
        return [x / y, 1.0, (1 - x - y) / y]

    columns = np.array([xyz(*each) for each in _PRIMARIES[primaries]]).T
    return np.asarray(columns * np.linalg.solve(columns, np.array(xyz(*_WHITE_D65))))
