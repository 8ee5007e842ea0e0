"""Runs of the bundled model in small parts."""

from pathlib import Path
from typing import Any

from nearfar.scale.batch import BatchOptions, Run

MODEL = "nearfar-lite"


def a_run(source: Path, dest: Path, **changes: Any) -> Run:
    options = BatchOptions(**{"part": 2, "workers": 1, **changes.pop("options", {})})
    return Run(str(source), dest, options, model=MODEL, threads=2, **changes)
