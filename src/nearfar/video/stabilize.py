"""A clip's maps made steady, with a look at what comes.

The live stream has to take frames as they are; a file can be looked at ahead. Limits of depth
then begin to widen before something near comes into view, and what they end at in a scene they
have from its first frame on. Where wished, maps are also smoothed along the optical flow.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import cv2
import numpy as np

from nearfar.imaging.optical_flow import Flow, Grey, grey_of, shrunk
from nearfar.io.images import Image
from nearfar.video.cuts import Cuts
from nearfar.video.steady import Change, Limits, Map, SteadyRange

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
            grey: (h', w') uint8, the photo without colours, smaller than the map.
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
