"""Optimizer, parameter groups and learning-rate schedule."""

import math
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer

ENCODERS = ("encoder", "pretrained")
"""Names of a network's pretrained part; MiDaS calls it `pretrained`."""

WARM_UP_SHARE = 0.02
"""Share of the steps in which the learning rate rises linearly from zero."""


def make_optimizer(
    network: nn.Module, *, encoder_lr: float, decoder_lr: float, weight_decay: float
) -> AdamW:
    """Create an AdamW optimizer (Loshchilov and Hutter, 2019) with up to four parameter groups.

    The encoder (`ENCODERS`) has its own learning rate. Biases and normalization layers have no
    weight decay.

    Args:
        network: its frozen parameters are left out.
        encoder_lr: peak learning rate of the encoder.
        decoder_lr: peak learning rate of the other parameters.
        weight_decay: weight decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rate = encoder_lr if name.partition(".")[0] in ENCODERS else decoder_lr
            groups.setdefault((rate, weight_decay if parameter.ndim > 1 else 0.0), []).append(
                parameter
            )
    options: list[dict[str, Any]] = [
        {"params": parameters, "lr": rate, "peak": rate, "weight_decay": group_decay}
        for (rate, group_decay), parameters in groups.items()
    ]
    return AdamW(options, betas=(0.9, 0.99))


def first_stages(network: nn.Module, count: int) -> list[nn.Module]:
    """Return the first stages of a network's encoder, or the whole encoder if it has no more.

    Args:
        network: has an encoder under one of the names in `ENCODERS`.
        count: number of stages; the resolution halves with each.
    """
    for name, part in network.named_children():
        if name in ENCODERS:
            stages = list(part.children())
            return [part] if count >= len(stages) else stages[:count]
    return []


def set_learning_rates(optimizer: Optimizer, step: int, steps: int) -> None:
    """Set the learning rate of every group: linear warm-up, then a half cosine down to 1 %.

    Args:
        optimizer: from `make_optimizer`.
        step: from 0.
        steps: total number of steps.
    """
    factor = rate_factor(step, steps)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def rate_factor(step: int, steps: int) -> float:
    """Return the learning rate at a step as a share of the peak."""
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
