"""The protocol of a live stream: its options, and the format of a response."""

import json
import struct
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from nearfar.config import ColormapName, Options, option
from nearfar.errors import UsageError
from nearfar.imaging import colormaps
from nearfar.io.depth_codecs import encode_png
from nearfar.io.images import encode_image
from nearfar.service.errors import PROBLEMS, refusal_of, type_of
from nearfar.video.temporal import Limits, Map

StreamFormat = Literal["grey8", "png16", "jpeg", "webp"]

FORMAT_CODES: Final[dict[StreamFormat, int]] = {"grey8": 1, "png16": 2, "jpeg": 3, "webp": 4}

MAGIC: Final = b"NFS"
VERSION: Final = 1
NEW_SCENE: Final = 1
"""Bit of the flags: the range of depths is reset with this frame."""

_HEADER: Final = struct.Struct("<3sBIHHBBHffff")
_MOST_TEXT: Final = 4096


@dataclass(frozen=True)
class StreamOptions(Options):
    """Options of a live stream; each can be changed at any time."""

    model: str = option("Model; auto is the service's default for streams.", "auto")
    format: StreamFormat = option(
        "grey8: bytes, 0 far to 255 near; png16: the same in 65536 steps; jpeg, webp: colors.",
        "grey8",
    )
    colormap: ColormapName = option("Color map of jpeg and webp, near = warm.", "inferno")
    input_size_px: int = option(
        "Longest side, in pixels, of the input of a model with free size.", 256, ge=32, le=4096
    )
    quality: int = option("Quality of jpeg and webp.", 80, ge=1, le=100)

    def changed(self, message: dict[str, Any]) -> "StreamOptions":
        """Return these options, updated by those of a message.

        Raises:
            UsageError: an unknown name, or a value out of range.
        """
        return StreamOptions.of(**{**self.values(), **message})


class Header(NamedTuple):
    """The first 32 bytes of every binary response, little-endian.

    Attributes:
        magic: `NFS`, 3 bytes.
        version: u8, 1.
        frame: u32, number of the frame in the stream; the first is 0.
        width_px: u16, of the map.
        height_px: u16.
        format: u8, of `FORMAT_CODES`.
        flags: u8; bit 0 marks the start of a new scene, where colors may jump.
        size: u16, of this header, and so the offset of the map.
        low: f32, the network's value that is displayed as 0; for levels in 0..1, the network's
            value is `low + level * (high - low)`.
        high: f32, the value that is displayed as 1.
        infer_ms: f32, duration of the network's run.
        total_ms: f32, from the frame's arrival until this response was ready.
    """

    magic: bytes
    version: int
    frame: int
    width_px: int
    height_px: int
    format: int
    flags: int
    size: int
    low: float
    high: float
    infer_ms: float
    total_ms: float

    @classmethod
    def read(cls, message: bytes) -> "Header":
        """Parse the header of a response.

        Raises:
            UsageError: it is not such a response.
        """
        if len(message) < _HEADER.size or message[:4] != MAGIC + bytes([VERSION]):
            raise UsageError("these bytes are not a response of a live stream of version 1")
        return cls._make(_HEADER.unpack_from(message))


@dataclass(frozen=True)
class Picture:
    """One map, encoded.

    Attributes:
        size_px: (width, height).
        format: of `data`.
        limits: values of its lowest and highest level.
        data: the bytes.
    """

    size_px: tuple[int, int]
    format: StreamFormat
    limits: Limits
    data: bytes

    def message(self, frame: int, *, infer_ms: float, total_ms: float) -> bytes:
        """Return the complete response: header and data."""
        width_px, height_px = self.size_px
        header = Header(
            MAGIC,
            VERSION,
            frame & 0xFFFFFFFF,
            width_px,
            height_px,
            FORMAT_CODES[self.format],
            NEW_SCENE if self.limits.is_new else 0,
            _HEADER.size,
            self.limits.low,
            self.limits.high,
            infer_ms,
            total_ms,
        )
        return _HEADER.pack(*header) + self.data


def encode(raw: Map, limits: Limits, options: StreamOptions) -> Picture:
    """Encode a network's output.

    Args:
        raw: (h, w) float32.
        limits: values of far and near.
        options: format and colors.
    """
    level = limits.spread(raw)
    if options.format == "grey8":
        data = np.asarray(level * np.float32(255) + np.float32(0.5), np.uint8).tobytes()
    elif options.format == "png16":
        data = encode_png(np.asarray(level * np.float32(65535) + np.float32(0.5), np.uint16), {})
    else:
        colors = colormaps.apply(level, options.colormap)
        data = encode_image(colors, f".{options.format}", options.quality)
    return Picture((raw.shape[1], raw.shape[0]), options.format, limits, data)


def read_message(text: str) -> dict[str, Any]:
    """Parse a JSON message of a client.

    Raises:
        UsageError: it is not a JSON object.
    """
    if len(text) > _MOST_TEXT:
        raise UsageError(f"a message of more than {_MOST_TEXT} characters")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise UsageError('a text message must be a JSON object, such as {"format": "png16"}')
    return message


def problem(error: Exception, *, frame: int | None = None) -> str:
    """Return a JSON message about an error.

    Args:
        error: any; details of unknown ones are not disclosed.
        frame: number of the frame.
    """
    refused = refusal_of(error)
    row = PROBLEMS[refused.slug]
    content = {
        "type": type_of(refused.slug),
        "title": row.title,
        "status": row.status,
        "detail": row.detail or refused.detail,
    }
    return json.dumps(content if frame is None else {**content, "frame": frame})


def agreed(options: StreamOptions) -> str:
    """Return a JSON message with the options that apply from the next frame on."""
    return json.dumps({"type": "urn:nearfar:stream:options", "options": options.values()})
