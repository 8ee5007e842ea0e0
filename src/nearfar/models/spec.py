"""What a model is: its file, its terms, and how a picture must be fed to it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class InputSpec:
    """How the network wants its picture.

    Pixels reach the network as `(rgb / 255 - mean) / std`, float32, (N, 3, h, w).

    Attributes:
        width_px: the size that `resize` aims at.
        height_px: the same for the height.
        multiple_of: both sides of what is fed are multiples of this.
        resize: `stretch` feeds exactly width x height; `lower_bound` keeps the aspect and
            makes neither side smaller than asked; `upper_bound` keeps it and makes neither
            side larger (the names are MiDaS's).
        interpolation: how the picture is resized on its way in.
        mean: per channel, RGB, of values in [0, 1]; zero when the graph normalises itself.
        std: likewise; one when the graph normalises itself.
    """

    width_px: int
    height_px: int
    multiple_of: int
    resize: Literal["stretch", "lower_bound", "upper_bound"]
    interpolation: Literal["area", "cubic"] = "cubic"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class OutputSpec:
    """How the network's answer becomes inverse depth.

    Attributes:
        zero: `far` - zero is infinitely far, and what falls below it is an artefact that is
            cut off; `free` - the network was trained up to an unknown shift, so a picture's
            values are lifted until its farthest pixel is zero.
        interpolation: how the map is resized to the photo's size; `cubic` may overshoot at
            edges, which is why negative values are cut off.
    """

    zero: Literal["far", "free"] = "far"
    interpolation: Literal["linear", "cubic"] = "cubic"


@dataclass(frozen=True)
class ModelSpec:
    """One row of the catalogue, or one model of the user's own.

    Attributes:
        name: what the user types.
        file: name of the ONNX file.
        sha256: of that file, lower-case hex. Nothing else is ever loaded under this name.
        size_bytes: of that file.
        licence: of the weights.
        origin: who made them and where they are published.
        urls: where the file can be fetched from, tried in turn; empty for a local model.
        input: how pictures are fed.
        output: how answers are read.
        macs_per_px: multiply-adds per pixel fed; None when not known.
        int8: name of the catalogue's row of the same network in int8, fed and read alike, which
            was measured to be within the bound on accuracy; None when there is none.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    origin: str
    urls: tuple[str, ...]
    input: InputSpec
    output: OutputSpec = OutputSpec()
    macs_per_px: float | None = None
    int8: str | None = None
