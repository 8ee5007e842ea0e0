"""How fast which weights learn."""

import math
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer

ENCODERS = ("encoder", "pretrained")
"""What the part of a network is called that has learned before; MiDaS calls it pretrained."""

WARM_UP = 0.02
"""Share of all steps in which the rate rises from zero."""


def make_optimizer(
    network: nn.Module, *, encoder_rate: float, decoder_rate: float, decay: float
) -> AdamW:
    """AdamW (Loshchilov and Hutter, 2019) in four groups.

    The encoder (`ENCODERS`) learns at its own rate. Biases and normalisations are not decayed.

    Args:
        network: frozen parameters are left out.
        encoder_rate: peak learning rate of the encoder.
        decoder_rate: peak learning rate of the rest.
        decay: weight decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rate = encoder_rate if name.partition(".")[0] in ENCODERS else decoder_rate
            groups.setdefault((rate, decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    options: list[dict[str, Any]] = [
        {"params": parameters, "lr": rate, "peak": rate, "weight_decay": group_decay}
        for (rate, group_decay), parameters in groups.items()
    ]
    return AdamW(options, betas=(0.9, 0.99))


def first_stages(network: nn.Module, count: int) -> list[nn.Module]:
    """Return the first stages of a network's encoder; all of it from as many as it has.

    Args:
        network: has an encoder under one of the names of `ENCODERS`.
        count: how many; each next one has half the resolution.
    """
    for name, part in network.named_children():
        if name in ENCODERS:
            stages = list(part.children())
            return [part] if count >= len(stages) else stages[:count]
    return []


def set_rates(optimizer: Optimizer, step: int, steps: int) -> None:
    """Set every group's rate: a short rise, then half a cosine down to a hundredth.

    Args:
        optimizer: from `make_optimizer`.
        step: from 0.
        steps: in all.
    """
    factor = rate_factor(step, steps)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def rate_factor(step: int, steps: int) -> float:
    """Give the share of the peak rate at a step."""
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    way = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * way))
