"""How many replicas, and where: what `nearfar serve --ray` is told beside the service's options."""

import re
from dataclasses import dataclass, replace
from typing import Final

from nearfar.config import Options, option
from nearfar.errors import UsageError
from nearfar.service.settings import ServiceOptions

_RANGE: Final = re.compile(r"(\d{1,5})(?::(\d{1,5}))?")


@dataclass(frozen=True)
class ReplicaOptions(Options):
    """Where the replicas run, and how many there are."""

    replicas: str | None = option(
        "Fewest and most replicas, as 1:4; 3 is always three. From 1 to what the cluster's CPUs"
        " hold if not given.",
        None,
    )
    address: str | None = option(
        "A Ray cluster that runs already, as HOST:PORT, or auto for the one of this machine; one"
        " of this process's own if not given.",
        None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.replicas is not None:
            bounds(self.replicas)

    def range(self, *, cpus: float, cpus_each: int) -> tuple[int, int]:
        """Give the fewest and the most replicas.

        Args:
            cpus: that the cluster has.
            cpus_each: that one replica takes.

        Raises:
            UsageError: the cluster can't hold the fewest.
        """
        room = int(cpus // cpus_each)
        fewest, most = bounds(self.replicas) if self.replicas else (1, max(1, room))
        if fewest > room:
            raise UsageError(
                f"{fewest} replicas of {cpus_each} CPUs do not fit on the {cpus:g} of the cluster:"
                " ask for fewer with --replicas, or for smaller ones with --workers and --threads"
            )
        return fewest, most


def bounds(text: str) -> tuple[int, int]:
    """Read `MIN:MAX`, or one number for both.

    Raises:
        UsageError: it is neither, or not in this order, or begins at 0.
    """
    found = _RANGE.fullmatch(text)
    fewest, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= fewest <= most:
        raise UsageError(f"replicas must be like 1:4 or 3, not {text!r}")
    return fewest, most


def sized(options: ServiceOptions) -> ServiceOptions:
    """Give the options of one replica: a single worker unless told otherwise."""
    return options if options.workers else replace(options, workers=1)
