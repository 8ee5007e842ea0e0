"""Tiny clips, made on the fly."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from nearfar.io.images import Image

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
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.options = options or {}
        base = Fraction(1, 1000 if times_ms else 25)
        stream.codec_context.time_base = base
        track: Any = container.add_stream(sound, rate=RATE_HZ) if sound else None
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
    """Let an MP4 ask its player to turn it, as a telephone's clips do."""
    return lay(path, *{90: (0, 1, -1, 0), 180: (-1, 0, 0, -1)}[degrees_clockwise])


def lay(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Let an MP4 ask for x' = a x + c y, y' = b x + d y: in the matrix of tkhd."""
    data = bytearray(path.read_bytes())
    matrix = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 4 + 40  # version 0: 24 bytes of times and numbers, 16 of others
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def write_planes(
    path: Path,
    frames: Sequence[Sequence[NDArray[Any]]],
    *,
    pixels: str,
    codec: str = "ffv1",
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    **context: Any,
) -> Path:
    """Write a clip of 25 frames a second, plane by plane, with what its numbers mean.

    Args:
        path: where.
        frames: of each, its planes as FFmpeg orders them for `pixels`.
        pixels: name of the pixel format.
        codec: of the clip.
        options: of the codec.
        metadata: of the track.
        context: attributes of the encoder, such as `color_trc`.
    """
    height, width = frames[0][0].shape[:2]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.options = options or {}
        stream.metadata.update(metadata or {})
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        for number, planes in enumerate(frames):
            frame = av.VideoFrame(width, height, pixels)
            for plane, values in zip(frame.planes, planes, strict=True):
                row = values.reshape(values.shape[0], -1).view(np.uint8)
                lines = np.zeros((values.shape[0], plane.line_size), np.uint8)
                lines[:, : row.shape[1]] = row
                plane.update(lines.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
