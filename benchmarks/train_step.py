"""What a training step costs in bfloat16, and when memory is kept."""

import json
import os
import subprocess
import sys
from typing import Final

from benchmarks.paired import in_turn, spread
from benchmarks.result import Ratio, Table, write

WAYS: Final = {
    "float32": ("float32", "plain", "handed back"),
    "float32, memory kept": ("float32", "plain", "kept"),
    "bfloat16 by torch alone, memory kept": ("bfloat16", "plain", "kept"),
    "bfloat16 as `--bf16`, memory kept": ("bfloat16", "own", "kept"),
}
"""Way -> type, gradients of depthwise convolutions, and what is done with memory."""

BATCH: Final = 8
SIZE_PX: Final = (256, 192)
ROUNDS: Final = 3

_STEPS: Final = 4
_NOTE: Final = (
    "bfloat16 pays only on processors that know it (AVX512-BF16, AMX). `nearfar train` keeps memory"
    " by itself."
)


def main() -> None:
    """Measure and write the result."""
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(ROUNDS):
        for name in in_turn(WAYS, turn):
            command = [sys.executable, "-m", "benchmarks.train_step", *WAYS[name]]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            times[name] += json.loads(done.stdout)
    found = {name: spread(each, 1e3 / BATCH) for name, each in times.items()}
    first, *others = found
    write(
        "train_step",
        title="A training step",
        question="What does a step of `nearfar train` gain from bfloat16, and from memory that is"
        " not handed back to the system between steps?",
        data=f"Random pictures, {SIZE_PX[0]} x {SIZE_PX[1]}, {BATCH} a step; forward, loss and"
        f" backward of nearfar-lite; {ROUNDS} processes a way, in turn.",
        ratios=[
            Ratio(
                what=f"time of a step, {name}, over {first}",
                value=found[name].median / found[first].median,
            )
            for name in others
        ],
        tables=[
            Table(
                title="Times",
                columns=("way", "ms a picture"),
                rows=tuple((name, each) for name, each in found.items()),
            )
        ],
        notes=(_NOTE,),
    )


def measure(kind: str, gradients: str, memory: str) -> list[float]:
    """Time steps in this process.

    Args:
        kind: `float32` or `bfloat16`.
        gradients: `own` for those of `nets.efficientnet_lite`, `plain` for torch's.
        memory: `kept`, or anything else.

    Returns:
        Seconds of each step.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from contextlib import nullcontext
    from time import perf_counter

    import torch

    from nearfar.training.allocator import keep_memory
    from nearfar.training.losses import depth_loss
    from nearfar.training.nets import efficientnet_lite
    from nearfar.training.nets.nearfar_lite import NearfarLite

    if memory == "kept":
        keep_memory()
    if gradients == "plain":
        efficientnet_lite.SameConv2d.forward = _plain_forward  # type: ignore[method-assign]
    torch.manual_seed(0)
    network = NearfarLite().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(BATCH, 3, *SIZE_PX[::-1]).contiguous(memory_format=torch.channels_last)
    truth = torch.rand(BATCH, *SIZE_PX[::-1])
    valid = truth > 0.1
    lower = torch.autocast("cpu", torch.bfloat16) if kind == "bfloat16" else nullcontext()
    times = []
    for _ in range(2 + _STEPS):
        began = perf_counter()
        with lower:
            answer = network(images).float()
        loss = depth_loss(answer, truth, valid, trim=0.2, gradient_weight=0.25)
        loss.total.backward()  # type: ignore[no-untyped-call]
        times.append(perf_counter() - began)
    return times[2:]


def _plain_forward(self: "encoder.SameConv2d", x: "torch.Tensor") -> "torch.Tensor":  # type: ignore[name-defined]  # noqa: F821
    from torch import nn

    if self._pads is not None:
        x = nn.functional.pad(x, self._pads)
    return nn.Conv2d.forward(self, x)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
