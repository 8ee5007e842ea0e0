"""Time settings of the service, and print the table of `nearfar bench --service`."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from statistics import median
from typing import Final

import cv2
import numpy as np

from nearfar.config import OutputOptions
from nearfar.errors import UsageError
from nearfar.io.images import encode_image
from nearfar.runtimes import cpu
from nearfar.runtimes.table import DeviceName, RuntimeName
from nearfar.service.engine import InferenceEngine
from nearfar.service.response_formats import DEFAULT, encode
from nearfar.service.settings import ServiceOptions

BUDGET_S: Final = 32.0
"""Seconds of all measurements together, without loading."""

_ROUNDS: Final = 2
_WARMUP: Final = 2  # photos a worker
_LONGEST_S: Final = 5.0  # of one turn
_GRAIN_PX: Final = 32


@dataclass(frozen=True)
class Setting:
    """Numbers of workers and threads to time.

    Attributes:
        workers: runs of the network at a time.
        threads: of one run.
    """

    workers: int
    threads: int

    @property
    def clients(self) -> int:
        """Requests at a time: two for each worker, so that no worker is idle."""
        return 2 * self.workers


@dataclass(frozen=True)
class Row:
    """The speed of a setting.

    Attributes:
        model: that was served.
        runtime: that ran it.
        workers: see `Setting`.
        threads: likewise.
        photos_per_s: median of the rounds.
        median_ms: from a photo's arrival to its map, under load.
        p95_ms: 95 of 100 took less.
        default: whether it is the default of `nearfar serve`.
        fastest: whether it is the fastest of all.
    """

    model: str
    runtime: str
    workers: int
    threads: int
    photos_per_s: float
    median_ms: float
    p95_ms: float
    default: bool = False
    fastest: bool = False


@dataclass(frozen=True)
class _Turn:
    model: str
    runtime: str
    seconds: float
    taken_ms: tuple[float, ...]


def settings(count: int) -> tuple[Setting, ...]:
    """Return the settings to time on so many cores, the service's default first.

    Each uses all cores: with runs of one thread, with one run of all threads, with numbers
    between; and with twice as many runs as there are cores.
    """
    shares = [each for each in (1, 2, 4, 8, 16, 32, 64) if each < count]
    ways = [(count // threads, threads) for threads in shares]
    ways += [(1, count), (2 * count, 1)]
    return tuple(Setting(workers, threads) for workers, threads in dict.fromkeys(ways))


def fill(
    model: str,
    runtime: RuntimeName,
    device: DeviceName,
    photo_px: tuple[int, int],
    *,
    budget_s: float = BUDGET_S,
    bar: bool,
) -> list[Row]:
    """Serve photos with each setting, in turns, every second round backwards.

    Args:
        model: to serve.
        runtime: that runs it.
        device: that it runs on.
        photo_px: width and height of the photo, a JPEG; the answer is a 16-bit PNG.
        budget_s: seconds of all measurements together.
        bar: whether to show a progress bar on standard error.

    Raises:
        NearfarError: the model can't be loaded, or fails.
    """
    tried = settings(cpu.physical())
    seconds = min(_LONGEST_S, budget_s / (len(tried) * _ROUNDS))
    photo = sample(photo_px)
    turns: dict[Setting, list[_Turn]] = {each: [] for each in tried}
    with _ticking(len(tried) * _ROUNDS, bar=bar) as tick:
        for number in range(_ROUNDS):
            for each in tried[::-1] if number % 2 else tried:
                options = ServiceOptions(
                    model=model,
                    runtime=runtime,
                    device=device,
                    queue=each.clients,
                    **asdict(each),
                )
                turn = asyncio.run(_serve(options, each.clients, photo, seconds))
                turns[each].append(turn)
                tick()
    return _judged([_row(each, turns[each]) for each in tried])


def sample(size_px: tuple[int, int]) -> bytes:
    """Return a JPEG with large and small structure, always the same."""
    (width_px, height_px), random = size_px, np.random.default_rng(0)
    if max(size_px) > ServiceOptions().max_pixels // min(size_px):
        raise UsageError("--size is more than the service takes: give a smaller one")
    coarse = (height_px // _GRAIN_PX + 2, width_px // _GRAIN_PX + 2, 3)
    large = cv2.resize(random.uniform(0, 255, coarse), size_px, interpolation=cv2.INTER_CUBIC)
    grain = random.normal(0, 4, (height_px, width_px, 1))
    return encode_image(np.clip(large + grain, 0, 255).astype(np.uint8), ".jpg")


async def _serve(options: ServiceOptions, count: int, photo: bytes, seconds: float) -> _Turn:
    """Keep every worker busy for a while."""
    engine = InferenceEngine(options)
    await engine.start()
    make = partial(encode, name=DEFAULT, options=OutputOptions())
    taken_ms: list[float] = []
    served: dict[str, str] = {}

    async def ask(client: str) -> None:
        with engine.reserve(client) as place:
            answer = await engine.depth(photo, reservation=place, make=make)
        served.update(model=answer.model, runtime=answer.runtime)

    async def keep_asking(client: str, end_s: float) -> None:
        while (began_s := time.perf_counter()) < end_s:
            await ask(client)
            now_s = time.perf_counter()
            if now_s <= end_s or not taken_ms:
                taken_ms.append((now_s - began_s) * 1000)

    clients = [str(number) for number in range(count)]
    try:
        await asyncio.gather(*map(ask, clients[: _WARMUP * options.worker_count]))
        start_s = time.perf_counter()
        await asyncio.gather(*(keep_asking(each, start_s + seconds) for each in clients))
    finally:
        await engine.drain()
    return _Turn(served["model"], served["runtime"], seconds, tuple(taken_ms))


def _row(setting: Setting, rounds: list[_Turn]) -> Row:
    taken_ms = [ms for turn in rounds for ms in turn.taken_ms]
    half, most = np.percentile(taken_ms, (50, 95))
    standard = ServiceOptions()
    own = Setting(standard.worker_count, standard.threads)
    return Row(
        rounds[0].model,
        rounds[0].runtime,
        **asdict(setting),
        photos_per_s=median(len(turn.taken_ms) / turn.seconds for turn in rounds),
        median_ms=float(half),
        p95_ms=float(most),
        default=setting == own,
    )


def _judged(rows: list[Row]) -> list[Row]:
    best = max(rows, key=lambda row: row.photos_per_s)
    return [replace(row, fastest=row is best) for row in rows]


@contextmanager
def _ticking(total: int, *, bar: bool) -> Iterator[Callable[[], None]]:
    if not bar:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        yield partial(shown.advance, shown.add_task("serving", total=total))


def show(rows: list[Row], photo_px: tuple[int, int]) -> None:
    """Print the table, and the settings that it suggests."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    width_px, height_px = photo_px
    first = rows[0]
    title = f"{first.model} in {first.runtime}, JPEGs of {width_px} x {height_px} px to 16-bit PNG"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in ("workers", "threads", "photos/s", "median ms", "p95 ms"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in rows:
        marks = [name for name in ("default", "fastest") if getattr(row, name)]
        cells = [f"{row.photos_per_s:.1f}", f"{row.median_ms:.0f}", f"{row.p95_ms:.0f}"]
        table.add_row(str(row.workers), str(row.threads), *cells, ", ".join(marks))
    console = Console(highlight=False)
    console.print(table)
    console.print(_advice(rows), markup=False, soft_wrap=True)


def _advice(rows: list[Row]) -> str:
    own = next(row for row in rows if row.default)
    best = next(row for row in rows if row.fastest)
    meant = (
        f"nearfar serve by itself: {own.workers} workers (the physical cores), {own.threads}"
        " thread a run"
    )
    if best is own:
        return f"{meant}: the fastest here"
    wanted = f"--workers {best.workers} --threads {best.threads}"
    gain = best.photos_per_s / own.photos_per_s
    return f"{meant}\n{gain:.2f} times as fast here: nearfar serve {wanted}"
