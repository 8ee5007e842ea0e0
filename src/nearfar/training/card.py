"""A trained model's card: what it was made from, how, and how well it does."""

from collections.abc import Mapping, Sequence

from nearfar.models.spec import ModelSpec


def card(
    spec: ModelSpec,
    *,
    init: str,
    data: Sequence[str],
    options: Mapping[str, object],
    steps: int,
    hours: float,
    numbers: Mapping[str, float],
) -> str:
    """Write a card in Markdown.

    Args:
        spec: of the finished model.
        init: what the weights began as.
        data: a line a set.
        options: of the training.
        steps: that were done.
        hours: that they took.
        numbers: what the last validation found.
    """
    parts = [
        f"# {spec.name}",
        f"SHA-256 `{spec.sha256}`, {spec.size_bytes:,} bytes."
        + (f" {spec.macs_per_px * 65536 / 1e9:.2f} GMAC at 256 x 256." if spec.macs_per_px else ""),
        "## Licence of the weights",
        f"{spec.licence}. Look at the terms of every set below before you pass the weights on.",
        "## Made from",
        f"Began as: {init}.",
        "\n".join(f"- {line}" for line in data),
        f"{steps} steps in {hours:.2f} hours.",
        "## Validation",
        "| what | value |\n|---|---|\n"
        + "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(numbers.items())),
        "## Options",
        "| option | value |\n|---|---|\n"
        + "\n".join(f"| {name} | {value} |" for name, value in options.items()),
    ]
    return "\n\n".join(parts) + "\n"
