"""Stabilize the depth of a clip: align each frame's range, detect scene cuts, filter over time.

A network's inverse depth has another scale and shift in each frame. Normalizing each frame by its
own limits makes a video flicker, most of all when a near object enters. Here the limits are
carried from frame to frame: static parts keep their color, the limits approach those of the frame
gradually, and a cut resets them.

A live stream uses past frames only; for a file there is look-ahead. Then the limits start to widen
before a near object enters, and a scene has its final limits from its first frame on. Optionally
the maps are also smoothed along the optical flow.
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
from nearfar.imaging.optical_flow import Flow, Gray, downscale, to_gray
from nearfar.io.images import Image

Map = NDArray[np.float32]
"""(h, w) float32, larger = nearer, the network's output."""

CLIPPED_SHARE: Final = 0.02
"""Share of a frame's values below, and above, the limits: the 2nd and 98th percentile."""

GROW_S: Final = 0.4
"""Time constant with which too narrow limits approach those of the frame."""

SHRINK_S: Final = 2.0
"""The same for too wide limits: unused colors are less disturbing than clipped values."""

MAX_STEP: Final = 0.03
"""Largest change of a limit between two frames, as a share of the range."""

CELLS: Final = (16, 12)
"""Columns and rows of the thumbnails that are compared between frames."""

STATIC_CHANGE: Final = 0.1
"""A cell that changes by less than this share of the range is static."""

MIN_STATIC_SHARE: Final = 0.6
"""With a smaller share of static cells, a frame is a new scene.

Of different photos at most 56 % of the cells agree; while a camera pans, or an object that covers
a third of the image enters, at least 64 % (bundled model, photos in examples/).
"""

_SAMPLES: Final = 4096
_FIT_ITERATIONS: Final = 2
_EPSILON: Final = 1e-6
_TINY: Final = 1e-20
_GAINS: Final = (0.67, 1.5)


class Limits(NamedTuple):
    """Farthest and nearest value of one frame, in the network's values.

    Attributes:
        low: maps to 0.
        high: maps to 1.
        is_new: whether the frame begins a scene: the first one, or the first after a cut.
    """

    low: float
    high: float
    is_new: bool

    @property
    def is_flat(self) -> bool:
        """Whether the limits are equal within float32 precision."""
        return _is_flat(self.low, self.high)

    def spread(self, raw: Map) -> Map:
        """Map a frame to 0 (far) .. 1 (near), clipped; all 0 if the limits are equal.

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
    """Change of the values of static parts from one frame to the next.

    Attributes:
        gain: new value = gain * old value + shift.
        shift: in the network's values.
    """

    gain: float
    shift: float

    def undo(self, limits: Limits) -> Limits:
        """Convert limits from the new frame's values to the old frame's."""
        low, high = ((value - self.shift) / self.gain for value in limits[:2])
        return Limits(low, high, limits.is_new)


_NO_CHANGE: Final = Change(1.0, 0.0)


@dataclass
class _Scene:
    low: float
    high: float
    cells: Map


class SteadyRange:
    """Carries the limits of one stream from frame to frame. Not thread-safe.

    First the change of scale and shift of the static parts is estimated by trimmed least squares
    (Rousseeuw 1984) and applied to the limits, so that static parts keep their color. Then the
    limits approach the frame's percentiles.
    """

    def __init__(self) -> None:
        self._scene: _Scene | None = None
        self.change: Change | None = None
        """Change from the previous frame to the last one; None if that begins a scene."""

    def __call__(self, raw: Map, *, elapsed_s: float = 1 / 30) -> Map:
        """Follow a frame and map it to 0 .. 1; see `follow` and `Limits.spread`."""
        return self.follow(raw, elapsed_s=elapsed_s).spread(raw)

    def follow(
        self, raw: Map, *, elapsed_s: float = 1 / 30, same_scene: bool | None = None
    ) -> Limits:
        """Update the limits with the next frame.

        Args:
            raw: (h, w) float32 of any size, which may change from frame to frame.
            elapsed_s: time since the previous frame.
            same_scene: whether the scene continues, if known from the photos; None to estimate it
                from the maps.

        Returns:
            The limits for this frame.

        Raises:
            DepthMapError: the frame is empty or has non-finite values; the limits are unchanged.
        """
        low, high = _percentiles(raw)
        cells = np.asarray(downscale(raw, CELLS[::-1]), np.float32)
        before = self._scene
        self.change = None
        if before is not None and same_scene is not False:
            self.change = _estimate_change(before, cells) or (_NO_CHANGE if same_scene else None)
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
        raise DepthMapError(f"a frame must be (height, width), not of shape {raw.shape}")
    if not math.isfinite(float(raw.max()) - float(raw.min())):
        raise DepthMapError("a frame has values that are not finite: check the model's file")
    stride = max(1, math.isqrt(raw.size // _SAMPLES))
    values = raw[stride // 2 :: stride, stride // 2 :: stride].ravel()
    if not values.size:
        values = raw.ravel()
    low = int(CLIPPED_SHARE * (values.size - 1))
    high = values.size - 1 - low
    partitioned = np.partition(values, (low, high))
    return float(partitioned[low]), float(partitioned[high])


def _estimate_change(before: _Scene, cells: Map) -> Change | None:
    """Align the new frame to the previous one; return None at a cut."""
    width = before.high - before.low
    if _is_flat(before.low, before.high):
        return None
    old = (before.cells.ravel() - before.low) / width
    now = (cells.ravel() - before.low) / width
    gain, shift = 1.0, 0.0
    difference = np.abs(now - old)
    for _ in range(_FIT_ITERATIONS):
        half = float(np.partition(difference, difference.size // 2)[difference.size // 2])
        kept = difference <= max(STATIC_CHANGE / 4, half)
        gain, shift = _fit(old[kept], now[kept])
        difference = np.abs(now - (gain * old + shift))
    static = np.count_nonzero(difference < STATIC_CHANGE)
    if static < MIN_STATIC_SHARE * difference.size or not _GAINS[0] < gain < _GAINS[1]:
        return None
    return Change(gain, before.low * (1 - gain) + shift * width)


def _fit(old: Map, now: Map) -> tuple[float, float]:
    """Fit gain and shift symmetrically in both axes; else noise would bias the gain downwards."""
    mean_old, mean_new = float(old.sum()) / old.size, float(now.sum()) / now.size
    variance_old = float(old @ old) / old.size - mean_old**2
    variance_new = float(now @ now) / now.size - mean_new**2
    gain = 1.0
    if min(variance_old, variance_new) > (STATIC_CHANGE / 2) ** 2:
        gain = math.sqrt(variance_new / variance_old)
    return gain, mean_new - gain * mean_old


def _step(missing: float, width: float, elapsed_s: float, *, grows: bool) -> float:
    part = 1 - math.exp(-max(elapsed_s, 0.0) / (GROW_S if grows else SHRINK_S))
    limit = MAX_STEP * width
    return min(max(part * missing, -limit), limit)


class SteadyMap(DepthMap):
    """Relative depth whose nearness refers to the range of its clip instead of its frame.

    Attributes:
        inverse_depth: (H, W) float32; 0 is the far limit and everything beyond it, 1 the near
            limit; nearer values are above 1.
    """

    def limits(self, *, robust: bool = False) -> tuple[np.float32, np.float32]:  # noqa: ARG002
        """Return 0 and 1, so that a scene has equal colors in all frames, `robust` or not."""
        return UNIT


def finish(estimator: Estimator, raw: Map, photo: Image, limits: Limits) -> SteadyMap:
    """Convert the network's output for one frame to a map in the range of its clip.

    Args:
        estimator: of the network.
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
    # with an unknown shift, the estimator has shifted the map so that its minimum is 0
    lifted = np.float32(spread.min()) if estimator.spec.output.zero == "free" else 0
    values = depth.inverse_depth + lifted if lifted else depth.inverse_depth
    return SteadyMap(values, depth.model)


MAX_DIFFERENCE: Final = 0.85
"""Thumbnails that differ by more, relative to their contrast, show two scenes.

At the cuts of real clips the difference is 1.1 or more, between two photos of examples/ 1.2; where
a car passes through the whole image it reaches 0.64, otherwise hardly 0.4.
"""

_NOISE: Final = 2.0
"""Noise of thumbnails without contrast, in levels of 255."""


class SceneCuts:
    """Detects scene cuts by comparing thumbnails of consecutive photos, without mean brightness."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def is_same_scene(self, gray: Gray) -> bool:
        """Return whether a photo shows the scene of the previous one; True for the first.

        Args:
            gray: (h, w) uint8, the photo in gray, of any size.
        """
        before, self._before = self._before, _thumbnail(gray)
        return before is None or thumbnail_difference(before, self._before) <= MAX_DIFFERENCE


def thumbnail_difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the mean absolute difference of two thumbnails, relative to their mean deviation."""
    contrast = float(np.abs(one).mean() + np.abs(other).mean()) / 2
    return float(np.abs(one - other).mean()) / (contrast + _NOISE)


def _thumbnail(gray: Gray) -> NDArray[np.float32]:
    """Return brightness minus its mean, scaled down."""
    small = downscale(gray, CELLS[::-1])
    return np.asarray(small - np.float32(small.mean()), np.float32)


Ticket = TypeVar("Ticket")

LOOK_AHEAD_S: Final = 0.5
"""Duration of the look-ahead, in which too narrow limits make 3/4 of their adjustment."""

SMOOTHING: Final = 0.92
"""Largest weight of the previous map in a smoothed one."""

_SAME_GRAY: Final = 40.0
"""In levels of 255; a pixel that changes much more shows another object."""

_SAME_DEPTH: Final = 0.25
"""As a share of the range; a larger change of a map is real motion: 0.4 smears moving objects."""

_MAX_DOUBT: Final = 9.0
_BLUR_PX: Final = (5, 5)
_DILATION: Final = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Raw(Generic[Ticket]):
    """The network's output for one frame.

    Attributes:
        ticket: any data of the caller.
        photo: (H, W, 3) uint8 RGB.
        raw: (h, w) float32, larger = nearer.
        time_s: presentation time.
    """

    ticket: Ticket
    photo: Image
    raw: Map
    time_s: float


@dataclass(frozen=True, eq=False)
class Stabilized(Generic[Ticket]):
    """The stabilized output for one frame.

    Attributes:
        ticket: any data of the caller.
        raw: (h, w) float32, possibly smoothed.
        limits: its range.
    """

    ticket: Ticket
    raw: Map
    limits: Limits


@dataclass(frozen=True)
class _Waiting(Generic[Ticket]):  # a generic NamedTuple would need Python 3.11
    stabilized: Stabilized[Ticket]
    change: Change | None


def stabilize(
    frames: Iterable[Raw[Ticket]], *, ahead: int, smooth: bool = True
) -> Iterator[Stabilized[Ticket]]:
    """Stabilize the maps of a clip.

    A frame gets the limits that `SteadyRange` has `ahead` frames later, or at the end of the
    scene, converted back by the changes of scale and shift in between. A cut, detected in the
    photos, resets the limits.

    Args:
        frames: in order, from the start; all maps of one size.
        ahead: number of frames of look-ahead, which are held in memory; 0 or more.
        smooth: also smooth along the optical flow, see `Smoother`.

    Yields:
        One item per frame, in order.
    """
    steady, cuts, smoother = SteadyRange(), SceneCuts(), Smoother() if smooth else None
    waiting: deque[_Waiting[Ticket]] = deque()
    before_s: float | None = None
    for frame in frames:
        elapsed_s = 0.0 if before_s is None else frame.time_s - before_s
        before_s = frame.time_s
        height, width = frame.raw.shape
        # flicker has low spatial frequency: half the map's size removes as much as the full size
        gray = to_gray(frame.photo, (max(1, height // 2), max(1, width // 2)))
        same_scene = cuts.is_same_scene(gray)
        limits = steady.follow(frame.raw, elapsed_s=elapsed_s, same_scene=same_scene)
        raw = frame.raw
        if smoother is not None:
            raw = smoother(raw, gray, limits, steady.change)
        if limits.is_new:
            yield from _emit(waiting, leave=0)
        waiting.append(_Waiting(Stabilized(frame.ticket, raw, limits), steady.change))
        yield from _emit(waiting, leave=ahead)
    yield from _emit(waiting, leave=0)


def _emit(waiting: deque[_Waiting[Ticket]], *, leave: int) -> Iterator[Stabilized[Ticket]]:
    while len(waiting) > leave:
        limits = waiting[-1].stabilized.limits
        for index in range(len(waiting) - 1, 0, -1):
            change = waiting[index].change
            if change is not None:
                limits = change.undo(limits)
        first = waiting.popleft().stabilized
        yield Stabilized(first.ticket, first.raw, limits._replace(is_new=first.limits.is_new))


class Smoother:
    """Smooths maps recursively along the optical flow. Not thread-safe.

    The previous smoothed map is converted to the new map's scale and shift, and warped by the
    flow. Its weight decreases with the difference in brightness or depth of each pixel, so that
    disocclusions and true motion leave no trails. This happens at the size of the gray image; only
    the correction is enlarged and added to the new map, which keeps its edges.
    """

    def __init__(self) -> None:
        self._flow = Flow()
        self._before: tuple[Gray, Map] | None = None

    def __call__(self, raw: Map, gray: Gray, limits: Limits, change: Change | None) -> Map:
        """Smooth the next map.

        Args:
            raw: (h, w) float32.
            gray: (h', w') uint8, the photo in gray, smaller than the map.
            limits: of the map.
            change: from the previous map; None starts again.

        Returns:
            (h, w) float32, in the values of `raw`.
        """
        small = np.asarray(downscale(raw, gray.shape), np.float32)
        if self._before is None or change is None or limits.is_flat:
            self._before = gray, small
            return raw
        old_gray, old = self._before
        positions = self._flow.track(gray, old_gray)
        step = positions.sample(old)
        step *= np.float32(change.gain)
        step += np.float32(change.shift)
        step -= small
        doubt = np.square(step * np.float32(1 / (_SAME_DEPTH * (limits.high - limits.low))))
        doubt += np.square((positions.sample(old_gray) - gray) * np.float32(1 / _SAME_GRAY))
        # blurred, because individual weights would transfer the photo's noise to the map
        doubt = cv2.blur(cv2.dilate(np.minimum(doubt, _MAX_DOUBT), _DILATION), _BLUR_PX)
        step *= np.float32(SMOOTHING) * np.exp(-doubt)
        self._before = gray, small + step
        smoothed: Map = cv2.resize(step, raw.shape[::-1], interpolation=cv2.INTER_LINEAR) + raw
        return smoothed
