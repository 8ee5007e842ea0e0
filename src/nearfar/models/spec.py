"""Description of a model: its file, its licence, its input, its output, and its graph."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class InputSpec:
    """Preprocessing of pictures for a network.

    The input is `(rgb / 255 - mean) / std`, float32, (N, 3, h, w).

    Attributes:
        width_px: the width that `resize` refers to.
        height_px: the same for the height.
        multiple_of: both sides of the input are multiples of this.
        resize: `stretch` resizes to exactly width x height; `lower_bound` keeps the aspect ratio
            and makes neither side smaller than that, `upper_bound` neither side larger (names from
            MiDaS).
        interpolation: method of resizing the picture.
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
    """Interpretation of a network's map.

    Attributes:
        zero: `far` - zero is infinitely far, and values below it are artefacts, set to 0; `free` -
            the network was trained up to an unknown shift, so a map is shifted until its farthest
            pixel is zero.
        interpolation: method of resizing the map to the photo's size; `cubic` may overshoot at
            edges, so negative values are set to 0.
    """

    zero: Literal["far", "free"] = "far"
    interpolation: Literal["linear", "cubic"] = "cubic"


@dataclass(frozen=True)
class GraphSpec:
    """Roles of the inputs and outputs of a network's graph.

    A graph with one input and one output needs no names.

    Attributes:
        family: meaning of the outputs, a name in `nearfar.models.family.FAMILIES`.
        image: name of the input that takes the pictures.
        intrinsics: name of the input for the camera's 3 x 3 matrix, in pixels of the network's
            input.
        focal: name of the input for the focal length, in pixels of the network's input.
        tokens: name of the input for a number of tokens.
        depth: name of the output that is the depth map.
        points: name of the output of points, whose z is the depth.
        mask: name of the output that is the mask of valid pixels, as booleans or as probabilities.
        scale: name of the output that is the factor from the points' unit to metres.
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
"""One input, a picture, and one output, a map of inverse depth."""


@dataclass(frozen=True)
class ModelSpec:
    """One row of the catalog, or one user model.

    Attributes:
        name: what the user types.
        file: name of the ONNX file.
        sha256: of that file, lower-case hex. A file with another hash is never loaded.
        size_bytes: of that file.
        licence: of the weights.
        origin: who made them and where they are published.
        urls: addresses of the file, in order of preference; empty for a local model.
        input: preprocessing of pictures.
        output: interpretation and resizing of the map.
        graph: family of the network, and the names of its inputs and outputs.
        macs_per_px: multiply-adds per input pixel; None if unknown.
        int8: name in the catalog of the same network in int8, with the same input and output, whose
            measured accuracy is within the bound; None if there is none.
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
