"""The options of a run on Ray."""

from dataclasses import dataclass
from typing import Literal

from nearfar.config import Options, option

PART = 64


@dataclass(frozen=True)
class BatchOptions(Options):
    """How a run is shared out, and what it leaves."""

    to: Literal["files", "parquet"] = option(
        "What the maps become: files, or bytes in the table.", "files"
    )
    column: str = option("Of Parquet shards: where the photos or their paths are.", "")
    workers: int | None = option(
        "Processes, each with the network once; as many as the cores allow if unset.", None, ge=1
    )
    part: int = option(
        "Photos that a worker takes at once, about; each part is a file of the table.", PART, ge=1
    )
    address: str | None = option(
        "A Ray cluster that runs, or auto; by default one on this machine.", None
    )


PER_WORKER = 4
"""Threads of a worker unless told otherwise: beyond, they wait for each other's Python."""


def shared_out(cores: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """Say how many workers there are, and how many threads each has.

    Args:
        cores: of the machine, or of the cluster.
        workers: if they were asked for.
        threads: likewise.

    Returns:
        Workers and threads of each, 1 or more.
    """
    if threads is None:
        threads = min(PER_WORKER, cores) if workers is None else cores // workers
        threads = max(1, min(PER_WORKER, threads))
    return workers or max(1, cores // threads), threads
