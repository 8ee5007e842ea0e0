"""The state of a run on disk: written whole or not at all, and read without running code."""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nearfar.errors import TrainingError
from nearfar.io.atomic import replacing

FILE = "snapshot.pt"


@dataclass(frozen=True)
class Snapshot:
    """Everything that a run needs to go on as if it had not been interrupted.

    Attributes:
        step: the next one to do.
        steps: in all.
        seconds: of training so far.
        best_score: of the validations so far; smaller is better.
        bad_epochs: validations in a row that were no better.
        recipe: what must be the same for the run to go on: options, data, network.
        network: its weights.
        average: weights of the moving average.
        optimizer: its state.
        best: the averaged weights that had the best score.
    """

    step: int
    steps: int
    seconds: float
    best_score: float
    bad_epochs: int
    recipe: str
    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Any]
    best: dict[str, Tensor]


def save(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot; the one before stands until this one is whole.

    Raises:
        WriteError: the disk is full or refuses.
    """
    content = io.BytesIO()
    torch.save({field.name: getattr(snapshot, field.name) for field in fields(snapshot)}, content)
    with replacing(folder / FILE, durable=True) as temporary:
        temporary.write_bytes(content.getbuffer())


def load(folder: Path) -> Snapshot | None:
    """Read a run's snapshot; None when there is none.

    Raises:
        TrainingError: it is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Snapshot(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged archives raise nearly anything
        raise TrainingError(f"{path} is damaged: remove it and start anew") from error
