"""The kinds of numbers that scenes are written in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Color = Sequence[float]
Span = tuple[float, float]
