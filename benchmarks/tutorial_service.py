"""The service against the page that tutorials build, under the same load."""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks import load, photos
from benchmarks.cold_start import MODEL
from benchmarks.load import Plan, Seen
from benchmarks.paired import environment
from benchmarks.result import Cell, Ratio, Table, write
from benchmarks.served import HOST, START_S, Served, serving

CLIENTS: Final = (1, 4, 16, 64)
SECONDS: Final = 20.0
PHOTOS: Final = 100
OURS: Final = "nearfar"
THEIRS: Final = "the tutorial's page"

NOTE: Final = (
    "The tutorial's page is a Gradio interface over a plain function: MiDaS small in PyTorch,"
    " random weights, loaded once. Its clients do what its own page does in a browser: upload, ask,"
    " wait in its queue, fetch the picture. Gradio lets one call of a function run at a time."
    " nearfar-lite is a smaller network (1.0 G against 4.6 G multiply-adds), which is a part of"
    " the ratio: see *Against the tutorial's way*."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = tuple(map(str, photos.many(folder / "photos", PHOTOS)))
        with serving(folder) as served, _page(folder) as theirs:
            served.check(Path(files[0]))
            seen = _in_turn({OURS: served.port, THEIRS: theirs}, files, folder, given.seconds)
    write(
        "tutorial_service",
        title="The service against the tutorial's page",
        question="How many more photos a second does the service answer than the page that"
        " tutorials build, under the same load?",
        data=f"{PHOTOS} JPEGs of 640 x 480, quality 90, to a heat map as JPEG; {MODEL},"
        f" onnxruntime, in nearfar; {given.seconds:g} s a load, one after the other.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what=f"photos a second of the service, over the tutorial's page, {count} clients",
                value=seen[OURS, count].rate / seen[THEIRS, count].rate,
            )
            for count in CLIENTS
        ],
        tables=[
            Table(
                title="Loads",
                columns=("", "clients", "photos a second", "median ms", "99 % ms", "failed"),
                rows=tuple(_row(name, count, one) for (name, count), one in seen.items()),
            )
        ],
        notes=(NOTE,),
    )


def _in_turn(
    ports: dict[str, int], files: tuple[str, ...], folder: Path, seconds: float
) -> dict[tuple[str, int], Seen]:
    programs = {OURS: "benchmarks.load_clients", THEIRS: "benchmarks.tutorial_load"}
    return {
        (name, count): load.run(
            Plan(port, "/v1/depth?format=jpeg", files, count, seconds, warmup_s=seconds / 4),
            folder,
            programs[name],
        )
        for count in CLIENTS
        for name, port in ports.items()
    }


def _row(name: str, count: int, seen: Seen) -> tuple[Cell, ...]:
    return name, count, seen.rate, seen.latency_ms(50), seen.latency_ms(99), seen.wrong


@contextmanager
def _page(folder: Path) -> Iterator[int]:
    """Start the tutorial's page, give its port, and end it.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    log = folder / "page.log"
    env = environment(folder) | {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.fspath(Path(__file__).parent.parent),
    }
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.tutorial_page", str(port)],
            env=env,
            stdout=said,
            stderr=said,
        )
        try:
            _wait(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s and process.poll() is None:
        with suppress(OSError):
            if Served(port).get("/")[0] == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the tutorial's page did not start: {log.read_text()[-2000:]}")


if __name__ == "__main__":
    main(sys.argv[1:])
