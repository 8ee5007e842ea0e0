"""Read live frames from a camera, a network stream, or a clip in real time."""

import re
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np

from nearfar.errors import VideoError
from nearfar.io.images import Image
from nearfar.optional import require
from nearfar.video.container import video_stream_of
from nearfar.video.frame import Frame, FrameConverter
from nearfar.video.reader import TICKS, decode_frames, read_clip

_OPEN_S = 10.0
_READ_S = 10.0
_SECRET = re.compile(r"(?<=://)[^/@]*@")


def live_frames(source: str, stop: threading.Event) -> Iterator[Image]:
    """Yield frames as they arrive; a slow consumer must skip some.

    Args:
        source: index of a camera, such as 0; a URL, such as rtsp://...; or a file.
        stop: event that ends the iteration.

    Yields:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageNotFoundError: the file does not exist.
        VideoError: there is no such camera, the address does not respond, or the camera or network
            stream has ended.
    """
    if source.isdecimal():
        yield from _camera(int(source), stop)
    elif "://" in source:
        yield from _address(source, stop)
    else:
        yield from _file(source, stop)


def _camera(number: int, stop: threading.Event) -> Iterator[Image]:
    camera = cv2.VideoCapture(number)
    try:
        while not stop.is_set():
            is_there, frame = camera.read()
            if not is_there:
                raise VideoError(
                    f"camera {number} returns no image: check that it is connected and not in use"
                )
            yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
    finally:
        camera.release()


def _address(url: str, stop: threading.Event) -> Iterator[Image]:
    av = require("av")
    name = _SECRET.sub("", url)
    options = {"rtsp_transport": "tcp"} if url.startswith("rtsp") else {}
    try:
        with av.open(
            url, options=options, timeout=(_OPEN_S, _READ_S), metadata_errors="replace"
        ) as container:
            stream = video_stream_of(name, container)
            converter = FrameConverter(stream.sample_aspect_ratio)
            for each in decode_frames(container, stream, "auto", threads=0):
                if stop.is_set():
                    return
                if each is not None:
                    yield Frame(0, 0, each, converter).image
    except av.FFmpegError as error:
        raise VideoError(f"{name}: {error.strerror}: check the address") from None
    raise VideoError(f"{name}: the stream has ended")


def _file(path: str, stop: threading.Event) -> Iterator[Image]:
    began_s = time.perf_counter()
    for frame in read_clip(path):
        if stop.wait(max(0.0, began_s + frame.ticks / TICKS - time.perf_counter())):
            return
        yield frame.image
