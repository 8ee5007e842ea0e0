"""Bring pictures of unknown scale and shift to one: median 0 and mean absolute deviation 1.

Ranftl et al., "Towards Robust Monocular Depth Estimation" (TPAMI 2022, arXiv 1907.01341),
equations 5 and 6, for whole batches in which each picture has its own count of valid pixels.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from nearfar.errors import UsageError

SAMPLE_SIZE: Final = 4096
"""Medians and quantiles of more valid pixels than this are taken of every so many-th of them.

To select among all 49,152 pixels of a picture costs more than the rest of the losses together.
Evenly spread over the picture, 4096 pixels give the median's rank to a few thousandths.
"""

TINY: Final = 1e-20
"""Stands for zero where something is divided."""


@dataclass(frozen=True)
class Sample:
    """Up to `SAMPLE_SIZE` valid pixels of each picture, evenly spread, and counts.

    Attributes:
        index: (N, L) into the flat picture; what lies past `size` is padding.
        size: (N, 1), how many pixels of each picture are in the sample.
        count: (N, 1), how many are valid.
    """

    index: Tensor
    size: Tensor
    count: Tensor


def align_by_median(values: Tensor, valid: Tensor, smallest_spread: float = TINY) -> Tensor:
    """Each picture less its median, over its mean absolute deviation.

    The median is the lower of two middle values; see also `SAMPLE_SIZE`.

    Args:
        values: (N, h, w); where not valid they may be anything, NaN too.
        valid: (N, h, w) bool.
        smallest_spread: what a smaller deviation is taken for, so that constant pictures
            become zero.

    Returns:
        (N, h, w), zero where not valid; float32, or float64 if `values` are.

    Raises:
        UsageError: shapes differ, or `valid` is not boolean.
    """
    check_pictures(values, valid)
    flat = without_rest(values, valid)
    known = valid.flatten(1).to(flat)
    aligned, _, _ = align(flat, known, sample_valid(valid), smallest_spread)
    return aligned.view(values.shape)


def align(
    flat: Tensor, known: Tensor, sample: Sample, smallest_spread: float
) -> tuple[Tensor, Tensor, Tensor]:
    """As `align_by_median`, for values in one row a picture.

    Args:
        flat: (N, h * w), finite.
        known: (N, h * w), one where valid and zero elsewhere; masks of floats are several
            times as fast as masks of booleans.
        sample: of the valid pixels.
        smallest_spread: as for `align_by_median`.

    Returns:
        The aligned values (N, h * w), the medians (N, 1) and the mean absolute deviations (N, 1).
    """
    median = ranked(flat, sample, (sample.size - 1).clamp_min(0) // 2)
    centred = (flat - median) * known
    spread = centred.abs().sum(1, keepdim=True) / sample.count.clamp_min(1)
    return centred / spread.clamp_min(smallest_spread), median, spread


@torch.no_grad()
def sample_valid(valid: Tensor) -> Sample:
    """Choose the pixels whose order decides.

    Args:
        valid: (N, h, w) bool.
    """
    known = valid.flatten(1)
    count = known.sum(1, keepdim=True)
    step = ((count + SAMPLE_SIZE - 1) // SAMPLE_SIZE).clamp_min(1)
    size = (count + step - 1) // step
    places = known.flatten().nonzero()[:, 0]
    if not len(places):
        return Sample(count.new_zeros(len(known), 1), size, count)
    slots = torch.arange(int(size.max()), device=known.device) * step + count.cumsum(0) - count
    index = places[slots.clamp_max(len(places) - 1)] % known.shape[1]
    return Sample(index, size, count)


def ranked(values: Tensor, sample: Sample, rank: Tensor) -> Tensor:
    """The value of a rank among each picture's sample.

    Padding is made so small, or so large, that one rank serves all pictures. The answer is
    read back by its place, which carries the gradient.

    Args:
        values: (N, h * w).
        sample: of the valid pixels.
        rank: (N, 1), from 0 for the smallest. A picture with n pixels more in its sample must
            have a rank that is 0 to n higher.

    Returns:
        (N, 1), zero for a picture without valid pixels.
    """
    with torch.no_grad():
        common = rank.max()
        chosen = values.gather(1, sample.index)
        padding = torch.arange(chosen.shape[1], device=values.device) - sample.size
        chosen[padding >= 0] = torch.inf
        chosen[(padding >= 0) & (padding < common - rank)] = -torch.inf
        place = chosen.kthvalue(int(common) + 1, dim=1, keepdim=True).indices
        index = sample.index.gather(1, place)
    return values.gather(1, index) * (sample.count > 0)


def without_rest(values: Tensor, valid: Tensor) -> Tensor:
    """(N, h * w) in single precision or better, zero where not valid."""
    exact = values.to(torch.promote_types(values.dtype, torch.float32))
    return torch.where(valid, exact, 0).flatten(1)


def check_pictures(values: Tensor, *others: Tensor) -> None:
    """Are all of one shape, and is the last a mask?

    Raises:
        UsageError: no.
    """
    if values.ndim != 3 or any(other.shape != values.shape for other in others):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (values, *others))
        raise UsageError(f"pictures and what is valid of them must all be (N, h, w), not {shapes}")
    if not values.numel():
        raise UsageError("a batch needs at least one picture of at least one pixel")
    if others[-1].dtype != torch.bool:
        raise UsageError(f"valid must be of dtype bool, not {others[-1].dtype}")
