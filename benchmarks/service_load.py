"""The service under the load of many clients, against the bare model in a loop."""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from benchmarks import bare_loop, load, photos
from benchmarks.bare_loop import Bare
from benchmarks.cold_start import MODEL
from benchmarks.health import watched
from benchmarks.load import Plan, Seen
from benchmarks.paired import in_turn, spread
from benchmarks.result import Cell, Ratio, Table, write
from benchmarks.served import Served, serving
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.cpu import physical

CLIENTS: Final = (1, 4, 16, 64)
JUDGED: Final = 16
SECONDS: Final = 20.0
ROUNDS: Final = 3
PHOTOS: Final = 100
RATE_BOUND: Final = 0.85
TAIL_BOUND: Final = 3.0
HEALTH_BOUND_MS: Final = 50.0

NOTE: Final = (
    "The load generator, one process that does nothing but send and receive, runs on the same"
    " cores as the service, and what it takes is counted against the service. The bare loop has"
    " no one to serve: it is the faster of one process with all cores a run, and one process a"
    " core with one thread each."
)
CLIENTS_NOTE: Final = (
    "Every client has an address of its own and one connection that it keeps, sends its next"
    " photo as soon as it has an answer, and comes again after a 429 when that says so."
)
BATCH_NOTE: Final = (
    "Batching is not there: to run several pictures together gained nothing on a CPU, so a worker"
    " takes one at a time."
)


@dataclass
class Runs:
    """What was measured of one number of clients.

    Attributes:
        seen: by the clients, a round each.
        core_ms: of an answer in the service, a round each.
        health_ms: until the service said that it is well, of all rounds.
    """

    seen: list[Seen] = field(default_factory=list)
    core_ms: list[float] = field(default_factory=list)
    health_ms: list[float] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Answers a second, a round each."""
        return [seen.rate for seen in self.seen]


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of all loads")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = photos.many(folder / "photos", PHOTOS)
        with serving(folder) as served:
            served.check(paths[0])
            bare, loads = _in_turn(served, paths, folder, given.seconds, given.rounds)
    judged = loads[JUDGED]
    best = max(bare, key=lambda name: median(each.rate for each in bare[name]))
    best_rate = median(each.rate for each in bare[best])
    share = median(seen.core_s / seen.seconds / physical() for seen in judged.seen)
    everything = load.together([seen for runs in loads.values() for seen in runs.seen])
    together = load.together(judged.seen)
    write(
        "service_load",
        title="The service under load",
        question="How much of the bare model's rate is left when many clients send their photos"
        " over HTTP, and how long does the unluckiest wait?",
        data=f"{PHOTOS} JPEGs of 640 x 480, quality 90, to 16-bit PNGs of that size; {MODEL},"
        f" onnxruntime, `nearfar serve` as it comes; {given.rounds} rounds of"
        f" {given.seconds:g} s a load, the bare loop in turn with them.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what=f"rate of the service under {JUDGED} clients, over the bare loop's best",
                value=median(judged.rates) / best_rate,
                bound=RATE_BOUND,
                at_least=True,
            ),
            Ratio(
                what=f"99th percentile of the latency under {JUDGED} clients, over its median",
                value=together.latency_ms(99) / together.latency_ms(50),
                bound=TAIL_BOUND,
            ),
            Ratio(
                what=f"99th percentile of /healthz under {CLIENTS[-1]} clients",
                value=float(np.percentile(loads[CLIENTS[-1]].health_ms, 99)),
                bound=HEALTH_BOUND_MS,
                unit=" ms",
            ),
            Ratio(
                what="answers other than 200 and 429, of all loads", value=everything.wrong, bound=0
            ),
            Ratio(
                what=f"core time of an answer under {JUDGED} clients, over the bare loop's photo",
                value=median(judged.core_ms) / median(each.core_ms for each in bare[best]),
            ),
            Ratio(
                what=f"share of the load generator in the machine's cores, {JUDGED} clients",
                value=100 * share,
                unit=" %",
            ),
        ],
        tables=[_loads(loads), _bare(bare)],
        notes=(NOTE, CLIENTS_NOTE, BATCH_NOTE),
    )


def _in_turn(
    served: Served, paths: list[Path], folder: Path, seconds: float, rounds: int
) -> tuple[dict[str, list[Bare]], dict[int, Runs]]:
    """Measure the bare loop both ways, and each load; every second round goes backwards."""
    cores, model = physical(), ModelRegistry().path(MODEL)
    if model is None:
        raise FileNotFoundError(f"{MODEL} is not in this package")
    files = tuple(map(str, paths))
    ways = {
        "one process, all cores a run": (1, cores),
        "one process a core, one thread a run": (cores, 1),
    }
    bare: dict[str, list[Bare]] = {name: [] for name in ways}
    loads = {count: Runs() for count in CLIENTS}
    for turn in range(rounds):
        # the load that is judged stands beside the bare loop
        order: list[str | int] = [*CLIENTS[:2], *CLIENTS[3:], JUDGED, *ways]
        for what in in_turn(order, turn):
            if isinstance(what, int):
                plan = Plan(served.port, "/v1/depth", files, what, seconds)
                before = served.process()
                with watched(served) as health_ms:
                    seen = load.run(plan, folder)
                after = served.process()
                loads[what].health_ms += health_ms
                loads[what].seen.append(seen)
                answers = sum(seen.statuses.values())
                loads[what].core_ms.append(1000 * (after.core_s - before.core_s) / answers)
            else:
                processes, threads = ways[what]
                bare[what].append(
                    bare_loop.run(
                        model,
                        paths[0].parent,
                        processes=processes,
                        threads=threads,
                        seconds=seconds / 2,
                    )
                )
    return bare, loads


def _loads(loads: dict[int, Runs]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for clients, runs in loads.items():
        seen = load.together(runs.seen)
        counts = seen.statuses
        rows.append(
            (
                clients,
                spread(runs.rates),
                *(seen.latency_ms(percent) for percent in (50, 95, 99)),
                counts.get("200", 0),
                counts.get("429", 0),
                seen.wrong,
                *(float(np.percentile(runs.health_ms, percent)) for percent in (50, 99, 100)),
                spread(runs.core_ms),
                100 * seen.core_s / seen.seconds / physical(),
            )
        )
    latencies = ("median ms", "95 % ms", "99 % ms")
    counted = ("200", "429", "others")
    health = ("/healthz median ms", "99 % ms", "worst ms")
    costs = ("core ms an answer", "load generator, % of the cores")
    return Table(
        title="The service",
        columns=("clients", "answers a second", *latencies, *counted, *health, *costs),
        rows=tuple(rows),
    )


def _bare(bare: dict[str, list[Bare]]) -> Table:
    return Table(
        title="The bare model: decode, resize, run, resize and encode, in a loop",
        columns=("way", "photos a second", "core ms a photo"),
        rows=tuple(
            (
                name,
                spread([each.rate for each in row]),
                spread([each.core_ms for each in row]),
            )
            for name, row in bare.items()
        ),
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
