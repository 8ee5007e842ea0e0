"""Snapshot of a training run: written atomically, and read without running pickled code."""

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
    """Everything needed to resume a run with bit-identical results.

    Attributes:
        step: index of the next step.
        steps: total number of steps.
        seconds: training time so far.
        best_score: best validation score so far; smaller is better.
        bad_epochs: number of consecutive validations without improvement.
        recipe: options, data and network as text; must be equal for the run to be resumed.
        network: weights.
        average: weights of the moving average.
        optimizer: state of the optimizer.
        best: averaged weights with the best score.
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
    """Write a snapshot atomically, replacing the previous one.

    Raises:
        WriteError: the file can't be written, for example because the disk is full.
    """
    content = io.BytesIO()
    torch.save({field.name: getattr(snapshot, field.name) for field in fields(snapshot)}, content)
    with replacing(folder / FILE, durable=True) as temporary:
        temporary.write_bytes(content.getbuffer())


def load(folder: Path) -> Snapshot | None:
    """Read a run's snapshot; return None if there is none.

    Raises:
        TrainingError: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Snapshot(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged archives raise nearly anything
        raise TrainingError(f"{path} is damaged: remove it and start the run again") from error
