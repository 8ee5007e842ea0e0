"""A range of depths that is steady from frame to frame.

A network gives each frame inverse depth of a scale and shift of its own. To colour each frame by
its own limits makes a video flicker, most of all when something near comes into view. Here the
limits are carried along: what did not move keeps its colour, the limits glide towards those of
the frame, and a cut starts anew.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DepthMapError
from nearfar.imaging.optical_flow import shrunk

Map = NDArray[np.float32]
"""(h, w) float32, larger = nearer, as a network gave it."""

SHARE: Final = 0.02
"""Part of a frame that may lie below, and above, the limits: the 2nd and 98th percentile."""

GROW_S: Final = 0.4
"""Time in which limits that are too narrow come 63 % closer to those of the frame."""

SHRINK_S: Final = 2.0
"""The same for limits that are too wide: unused colours disturb less than clipped ones."""

LARGEST_STEP: Final = 0.03
"""No limit moves by more than this part of the range between two frames."""

CELLS: Final = (16, 12)
"""Columns and rows of the thumbnail by which two frames are compared."""

STILL: Final = 0.1
"""A cell that differs by less than this part of the range shows what it showed before."""

CUT: Final = 0.6
"""With fewer still cells than this part of all, a frame is another scene.

Between different photos at most 56 % of the cells agree; while a camera pans, or something of a
third of the picture enters, at least 64 % (bundled model, photos in examples/).
"""

_SAMPLES: Final = 4096
_ROUNDS: Final = 2
_EPSILON: Final = 1e-6
_TINY: Final = 1e-20
_GAINS: Final = (0.67, 1.5)


class Limits(NamedTuple):
    """What counts as farthest and as nearest in one frame, in the network's own values.

    Attributes:
        low: shown as 0.
        high: shown as 1.
        is_new: the frame begins a scene: it is the first, or the first after a cut.
    """

    low: float
    high: float
    is_new: bool

    @property
    def is_flat(self) -> bool:
        """Whether they are so close that float32 has nothing between them worth showing."""
        return _is_flat(self.low, self.high)

    def spread(self, raw: Map) -> Map:
        """Carry a frame to 0 (far) .. 1 (near), clipped; all 0 if the limits are equal.

        Args:
            raw: (h, w) float32.

        Returns:
            (h, w) float32.
        """
        if self.is_flat:
            return np.zeros_like(raw)
        scale = 1 / (self.high - self.low)
        spread: Map = raw * np.float32(scale)
        spread -= np.float32(self.low * scale)
        np.clip(spread, 0, 1, out=spread)
        return spread


class Change(NamedTuple):
    """How the values of what stood still went from one frame to the next.

    Attributes:
        gain: new value = gain * old value + shift.
        shift: in the network's own values.
    """

    gain: float
    shift: float

    def back(self, limits: Limits) -> Limits:
        """Carry limits from the new frame's values to the old one's."""
        low, high = ((value - self.shift) / self.gain for value in limits[:2])
        return Limits(low, high, limits.is_new)


_NOTHING: Final = Change(1.0, 0.0)


@dataclass
class _Scene:
    low: float
    high: float
    cells: Map


class SteadyRange:
    """Carries the limits of one stream from frame to frame. For one thread at a time.

    Each frame is first laid over the one before: the change of scale and shift that its still
    parts went through (least squares, trimmed: Rousseeuw 1984) is made by the limits too, so
    that the still parts keep their colour. Then the limits glide to the frame's percentiles.
    """

    def __init__(self) -> None:
        self._scene: _Scene | None = None
        self.change: Change | None = None
        """From the frame before to the one followed last; None where that began a scene."""

    def __call__(self, raw: Map, *, elapsed_s: float = 1 / 30) -> Map:
        """Follow a frame and spread it; see `follow` and `Limits.spread`."""
        return self.follow(raw, elapsed_s=elapsed_s).spread(raw)

    def follow(self, raw: Map, *, elapsed_s: float = 1 / 30, goes_on: bool | None = None) -> Limits:
        """Take the next frame.

        Args:
            raw: (h, w) float32 of any size; sizes may change from frame to frame.
            elapsed_s: time since the frame before.
            goes_on: whether the scene is that of the frame before, where the photos tell it;
                if not given, the maps have to.

        Returns:
            The limits for this frame.

        Raises:
            DepthMapError: the frame is empty, or has values that are not finite; the limits
                stay as they were.
        """
        low, high = _percentiles(raw)
        cells = np.asarray(shrunk(raw, CELLS[::-1]), np.float32)
        before = self._scene
        self.change = None
        if before is not None and goes_on is not False:
            self.change = _changed(before, cells) or (_NOTHING if goes_on else None)
        if before is None or self.change is None:
            self._scene = _Scene(low, high, cells)
            return Limits(low, high, is_new=True)
        gain, shift = self.change
        carried_low, carried_high = gain * before.low + shift, gain * before.high + shift
        width = carried_high - carried_low
        now = _Scene(
            carried_low + _step(low - carried_low, width, elapsed_s, grows=low < carried_low),
            carried_high + _step(high - carried_high, width, elapsed_s, grows=high > carried_high),
            cells,
        )
        self._scene = now
        return Limits(now.low, now.high, is_new=False)

    def reset(self) -> None:
        """Forget the scene: the next frame begins a new one."""
        self._scene = None
        self.change = None


def _is_flat(low: float, high: float) -> bool:
    return high - low <= max(abs(low), abs(high), _TINY) * _EPSILON


def _percentiles(raw: Map) -> tuple[float, float]:
    if raw.ndim != 2 or not raw.size:
        raise DepthMapError(f"a frame of shape {raw.shape}: give (height, width)")
    if not math.isfinite(float(raw.max()) - float(raw.min())):
        raise DepthMapError("a frame with values that are not finite: check the model's file")
    stride = max(1, math.isqrt(raw.size // _SAMPLES))
    values = raw[stride // 2 :: stride, stride // 2 :: stride].ravel()
    if not values.size:
        values = raw.ravel()
    low = int(SHARE * (values.size - 1))
    high = values.size - 1 - low
    parted = np.partition(values, (low, high))
    return float(parted[low]), float(parted[high])


def _changed(before: _Scene, cells: Map) -> Change | None:
    """Lay the new frame over the one before; None at a cut."""
    width = before.high - before.low
    if _is_flat(before.low, before.high):
        return None
    was = (before.cells.ravel() - before.low) / width
    now = (cells.ravel() - before.low) / width
    gain, shift = 1.0, 0.0
    away = np.abs(now - was)
    for _ in range(_ROUNDS):
        half = float(np.partition(away, away.size // 2)[away.size // 2])
        kept = away <= max(STILL / 4, half)
        gain, shift = _fit(was[kept], now[kept])
        away = np.abs(now - (gain * was + shift))
    still = np.count_nonzero(away < STILL)
    if still < CUT * away.size or not _GAINS[0] < gain < _GAINS[1]:
        return None
    return Change(gain, before.low * (1 - gain) + shift * width)


def _fit(was: Map, now: Map) -> tuple[float, float]:
    """Fit a gain and a shift; of either axis alike, or noise would make each gain too small."""
    middle_was, middle_now = float(was.sum()) / was.size, float(now.sum()) / now.size
    power_was = float(was @ was) / was.size - middle_was**2
    power_now = float(now @ now) / now.size - middle_now**2
    gain = 1.0
    if min(power_was, power_now) > (STILL / 2) ** 2:
        gain = math.sqrt(power_now / power_was)
    return gain, middle_now - gain * middle_was


def _step(missing: float, width: float, elapsed_s: float, *, grows: bool) -> float:
    part = 1 - math.exp(-max(elapsed_s, 0.0) / (GROW_S if grows else SHRINK_S))
    most = LARGEST_STEP * width
    return min(max(part * missing, -most), most)
