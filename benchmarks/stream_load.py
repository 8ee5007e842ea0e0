"""One client of the live stream, which keeps some frames under way.

Started as `python -m benchmarks.stream_load ADDRESS FOLDER SECONDS UNDER_WAY`; prints the
milliseconds from a frame's sending to its answer's coming, of each frame, after a warm-up of
two seconds.
"""

import itertools
import struct
import sys
import time
from pathlib import Path
from typing import Final

from websockets.sync.client import connect

WARMUP_S: Final = 2.0


def main(address: str, folder: str, seconds: str, under_way: str) -> None:
    """Stream for so many seconds."""
    frames = [path.read_bytes() for path in sorted(Path(folder).glob("*.jpg"))]
    sent_s: dict[int, float] = {}
    taken_ms = []
    with connect(address, max_size=None, compression=None) as stream:
        start_s = time.perf_counter() + WARMUP_S
        end_s = start_s + float(seconds)
        numbers = itertools.count()

        while time.perf_counter() < end_s:
            while len(sent_s) < int(under_way):
                turn = next(numbers)
                sent_s[turn] = time.perf_counter()
                stream.send(frames[turn % len(frames)])
            answer = stream.recv(timeout=60)
            now_s = time.perf_counter()
            if not isinstance(answer, bytes):
                raise TypeError(f"the service answered in words: {answer}")
            (number,) = struct.unpack_from("<I", answer, 4)
            if start_s <= now_s <= end_s:
                taken_ms.append((now_s - sent_s[number]) * 1000)
            # answers come in order: what is older was dropped
            sent_s = {sent: at_s for sent, at_s in sent_s.items() if sent > number}
    print(*taken_ms)


if __name__ == "__main__":
    main(*sys.argv[1:])
