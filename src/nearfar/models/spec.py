"""What a model is: its file, its licence, its input, its output, and its graph."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class InputSpec:
    """How a picture is prepared for the network.

    Pixels reach the network as `(rgb / 255 - mean) / std`, float32, (N, 3, h, w).

    Attributes:
        width_px: the size that `resize` aims at.
        height_px: the same for the height.
        multiple_of: both sides of what is fed are multiples of this.
        resize: `stretch` feeds exactly width x height; `lower_bound` keeps the aspect and
            makes neither side smaller than that; `upper_bound` keeps it and makes neither
            side larger (the names are MiDaS's).
        interpolation: how the picture is resized.
        mean: per channel, RGB, of values in [0, 1]; zero when the graph normalises itself.
        std: likewise; one when the graph normalises itself.
        range_px: least and largest longer side at which pictures may be fed; `stretch` has none.
    """

    width_px: int
    height_px: int
    multiple_of: int
    resize: Literal["stretch", "lower_bound", "upper_bound"]
    interpolation: Literal["area", "cubic"] = "cubic"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    range_px: tuple[int, int] = (32, 4096)


@dataclass(frozen=True)
class OutputSpec:
    """How the network's map is read.

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
class GraphSpec:
    """What a network's graph is fed, and which of its outputs are read.

    A graph with one input and one output needs no names.

    Attributes:
        family: what the outputs mean, a name of `nearfar.models.family.FAMILIES`.
        image: name of the input that takes the pictures.
        intrinsics: of the input that takes the camera's 3 x 3 matrix, in pixels of what is fed.
        focal: of the input that takes the focal length, in pixels of what is fed.
        tokens: of the input that takes a number of tokens.
        depth: of the output that is the depth map.
        points: of the output that gives points, whose z is the depth.
        mask: of the output that is the mask of valid pixels, as booleans or as probabilities.
        scale: of the output that is the factor from the points' unit to metres.
    """

    family: str = "inverse"
    image: str | None = None
    intrinsics: str | None = None
    focal: str | None = None
    tokens: str | None = None
    depth: str | None = None
    points: str | None = None
    mask: str | None = None
    scale: str | None = None


PLAIN_GRAPH: Final = GraphSpec()
"""One picture in, one map of inverse depth out."""


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
        output: how the map is brought to the photo's size, and what its zero is.
        graph: family of the network, and the names of its inputs and outputs.
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
    graph: GraphSpec = PLAIN_GRAPH
    macs_per_px: float | None = None
    int8: str | None = None
