"""Live depth: python stream_client.py ws://127.0.0.1:7860/v1/stream frame1.jpg frame2.jpg ..."""

import json
import struct
import sys
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

HEADER = struct.Struct("<3sBIHHBBHffff")


def main(url: str, *photos: str) -> None:
    """Send all photos at once; those that the service has no time for are left out."""
    with connect(url, max_size=None) as stream:
        stream.send(json.dumps({"format": "grey8", "input_size_px": 256}))
        for photo in photos:
            stream.send(Path(photo).read_bytes())
        answered = -1
        while answered < len(photos) - 1:  # the newest frame is always answered
            message = stream.recv()
            if isinstance(message, str):
                told = json.loads(message)  # the options in force, or what went wrong
                answered = told.get("frame", answered)
                print(told)
                continue
            _, _, answered, width, height, _, _, size, *_, infer_ms, _ = HEADER.unpack_from(message)
            near = np.frombuffer(message, np.uint8, offset=size).reshape(height, width)
            nearness = f"{near.mean() / 2.55:.0f} % near"
            print(f"{photos[answered]}: {width} x {height}, {nearness}, {infer_ms:.1f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:])
