"""`python -m worlds OUT --rooms N --streets N --closeups N`: made-up pictures with exact depth."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from worlds import dataset
from worlds.dataset import KINDS
from worlds.work import Task, make

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m worlds", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for OUT/rooms, OUT/streets and OUT/closeups")
    parser.add_argument("--rooms", type=int, default=0, help="rooms to make, 2 to 3 pictures each")
    parser.add_argument("--streets", type=int, default=0, help="streets to make, 3 pictures each")
    parser.add_argument(
        "--closeups", type=int, default=0, help="things to make, 2 to 3 pictures each"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="random seed; the same seed gives the same pictures"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--textures", type=Path, help="folder of photographs for posters and cloth")
    parser.add_argument(
        "--furniture", type=Path, help="folder of Sweet Home 3D catalogues (.sh3f) to furnish with"
    )
    given = parser.parse_args(arguments)
    if given.textures is not None and not given.textures.is_dir():
        parser.error(f"{given.textures} is no folder; name one that holds JPEG or PNG photographs")
    if given.furniture is not None and not any(given.furniture.glob("*.sh3f")):
        parser.error(
            f"{given.furniture} holds no .sh3f file; name a folder of furniture catalogues"
        )
    tasks = []
    for kind in KINDS:
        count = getattr(given, kind)
        if count:
            dataset.prepare(given.out / kind, kind)
        tasks += [
            Task(given.out / kind, kind, i, given.seed, given.textures, given.furniture)
            for i in range(count)
        ]
    todo = [
        task for task in tasks if not dataset.done(task.folder, f"s{task.seed}_{task.number:05d}")
    ]
    os.environ.setdefault("LP_NUM_THREADS", "1")  # llvmpipe: a process is a core
    with multiprocessing.get_context("spawn").Pool(
        max(given.jobs, 1), cv2.setNumThreads, (1,)
    ) as pool:
        for _ in pool.imap_unordered(make, todo):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
