"""Turn a depth map into stereo sound (sonification)."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._ground.phrases import Surroundings, in_words, look_around, obstacles
from nearfar.effects.base import Effect, Sound
from nearfar.imaging.color import FloatMap
from nearfar.io.images import Image

RATE_HZ: Final = 22_050

LOWEST_HZ: Final = 300.0
HIGHEST_HZ: Final = 4000.0
ROWS: Final = 48
"""Of the picture as it is heard: each has its pitch, in equal steps of the scale."""

COLUMNS: Final = 96

_PEAK: Final = 0.9
_CONTRAST: Final = 2.0  # loudness is nearness squared, so that near things stand out
_FADE_S: Final = 0.01
_PULSES_HZ: Final = (1.5, 10.0)  # of a free and of a blocked direction, as in a parking sensor
_TONES_HZ: Final = (330.0, 660.0)  # of a free and of a blocked direction
_QUIETEST: Final = 0.15  # loudness of a free direction, which stays audible


@dataclass(frozen=True)
class SonifyOptions(Options):
    """Options of `sonify`."""

    seconds: float = option("Duration of the sound, in seconds.", 2.0, ge=0.3, le=30)
    sectors: bool = option(
        "Play three pulsing tones (left, ahead, right) instead of a sweep; nearer is faster,"
        " higher and louder.",
        default=False,
    )


def sonify(photo: Image, depth: DepthMap, options: SonifyOptions) -> Sound:
    """Make the sound, and describe what is left, ahead and right.

    The sweep is that of Meijer, "An experimental system for auditory image representations"
    (IEEE Trans. Biomedical Engineering 39(2), 1992), with nearness in the place of brightness:
    time goes from the left to the right border, and so does the sound in stereo; height is
    pitch, 300 to 4000 Hz; nearness is loudness. In the sectors and in the words the floor does
    not count, if a flat one is found. "Near" is meant against the rest of the picture: the map
    has no metres.

    Args:
        photo: not heard.
        depth: what is.
        options: see there.
    """
    del photo
    around = look_around(obstacles(depth))
    flat = float(depth.inverse_depth.min()) == float(depth.inverse_depth.max())
    if options.sectors:
        samples = _pulses(around, options.seconds)
    else:
        samples = _sweep(depth.nearness(robust=True), options.seconds)
    return Sound(samples, RATE_HZ, in_words(around, flat=flat))


def row_hz(row: int) -> float:
    """Return the pitch of a row of the picture as it is heard, 0 (top) to `ROWS` - 1."""
    return float(HIGHEST_HZ * (LOWEST_HZ / HIGHEST_HZ) ** (row / (ROWS - 1)))


def _sweep(nearness: FloatMap, seconds: float) -> NDArray[np.float32]:
    small = cv2.resize(nearness, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    loud = np.asarray(small, np.float32) ** np.float32(_CONTRAST)
    count = max(1, round(seconds * RATE_HZ))
    place = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count)
    column = np.clip(place * COLUMNS - 0.5, 0, COLUMNS - 1)
    before = column.astype(np.intp)
    after = np.minimum(before + 1, COLUMNS - 1)
    share = (column - before).astype(np.float32)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, ROWS)  # random phases avoid a click
    seconds_in = np.arange(count) / RATE_HZ
    mono = np.zeros(count, np.float32)
    for row in np.flatnonzero(loud.max(axis=1) > 0).tolist():
        wave = np.sin(((2 * np.pi * row_hz(row)) * seconds_in + phases[row]).astype(np.float32))
        wave *= loud[row, before] * (1 - share) + loud[row, after] * share
        mono += wave
    peak = float(np.abs(mono).max())
    if peak > 0:
        mono *= np.float32(_PEAK) / np.float32(peak)
    mono *= _fades(count)
    return _panned(mono, place)


def _pulses(around: Surroundings, seconds: float) -> NDArray[np.float32]:
    parts = []
    count = max(3, round(seconds * RATE_HZ))
    for number, near in enumerate(around):
        size = count * (number + 1) // 3 - count * number // 3
        at = np.arange(size) / RATE_HZ
        tone_hz = _TONES_HZ[0] * (_TONES_HZ[1] / _TONES_HZ[0]) ** near
        pulse_hz = _PULSES_HZ[0] + (_PULSES_HZ[1] - _PULSES_HZ[0]) * near
        swell = np.maximum(np.sin(2 * np.pi * pulse_hz * at), 0) ** 0.5
        loud = _PEAK * (_QUIETEST + (1 - _QUIETEST) * near**_CONTRAST)
        mono = (loud * swell * np.sin(2 * np.pi * tone_hz * at)).astype(np.float32)
        mono *= _fades(size)
        parts.append(_panned(mono, np.full(size, number / 2, np.float32)))
    return np.concatenate(parts)


def _panned(mono: FloatMap, place: FloatMap) -> NDArray[np.float32]:
    """Move a sound between the ears with equal power; place 0 is left, 1 right."""
    angle = place * np.float32(np.pi / 2)
    return np.stack((mono * np.cos(angle), mono * np.sin(angle)), axis=1).astype(np.float32)


def _fades(count: int) -> FloatMap:
    """Rise and fall gently at both ends, or the speaker clicks."""
    ramp = (np.arange(count, dtype=np.float32) + 0.5) / np.float32(_FADE_S * RATE_HZ)
    return np.asarray(np.minimum(np.minimum(ramp, ramp[::-1]), 1), np.float32)


EFFECT: Final = Effect(
    "sonify",
    "Turn depth into sound: a sweep from left to right, with height as pitch and nearness"
    " as loudness.",
    SonifyOptions,
    sonify,
)
