"""Catalogue of models, and the order in which `auto` takes them for each purpose."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal

from nearfar.models.spec import InputSpec, ModelSpec, OutputSpec

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)

_GITHUB: Final = "https://github.com"
_RESEARCH: Final = "research data sets, some non-commercial: see docs/models.md"
_LITE_INPUT: Final = InputSpec(
    *(192, 192, 32, "lower_bound", "area"),
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
    range_px=(64, 1024),
)
_LITE_OUTPUT: Final = OutputSpec("free", "linear")

_BASE_SHORT_PX: Final = 288
"""Shorter side of the input of nearfar-base, as in its training."""

_BASE_INPUT: Final = replace(_LITE_INPUT, width_px=_BASE_SHORT_PX, height_px=_BASE_SHORT_PX)

CATALOG: Final[tuple[ModelSpec, ...]] = (
    ModelSpec(
        name="depth-anything-v2-small",
        file="depth_anything_v2_vits_dynamic.onnx",
        sha256="46c4e8eeda3a27f34701831b6a2ec7753d7b38779b215acb5633424703deed8f",
        size_bytes=99_092_268,
        licence="Apache-2.0",
        origin="Depth Anything V2 (Yang et al., 2024), exported by fabio-sim/Depth-Anything-ONNX",
        urls=(
            f"{_GITHUB}/fabio-sim/Depth-Anything-ONNX/releases/download/v2.0.0/depth_anything_v2_vits_dynamic.onnx",
        ),
        input=InputSpec(
            *(518, 518, 14, "lower_bound", "cubic"),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            range_px=(70, 2072),
        ),
        output=OutputSpec("far", "linear"),
    ),
    ModelSpec(
        name="midas-small",
        file="model-small.onnx",
        sha256="2d8c6cb8f415229daf1eb041024208e2608c9f98e17c81cc7c6ecb449c56fd58",
        size_bytes=66_764_249,
        licence="MIT",
        origin="MiDaS v2.1 small (Ranftl et al., TPAMI 2022), isl-org/MiDaS",
        urls=(f"{_GITHUB}/isl-org/MiDaS/releases/download/v2_1/model-small.onnx",),
        input=InputSpec(256, 256, 32, "stretch", "cubic"),  # the graph normalises by itself
        output=OutputSpec("far", "cubic"),
        macs_per_px=70_200,
    ),
    ModelSpec(
        name="nearfar-base",
        file="nearfar-base.onnx",
        sha256="1d930b984f6b930f6f2d13bba59c09e25f435a79ad0da4a43def2d917f379c41",
        size_bytes=9_820_671,
        licence=_RESEARCH,
        origin="nearfar's own network for photos, included in the package",
        urls=(),
        input=_BASE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
        int8="nearfar-base-int8",
    ),
    ModelSpec(
        name="nearfar-base-int8",
        file="nearfar-base-int8.onnx",
        sha256="5a42dec8e35192f267cf47c9fd77ac1faec5cb6d23e7ac421a7a7e007a409add",
        size_bytes=5_259_986,
        licence=_RESEARCH,
        origin="nearfar-base in 8 bits, included in the package",
        urls=(),
        input=_BASE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
    ),
    ModelSpec(
        name="nearfar-lite",
        file="nearfar-lite.onnx",
        sha256="d2da39c8432ba2a85027f648bdcf2e1aadcafcfc894cd583a5219fc8b832377e",
        size_bytes=9_820_671,
        licence=_RESEARCH,
        origin="nearfar's own network, included in the package",
        urls=(),
        input=_LITE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
        int8="nearfar-lite-int8",
    ),
    ModelSpec(
        name="nearfar-lite-int8",
        file="nearfar-lite-int8.onnx",
        sha256="0fb8de1b719cb1b00fa3f8a3b1a797db1526560d3992aee09b8b4b8e9dec64bc",
        size_bytes=5_230_421,
        licence=_RESEARCH,
        origin="nearfar-lite in 8 bits, included in the package",
        urls=(),
        input=_LITE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
    ),
)
"""Best first."""

Purpose = Literal["photo", "stream"]
"""Use case of an estimator: one photo at a time, or a sequence of many pictures."""

AUTO: Final[Mapping[Purpose, tuple[str, ...]]] = MappingProxyType(
    {
        # the most accurate first: a single map may take longer
        "photo": ("depth-anything-v2-small", "midas-small", "nearfar-base", "nearfar-lite"),
        # the fastest first: frames of a clip or a camera, the photos of a folder
        "stream": ("nearfar-lite", "nearfar-base", "midas-small", "depth-anything-v2-small"),
    }
)
"""Purpose -> networks: `auto` is the first of them that is on this machine, in float or in int8."""
