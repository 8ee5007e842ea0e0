"""The bare model in a loop, decode and encode included: the most that this machine can do.

Started as `python benchmarks/bare_loop.py MODEL FOLDER THREADS SECONDS`, one process for each
run of the network at a time; says `ready`, waits for a line, works, and prints JSON. Of nearfar
it has the PNG encoder alone, which is faster than OpenCV's. The part that starts it is `best`.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime as ort

FED_PX: Final = (256, 192)
"""What nearfar feeds the bundled model for a photo of 4:3."""

_WARMUP: Final = 10


@dataclass(frozen=True)
class Bare:
    """What the loop reached.

    Attributes:
        rate: photos a second, of all processes together.
        core_ms: of a photo, of all cores together.
    """

    rate: float
    core_ms: float


def run(model: Path, folder: Path, *, processes: int, threads: int, seconds: float) -> Bare:
    """Run the loop.

    Args:
        model: an ONNX file.
        folder: of JPEGs of 640 x 480.
        processes: at a time.
        threads: of each run of the network.
        seconds: that are measured.

    Raises:
        RuntimeError: a process failed.
    """
    command = [sys.executable, __file__, str(model), str(folder), str(threads), str(seconds)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(processes)
        ]
        for process in started:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the bare loop did not start")
        for process in started:
            if process.stdin is not None:
                process.stdin.write("go\n")
                process.stdin.flush()
        told = [json.loads(process.communicate()[0]) for process in started]
    photos = sum(each["photos"] for each in told)
    rate = sum(each["photos"] / each["s"] for each in told)
    return Bare(rate, 1000 * sum(each["core_s"] for each in told) / photos)


def main(model: str, folder: str, threads: str, seconds: str) -> None:
    """Work for so many seconds."""
    cv2.setNumThreads(int(threads))
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    way = _way(session)
    contents = itertools.cycle([path.read_bytes() for path in sorted(Path(folder).glob("*.jpg"))])
    for _ in range(_WARMUP):
        way(next(contents))
    print("ready", flush=True)
    sys.stdin.readline()
    start_s, core_s, count = time.perf_counter(), time.process_time(), 0
    while (taken_s := time.perf_counter() - start_s) < float(seconds):
        way(next(contents))
        count += 1
    told = {"photos": count, "s": taken_s, "core_s": time.process_time() - core_s}
    print(json.dumps(told))


def _way(session: Any) -> Callable[[bytes], bytes]:
    from nearfar.io.depth_codecs import encode_png

    name = session.get_inputs()[0].name

    def way(content: bytes) -> bytes:
        bgr = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
        small = cv2.resize(bgr, FED_PX, interpolation=cv2.INTER_AREA)
        batch = cv2.dnn.blobFromImage(small, 1 / 128, mean=(127,) * 3, swapRB=True)
        (depth,) = session.run(None, {name: batch})
        sized = cv2.resize(np.squeeze(depth), bgr.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        low, high, *_ = cv2.minMaxLoc(sized)
        scale = 65535 / (high - low)
        return encode_png(((sized - low) * scale + 0.5).astype(np.uint16), {})

    return way


if __name__ == "__main__":
    main(*sys.argv[1:])
