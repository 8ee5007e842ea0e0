"""Convert HDR and wide-gamut images to sRGB: color code points (cICP, nclx) and tone mapping."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

WHITE_NITS: Final = 203.0
"""Reference white of HDR, which maps to white of SDR (ITU-R BT.2408)."""

PEAK_NITS: Final = 1000.0
"""Peak luminance of the tone mapping; HLG's nominal peak."""

PQ: Final = 16
HLG: Final = 18
BT709: Final = 1
"""Primaries; as a transfer function, the gamma of SDR displays: `SDR_GAMMA`."""

BT2020: Final = 9
SDR_GAMMA: Final = 2.4
"""Gamma of an SDR display (ITU-R BT.1886)."""

_LINEAR: Final = 8
_SRGB: Final = 13
_STEPS: Final = 8192
"""Number of entries of the table of luminances up to the peak: an eighth of a nit each."""

_BLOCK_VALUES: Final = 2**18

_WHITE_D65: Final = (0.3127, 0.3290)
PRIMARIES: Final = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
"""Number -> x and y of red, green and blue (H.273, table 2); white is D65."""


@dataclass(frozen=True)
class Coding:
    """Color coding of an image or a frame that is not SDR with BT.709.

    Attributes:
        primaries: H.273 number of the color primaries.
        transfer: H.273 number of the transfer function.
    """

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer function is that of HDR."""
        return self.transfer in {PQ, HLG}


def coding(primaries: int, transfer: int) -> Coding | None:
    """Return the coding if colors must be converted; None for sRGB or equivalent."""
    if transfer in {PQ, HLG}:
        return Coding(primaries if primaries in PRIMARIES else BT2020, transfer)
    known = primaries if primaries in PRIMARIES else BT709
    if transfer == _LINEAR or known != BT709:
        return Coding(known, _LINEAR if transfer == _LINEAR else _SRGB)
    return None


def to_sdr(values: Values, meaning: Coding) -> Values:
    """Convert coded colors to linear light with BT.709 primaries, 1 being white.

    Args:
        values: (..., 3) RGB, 0 to 1, as coded.
        meaning: their color coding.
    """
    matrix = _matrix(meaning.primaries).T
    if meaning.is_hdr:
        nits = _pq_nits(values) if meaning.transfer == PQ else _hlg_nits(values)
        return np.asarray(np.clip(_tone_map(nits @ matrix) / WHITE_NITS, 0, 1))
    return np.asarray(np.clip(_sdr_light(values, meaning.transfer) @ matrix, 0, 1))


def to_srgb(image: NDArray[np.uint8], meaning: Coding) -> NDArray[np.uint8]:
    """Convert an 8-bit (H, W, 3) RGB image; the result is within one level of `to_sdr`."""
    tables = _tables(meaning)
    result = np.empty(image.shape, np.uint8)
    rows = max(1, _BLOCK_VALUES // max(1, image.shape[1]))
    for first in range(0, len(image), rows):
        light = tables.light[image[first : first + rows]]
        if meaning.transfer == HLG:
            light *= _luma(light)[..., None]
        light = np.asarray(light @ tables.matrix, np.float32)
        if meaning.is_hdr:
            brightest = light.max(-1)
            step = np.clip(brightest * (_STEPS / PEAK_NITS), 0, _STEPS).astype(np.int32)
            light *= (tables.compressed[step] / np.maximum(brightest, 1e-6))[..., None]
            light /= WHITE_NITS
        result[first : first + rows] = _CODES[(np.clip(light, 0, 1) * 65535).astype(np.uint16)]
    return result


@dataclass(frozen=True, eq=False)
class _Tables:
    """Lookup tables of `to_srgb`: light of each code, tone curve, and matrix of the primaries."""

    light: NDArray[np.float32]
    compressed: NDArray[np.float32]
    matrix: NDArray[np.float32]


@lru_cache(maxsize=4)
def _tables(meaning: Coding) -> _Tables:
    codes = np.arange(256) / 255
    if meaning.transfer == PQ:
        light = _pq_nits(codes)
    elif meaning.transfer == HLG:
        light = PEAK_NITS * _hlg_scene(codes)
    else:
        light = _sdr_light(codes, meaning.transfer)
    nits: Values = np.linspace(0.5, _STEPS + 0.5, _STEPS + 1) * (PEAK_NITS / _STEPS)
    compressed = _tone_map(nits[:, None])[:, 0]
    matrix = _matrix(meaning.primaries).T
    return _Tables(*(np.asarray(each, np.float32) for each in (light, compressed, matrix)))


def _luma(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factor of scene light in HLG's OOTF."""
    luma = light @ np.array([0.2627, 0.6780, 0.0593], np.float32) / np.float32(PEAK_NITS)
    return np.asarray(np.maximum(luma, 1e-9) ** np.float32(0.2), np.float32)


def _srgb_codes() -> NDArray[np.uint8]:
    light = np.arange(65536) / 65535
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(coded * 255), np.uint8)


def _sdr_light(values: Values, transfer: int) -> Values:
    if transfer == _LINEAR:
        return values
    if transfer == BT709:
        return np.asarray(values**SDR_GAMMA)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _pq_nits(values: Values) -> Values:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.clip(values, 0, 1) ** (1 / m2)
    return np.asarray(1e4 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _pq_encode(nits: Values) -> Values:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (np.maximum(nits, 0) / 1e4) ** m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def _hlg_scene(values: Values) -> Values:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


def _hlg_nits(values: Values) -> Values:
    """Convert HLG to the light of a display of `PEAK_NITS` (BT.2100: inverse OETF, then OOTF)."""
    scene = _hlg_scene(values)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(PEAK_NITS * scene * np.maximum(luma, 1e-9)[..., None] ** 0.2)


def _tone_map(nits: Values) -> Values:
    """Tone map to below reference white (BT.2390, EETF), keeping the ratios of the channels."""
    brightest = np.maximum(nits.max(-1, keepdims=True), 1e-6)
    peak = float(_pq_encode(np.array(PEAK_NITS)))
    white = float(_pq_encode(np.array(WHITE_NITS))) / peak
    knee = 1.5 * white - 0.5
    level = np.minimum(_pq_encode(brightest) / peak, 1)
    t = np.maximum(level - knee, 0) / (1 - knee)
    compressed = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * white
    )
    wanted = _pq_nits(np.where(level < knee, level, compressed) * peak)
    return np.asarray(nits * (wanted / brightest))


def _matrix(primaries: int) -> Values:
    """Return the matrix from linear RGB of these primaries to that of BT.709."""
    return np.asarray(np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(primaries))


def _to_xyz(primaries: int) -> Values:
    def xyz(x: float, y: float) -> list[float]:
        return [x / y, 1.0, (1 - x - y) / y]

    columns = np.array([xyz(*each) for each in PRIMARIES[primaries]]).T
    return np.asarray(columns * np.linalg.solve(columns, np.array(xyz(*_WHITE_D65))))


_CODES: Final = _srgb_codes()


_MAX_BOXES: Final = 10_000


def colors_of(format_: str, data: bytes, icc: bytes | None) -> tuple[Coding | None, bytes | None]:
    """Return an image's color coding if it is not sRGB, or else its color profile.

    PNG's cICP has priority over a profile (PNG, third edition, 13.13). In other formats the profile
    has priority, unless the code points indicate HDR, which profiles can't represent.

    Args:
        format_: see `ImageFile.format`.
        data: the file; damaged parts are ignored.
        icc: its color profile, if any.
    """
    with suppress(struct.error, IndexError):
        if format_ == "PNG" and (numbers := _png_code_points(data)) is not None:
            return coding(*numbers), None
        if format_ in {"AVIF", "HEIF"} and (numbers := _box_code_points(data)) is not None:
            declared = coding(*numbers)
            if icc is None or (declared is not None and declared.is_hdr):
                return declared, None
    return None, icc


def _png_code_points(data: bytes) -> tuple[int, int] | None:
    at = 8
    for _ in range(_MAX_BOXES):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"cICP":
            return data[at + 8], data[at + 9]
        if kind in {b"IDAT", b"IEND"}:
            break
        at += 12 + length
    return None


def _box_code_points(data: bytes) -> tuple[int, int] | None:
    """Read the color code points of the primary item (ISO/IEC 23008-12, 6.5.5 and 9.3)."""
    meta = next((body for kind, body in _boxes(data) if kind == b"meta"), None)
    if meta is None:
        return None
    parts = dict(_boxes(meta[4:]))
    properties = dict(_boxes(parts.get(b"iprp", b"")))
    listed = list(_boxes(properties.get(b"ipco", b"")))
    indices = _primary_properties(parts.get(b"pitm", b""), properties.get(b"ipma", b""))
    chosen = [listed[at - 1] for at in indices if 1 <= at <= len(listed)]
    for kind, body in chosen or listed:
        if kind == b"colr" and body[:4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            return primaries, transfer
    return None


def _primary_properties(pitm: bytes, ipma: bytes) -> list[int]:
    """Return the indices of the primary item's properties, from 1."""
    if not pitm or not ipma:
        return []
    (primary,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)
    long_id, wide = ipma[0] >= 1, ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(min(count, _MAX_BOXES)):
        (item,) = struct.unpack_from(">I" if long_id else ">H", ipma, at)
        at += 4 if long_id else 2
        size = 2 if wide else 1
        numbers = [
            int.from_bytes(ipma[each : each + size], "big") & (0x7FFF if wide else 0x7F)
            for each in range(at + 1, at + 1 + ipma[at] * size, size)
        ]
        if item == primary:
            return numbers
        at += 1 + ipma[at] * size
    return []


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        size = size or len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size
