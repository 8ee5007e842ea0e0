"""The options of the main job: what is read, what runs it, how, and what is written."""

from dataclasses import dataclass
from typing import Literal

from nearfar.config import Options, option

RuntimeName = Literal["auto", "onnxruntime", "openvino", "torch"]
FormatName = Literal["png16", "png8", "exr", "pfm", "tiff", "npy", "npz"]
ColormapName = Literal["inferno", "magma", "viridis", "turbo", "spectral", "grey"]


DEFAULT_MAX_SIDE_PX = 640


@dataclass(frozen=True)
class ImageLimits(Options):
    """What is refused to be read."""

    max_pixels: int = option("Refuse pictures with more pixels than this.", 100_000_000, ge=1)
    max_bytes: int = option("Refuse files with more bytes than this.", 64 * 2**20, ge=1)
    allow_truncated: bool = option(
        "Take a JPEG, PNG or BMP that was cut off; its lacking rows are flat.", default=False
    )


@dataclass(frozen=True)
class EstimateOptions(Options):
    """How a photo becomes depth."""

    max_side_px: int = option(
        "Longest side, in pixels, of what is fed to a model with free size.",
        DEFAULT_MAX_SIDE_PX,
        ge=32,
        le=4096,
    )
    refine: bool = option(
        "Carry the photo's edges into the depth map (guided filter).", default=False
    )


@dataclass(frozen=True)
class RefinedOptions(EstimateOptions):
    """Estimating for 3-D, where soft edges show most."""

    refine: bool = option(
        "Carry the photo's edges into the depth map (guided filter).", default=True
    )


@dataclass(frozen=True)
class OutputOptions(Options):
    """What is written for each photo, and how it looks."""

    format: FormatName | None = option(
        "File format of the depth map; by the output's suffix, or else png16.", None
    )
    colormap: ColormapName = option("Colours of the pictures, near = warm.", "inferno")
    robust: bool = option(
        "Colours span the 2nd to the 98th percentile, not all of the depths.", default=False
    )
    color: bool = option("Also write the map in colour, as a JPEG.", default=False)
    side_by_side: bool = option(
        "Also write the photo beside the map in colour, as a JPEG.", default=False
    )
