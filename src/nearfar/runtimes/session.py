"""The one thing a runtime must do."""

from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Runtime: TypeAlias = Literal["onnxruntime", "openvino", "torch"]

Batch = NDArray[np.float32]
"""(N, 3, h, w) float32, RGB, normalised as the model's `InputSpec` says."""

RawDepth = NDArray[np.float32]
"""(N, h, w) float32, as the network gave it."""


class Session(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    runtime: str
    """Name of the runtime: onnxruntime, openvino or torch."""

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; a graph made for one picture gets them one by one.

        Args:
            batch: (N, 3, h, w) float32.

        Returns:
            (N, h, w) float32.

        Raises:
            InferenceError: the runtime refused, for instance a size the graph can't take.
            OutOfMemoryError: there was too little memory for the run.
        """
        ...
