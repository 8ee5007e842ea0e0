"""Keep the depth of a clip steady: temporal alignment of each frame's range, scene cuts, filter.

A network gives each frame inverse depth of a scale and shift of its own. To color each frame by
its own limits makes a video flicker, most of all when something near comes into view. Here the
limits are carried along: what did not move keeps its color, the limits glide towards those of
the frame, and a cut starts anew.

The live stream has to take frames as they are; a file can be looked at ahead. Limits of depth
then begin to widen before something near comes into view, and what they end at in a scene they
have from its first frame on. Where wished, maps are also smoothed along the optical flow.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.errors import DepthMapError
from nearfar.estimator import Estimator
from nearfar.imaging.normalize import UNIT
from nearfar.imaging.optical_flow import Flow, Grey, grey_of, shrunk
from nearfar.io.images import Image

Map = NDArray[np.float32]
"""(h, w) float32, larger = nearer, as a network gave it."""

SHARE: Final = 0.02
"""Part of a frame that may lie below, and above, the limits: the 2nd and 98th percentile."""

GROW_S: Final = 0.4
"""Time in which limits that are too narrow come 63 % closer to those of the frame."""

SHRINK_S: Final = 2.0
"""The same for limits that are too wide: unused colors disturb less than clipped ones."""

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
    that the still parts keep their color. Then the limits glide to the frame's percentiles.
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


class SteadyMap(DepthMap):
    """Relative depth whose nearness is that of its clip, not of the frame alone.

    Attributes:
        inverse_depth: (H, W) float32; 0 is the far limit and what lies behind it, 1 the near
            limit; over 1 is what stands nearer yet.
    """

    def limits(self, *, robust: bool = False) -> tuple[np.float32, np.float32]:  # noqa: ARG002
        """Give 0 and 1: the same depth looks alike in all frames of a scene, `robust` or not."""
        return UNIT


def finish(estimator: Estimator, raw: Map, photo: Image, limits: Limits) -> SteadyMap:
    """Turn what the network gave for one frame into a map in the range of its clip.

    Args:
        estimator: whose network it was.
        raw: (h, w) float32.
        photo: (H, W, 3) uint8 RGB, the frame.
        limits: of the frame, in the values of `raw`.

    Returns:
        A map of the frame's size.
    """
    spread = np.zeros_like(raw)
    if not limits.is_flat:
        scale = 1 / (limits.high - limits.low)
        np.multiply(raw, np.float32(scale), out=spread)
        spread -= np.float32(limits.low * scale)
        np.maximum(spread, 0, out=spread)
    depth = estimator.relative(spread, photo)
    # the estimator has lifted a map of unknown shift until its farthest pixel was 0
    lifted = np.float32(spread.min()) if estimator.spec.output.zero == "free" else 0
    values = depth.inverse_depth + lifted if lifted else depth.inverse_depth
    return SteadyMap(values, depth.model)


UNLIKE: Final = 0.85
"""Thumbnails that differ by more than this part of their contrast show two scenes.

At the cuts of real clips it is 1.1 and more, between two photos of examples/ 1.2; where a car
rushes through the whole picture it reaches 0.64, else hardly 0.4.
"""

_NOISE: Final = 2.0
"""Levels of 255 that even an empty picture varies by."""


class Cuts:
    """Compares each photo with the one before, by thumbnails; how bright they are is no matter."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def goes_on(self, grey: Grey) -> bool:
        """Say whether a photo shows the scene of the one before; true of the first.

        Args:
            grey: (h, w) uint8, the photo without colors, of any size.
        """
        before, self._before = self._before, _thumbnail(grey)
        return before is None or unlikeness(before, self._before) <= UNLIKE


def unlikeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Give the mean absolute difference of two thumbnails, in parts of their mean deviation."""
    contrast = float(np.abs(one).mean() + np.abs(other).mean()) / 2
    return float(np.abs(one - other).mean()) / (contrast + _NOISE)


def _thumbnail(grey: Grey) -> NDArray[np.float32]:
    """Give brightness less its mean, small."""
    small = shrunk(grey, CELLS[::-1])
    return np.asarray(small - np.float32(small.mean()), np.float32)


Ticket = TypeVar("Ticket")

AHEAD_S: Final = 0.5
"""How far one looks ahead; limits that are too narrow are then three quarters of the way."""

KEPT: Final = 0.92
"""Part of the map before in a smoothed one, where nothing speaks against it."""

_SAME_GREY: Final = 40.0
"""Levels of 255; a pixel that changes much more shows something else than before."""

_SAME_DEPTH: Final = 0.25
"""Part of the range; a map that changes much more is true, and no flicker: 0.4 smears what moves.
"""

_ALL_DOUBT: Final = 9.0
_BLUR_PX: Final = (5, 5)
_AROUND: Final = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Raw(Generic[Ticket]):
    """What a network gave for one frame.

    Attributes:
        ticket: whatever belongs to the frame.
        photo: (H, W, 3) uint8 RGB.
        raw: (h, w) float32, larger = nearer.
        time_s: when the frame is shown.
    """

    ticket: Ticket
    photo: Image
    raw: Map
    time_s: float


@dataclass(frozen=True, eq=False)
class Steadied(Generic[Ticket]):
    """The same, made steady.

    Attributes:
        ticket: of the frame.
        raw: (h, w) float32, smoothed if that was wished.
        limits: what is far and near in it.
    """

    ticket: Ticket
    raw: Map
    limits: Limits


@dataclass(frozen=True)
class _Waiting(Generic[Ticket]):  # a generic NamedTuple would need Python 3.11
    steadied: Steadied[Ticket]
    change: Change | None


def stabilize(
    frames: Iterable[Raw[Ticket]], *, ahead: int, smooth: bool = True
) -> Iterator[Steadied[Ticket]]:
    """Make the maps of a clip steady.

    The limits of a frame are those that `SteadyRange` has `ahead` frames later, or at the
    scene's end, carried back by the changes of scale and shift between. A cut, which the
    photos tell, begins anew.

    Args:
        frames: in order, from the start; their maps of one size.
        ahead: how many frames are looked at, and held, before one is given out; 0 or more.
        smooth: also smooth along the flow, see `Smoother`.

    Yields:
        One for each frame, in order.
    """
    steady, cuts, smoother = SteadyRange(), Cuts(), Smoother() if smooth else None
    waiting: deque[_Waiting[Ticket]] = deque()
    before_s: float | None = None
    for frame in frames:
        elapsed_s = 0.0 if before_s is None else frame.time_s - before_s
        before_s = frame.time_s
        height, width = frame.raw.shape
        # what flickers is wide: half the map's size takes away as much of it as the whole would
        grey = grey_of(frame.photo, (max(1, height // 2), max(1, width // 2)))
        goes_on = cuts.goes_on(grey)
        limits = steady.follow(frame.raw, elapsed_s=elapsed_s, goes_on=goes_on)
        raw = frame.raw
        if smoother is not None:
            raw = smoother(raw, grey, limits, steady.change)
        if limits.is_new:
            yield from _given_out(waiting, leave=0)
        waiting.append(_Waiting(Steadied(frame.ticket, raw, limits), steady.change))
        yield from _given_out(waiting, leave=ahead)
    yield from _given_out(waiting, leave=0)


def _given_out(waiting: deque[_Waiting[Ticket]], *, leave: int) -> Iterator[Steadied[Ticket]]:
    while len(waiting) > leave:
        limits = waiting[-1].steadied.limits
        for index in range(len(waiting) - 1, 0, -1):
            change = waiting[index].change
            if change is not None:
                limits = change.back(limits)
        first = waiting.popleft().steadied
        yield Steadied(first.ticket, first.raw, limits._replace(is_new=first.limits.is_new))


class Smoother:
    """Smooths maps along the optical flow, recursively. For one thread at a time.

    The smoothed map before is brought to the new one's scale and shift, and moved along the
    flow. It counts less the more a pixel's brightness or depth differs from what was foretold,
    so that what is uncovered, and what truly comes nearer, shows no trail. All of that is done
    at the size of the grey picture; the new map only gets what it was changed by, and so keeps
    its edges.
    """

    def __init__(self) -> None:
        self._flow = Flow()
        self._before: tuple[Grey, Map] | None = None

    def __call__(self, raw: Map, grey: Grey, limits: Limits, change: Change | None) -> Map:
        """Smooth the next map.

        Args:
            raw: (h, w) float32.
            grey: (h', w') uint8, the photo without colors, smaller than the map.
            limits: of the map.
            change: from the map before; None begins anew.

        Returns:
            (h, w) float32, in the values of `raw`.
        """
        small = np.asarray(shrunk(raw, grey.shape), np.float32)
        if self._before is None or change is None or limits.is_flat:
            self._before = grey, small
            return raw
        old_grey, old = self._before
        places = self._flow.places(grey, old_grey)
        step = places.of(old)
        step *= np.float32(change.gain)
        step += np.float32(change.shift)
        step -= small
        doubt = np.square(step * np.float32(1 / (_SAME_DEPTH * (limits.high - limits.low))))
        doubt += np.square((places.of(old_grey) - grey) * np.float32(1 / _SAME_GREY))
        # blurred, or each pixel's own weight would print the photo's grain on the map
        doubt = cv2.blur(cv2.dilate(np.minimum(doubt, _ALL_DOUBT), _AROUND), _BLUR_PX)
        step *= np.float32(KEPT) * np.exp(-doubt)
        self._before = grey, small + step
        smoothed: Map = cv2.resize(step, raw.shape[::-1], interpolation=cv2.INTER_LINEAR) + raw
        return smoothed
