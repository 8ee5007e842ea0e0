"""Tiny clips, made on the fly."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from nearfar.images import Image

RATE_HZ = 48_000


def picture(number: int, size_px: tuple[int, int] = (64, 48)) -> Image:
    """A scene with a bright square that moves to the right."""
    width, height = size_px
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.linspace(40, 160, width, dtype=np.uint8)[None, :, None]
    image[height // 2 :, :, 2] = 90
    left = 4 + 2 * number % max(1, width - 16)
    image[8:20, left : left + 12] = (230, 60, 40)
    return image


def write_clip(
    path: Path,
    pictures: Sequence[Image],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times_ms: Sequence[int] | None = None,
    sound: str | None = None,
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
) -> Path:
    """Write a clip of 25 frames a second, or with its own times, and a second of a tone."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", options=muxing or {}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.options = options or {}
        base = Fraction(1, 1000 if times_ms else 25)
        stream.codec_context.time_base = base
        track = container.add_stream(sound, rate=RATE_HZ) if sound else None
        if track is not None:
            tone = np.sin(np.arange(RATE_HZ, dtype=np.float32) * (440 * 2 * np.pi / RATE_HZ))
            heard = AudioFrame.from_ndarray(
                np.asarray(tone[None] * 20000, np.int16), format="s16", layout="mono"
            )
            heard.sample_rate, heard.pts = RATE_HZ, 0
            container.mux([*track.encode(heard), *track.encode(None)])
        for number, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = times_ms[number] if times_ms else number, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, degrees_clockwise: int) -> Path:
    """Let an MP4 ask its player to turn it, as a telephone's clips do: in the matrix of tkhd."""
    one, data = 0x10000, bytearray(path.read_bytes())
    matrix = {
        90: (0, one, 0, -one, 0, 0, 0, 0, 0x40000000),
        180: (-one, 0, 0, 0, -one, 0, 0, 0, 0x40000000),
    }[degrees_clockwise]
    at = data.index(b"tkhd") + 4 + 40  # version 0: 24 bytes of times and numbers, 16 of others
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path
