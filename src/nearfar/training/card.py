"""Model card of a trained model: its data, options and validation results."""

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
    """Return a model card in Markdown.

    Args:
        spec: of the finished model.
        init: description of the initial weights.
        data: one line per data set.
        options: training options.
        steps: number of training steps.
        hours: training time.
        numbers: results of the last validation.
    """
    parts = [
        f"# {spec.name}",
        f"SHA-256 `{spec.sha256}`, {spec.size_bytes:,} bytes."
        + (f" {spec.macs_per_px * 65536 / 1e9:.2f} GMAC at 256 x 256." if spec.macs_per_px else ""),
        "## Licence of the weights",
        f"{spec.licence}. Check the terms of every data set below before you distribute these.",
        "## Training",
        f"Initial weights: {init}.",
        "\n".join(f"- {line}" for line in data),
        f"{steps} steps in {hours:.2f} hours.",
        "## Validation",
        "| metric | value |\n|---|---|\n"
        + "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(numbers.items())),
        "## Options",
        "| option | value |\n|---|---|\n"
        + "\n".join(f"| {name} | {value} |" for name, value in options.items()),
    ]
    return "\n\n".join(parts) + "\n"
