"""Normalize each image of a batch to median 0 and mean absolute deviation 1.

Ranftl et al., "Towards Robust Monocular Depth Estimation" (TPAMI 2022, arXiv 1907.01341),
equations 5 and 6. Each image of a batch has its own number of valid pixels.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from nearfar.errors import UsageError

SAMPLE_SIZE: Final = 4096
"""Largest number of pixels per image that a median or quantile is computed from.

Selecting among all 49,152 pixels of an image costs more than the rest of the losses. 4096 evenly
spaced pixels give the median's rank to within a few thousandths.
"""

EPSILON: Final = 1e-20
"""Lower bound of denominators."""


@dataclass(frozen=True)
class Sample:
    """A subset of each image's valid pixels: up to `SAMPLE_SIZE`, evenly spaced.

    Attributes:
        index: (N, L) indices into the flattened image; entries from `size` on are padding.
        size: (N, 1), number of sampled pixels of each image.
        count: (N, 1), number of valid pixels of each image.
    """

    index: Tensor
    size: Tensor
    count: Tensor


def align_by_median(values: Tensor, valid: Tensor, smallest_spread: float = EPSILON) -> Tensor:
    """Subtract each image's median and divide by its mean absolute deviation.

    Of an even number of values, the lower middle one is the median. See also `SAMPLE_SIZE`.

    Args:
        values: (N, h, w); values where `valid` is False are ignored and may be NaN.
        valid: (N, h, w) bool.
        smallest_spread: lower bound of the deviation, so that constant images become zero.

    Returns:
        (N, h, w), zero where not valid; float64 if `values` is, else float32.

    Raises:
        UsageError: the shapes differ, or `valid` is not boolean.
    """
    check_batch(values, valid)
    flat = flatten_valid(values, valid)
    known = valid.flatten(1).to(flat)
    aligned, _, _ = align(flat, known, sample_valid(valid), smallest_spread)
    return aligned.view(values.shape)


def align(
    flat: Tensor, known: Tensor, sample: Sample, smallest_spread: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Do the same as `align_by_median` for flattened images.

    Args:
        flat: (N, h * w), finite.
        known: (N, h * w), 1 where valid, else 0; a float mask is several times as fast as a
            boolean one.
        sample: valid pixels from which the medians are computed.
        smallest_spread: lower bound of the deviation.

    Returns:
        The aligned values (N, h * w), the medians (N, 1) and the mean absolute deviations (N, 1).
    """
    median = value_at_rank(flat, sample, (sample.size - 1).clamp_min(0) // 2)
    centered = (flat - median) * known
    spread = centered.abs().sum(1, keepdim=True) / sample.count.clamp_min(1)
    return centered / spread.clamp_min(smallest_spread), median, spread


@torch.no_grad()
def sample_valid(valid: Tensor) -> Sample:
    """Select the pixels from which medians and quantiles are computed.

    Args:
        valid: (N, h, w) bool.
    """
    known = valid.flatten(1)
    count = known.sum(1, keepdim=True)
    step = ((count + SAMPLE_SIZE - 1) // SAMPLE_SIZE).clamp_min(1)
    size = (count + step - 1) // step
    positions = known.flatten().nonzero()[:, 0]
    if not len(positions):
        return Sample(count.new_zeros(len(known), 1), size, count)
    slots = torch.arange(int(size.max()), device=known.device) * step + count.cumsum(0) - count
    index = positions[slots.clamp_max(len(positions) - 1)] % known.shape[1]
    return Sample(index, size, count)


def value_at_rank(values: Tensor, sample: Sample, rank: Tensor) -> Tensor:
    """Return the value with the given rank among each image's sampled pixels.

    Padding is set to plus or minus infinity, so that one call of `kthvalue` with a common rank
    serves all images. The result is gathered by index, which keeps its gradient.

    Args:
        values: (N, h * w).
        sample: the sampled pixels.
        rank: (N, 1), 0 is the smallest. If an image's sample has n pixels more than another's,
            its rank must be 0 to n higher.

    Returns:
        (N, 1), zero for an image without valid pixels.
    """
    with torch.no_grad():
        common = rank.max()
        chosen = values.gather(1, sample.index)
        padding = torch.arange(chosen.shape[1], device=values.device) - sample.size
        chosen[padding >= 0] = torch.inf
        chosen[(padding >= 0) & (padding < common - rank)] = -torch.inf
        position = chosen.kthvalue(int(common) + 1, dim=1, keepdim=True).indices
        index = sample.index.gather(1, position)
    return values.gather(1, index) * (sample.count > 0)


def flatten_valid(values: Tensor, valid: Tensor) -> Tensor:
    """Return (N, h * w) in float32 or float64, zero where not valid."""
    exact = values.to(torch.promote_types(values.dtype, torch.float32))
    return torch.where(valid, exact, 0).flatten(1)


def check_batch(values: Tensor, *others: Tensor) -> None:
    """Check that all tensors have one shape (N, h, w) and that the last one is a mask.

    Raises:
        UsageError: the shapes differ, the batch is empty, or the mask is not boolean.
    """
    if values.ndim != 3 or any(other.shape != values.shape for other in others):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (values, *others))
        raise UsageError(f"images and valid masks must all have shape (N, h, w), not {shapes}")
    if not values.numel():
        raise UsageError("a batch needs at least one image of at least one pixel")
    if others[-1].dtype != torch.bool:
        raise UsageError(f"the valid mask must have dtype bool, not {others[-1].dtype}")
