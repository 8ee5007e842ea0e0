"""What a depth file holds."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DepthFileError

Kind = Literal["inverse_depth", "metres"]
"""`inverse_depth`: relative, larger = nearer, no unit. `metres`: along the view axis."""

KINDS: Final = "say 'inverse_depth' (relative, larger = nearer) or 'metres'"


@dataclass(frozen=True, eq=False)
class DepthRaster:
    """What a depth file holds.

    Attributes:
        values: (H, W) float32. Relative: finite and not negative. Metres: over 0; inf is no
            surface.
        kind: what the values are.
        model: catalogue name of the model that made them.
        note: a sentence for the reader, such as the assumption of a calibration.

    Raises:
        DepthFileError: values or texts that are none of this.
    """

    values: NDArray[np.float32]
    kind: Kind
    model: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise DepthFileError(f"no kind of depth {self.kind!r}: {KINDS}")
        if self.values.ndim != 2 or self.values.dtype != np.float32 or not self.values.size:
            shape = self.values.shape
            raise DepthFileError(f"{self.values.dtype} of shape {shape}: give (H, W) float32")
        low, high = self.limits
        if np.isnan(low):
            raise DepthFileError("some values are NaN, which is no depth: replace them")
        if self.kind == "inverse_depth" and not 0 <= low <= high < np.inf:
            raise DepthFileError(f"values {low:g} to {high:g}: relative depth is finite, 0 or more")
        if self.kind == "metres" and low <= 0:
            raise DepthFileError(f"a distance of {low:g} m: give more than 0, or inf for none")
        for text in (self.model, self.note):
            if "\0" in text or text.encode(errors="replace").decode() != text:
                raise DepthFileError(f"the text {text!r} can't be stored: use plain Unicode")

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return float(self.values.min()), float(self.values.max())
