"""The one table of models, and which of them `auto` takes for what."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal

from nearfar.models.spec import Checkpoint, InputSpec, ModelSpec, OutputSpec

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)

_GITHUB: Final = "https://github.com"
_RESEARCH: Final = "research data sets, some non-commercial: see docs/models.md"
_LITE_INPUT: Final = InputSpec(
    192, 192, 32, "lower_bound", "area", (127 / 255,) * 3, (128 / 255,) * 3
)
_LITE_OUTPUT: Final = OutputSpec("free", "linear")

_BASE_SHORT_PX: Final = 288
"""Shorter side that nearfar-base is fed, which is what it is trained at."""

_BASE_INPUT: Final = replace(_LITE_INPUT, width_px=_BASE_SHORT_PX, height_px=_BASE_SHORT_PX)

# TODO: the weights of nearfar-base are not there yet. The commit that brings them replaces each
# _NO_FILE, size_bytes and macs_per_px by the files' own, and deletes _NO_FILE and the filter below.
_NO_FILE: Final = "0" * 64
_BASE: Final = (
    ModelSpec(
        name="nearfar-base",
        file="nearfar-base.onnx",
        sha256=_NO_FILE,
        size_bytes=0,
        licence=_RESEARCH,
        origin="nearfar's own network for photos, ships inside the package",
        urls=(),
        input=_BASE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
        int8="nearfar-base-int8",
    ),
    ModelSpec(
        name="nearfar-base-int8",
        file="nearfar-base-int8.onnx",
        sha256=_NO_FILE,
        size_bytes=0,
        licence=_RESEARCH,
        origin="nearfar-base in 8 bits, ships inside the package",
        urls=(),
        input=_BASE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
    ),
)

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
        input=InputSpec(518, 518, 14, "lower_bound", "cubic", IMAGENET_MEAN, IMAGENET_STD),
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
    *(row for row in _BASE if row.sha256 != _NO_FILE),
    ModelSpec(
        name="nearfar-lite",
        file="nearfar-lite.onnx",
        sha256="926df83858ceb32e35033e84357cc651af10eeaf3219b23b6eb3ffeba73ce7af",
        size_bytes=18_179_476,
        licence=_RESEARCH,
        origin="nearfar's own network, ships inside the package",
        urls=(),
        input=_LITE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
        int8="nearfar-lite-int8",
        checkpoint=Checkpoint(
            file="nearfar-lite.safetensors",
            sha256="82abf4d7cc5b91b80147240e5751d997d43a4da6ed32e31ca62fd0d88af27a70",
            size_bytes=18_533_612,
        ),
    ),
    ModelSpec(
        name="nearfar-lite-int8",
        file="nearfar-lite-int8.onnx",
        sha256="d9837f9710de5df225a7768b75c8752edcdd21bb16a23b30303812b488400a36",
        size_bytes=5_244_136,
        licence=_RESEARCH,
        origin="nearfar-lite in 8 bits, ships inside the package",
        urls=(),
        input=_LITE_INPUT,
        output=_LITE_OUTPUT,
        macs_per_px=13_057,
    ),
)
"""Best first."""

Purpose = Literal["photo", "stream"]
"""What depth is wanted for: one photo at a time, or many pictures one after another."""

AUTO: Final[Mapping[Purpose, tuple[str, ...]]] = MappingProxyType(
    {
        # the most accurate first: a person waits for one map
        "photo": ("depth-anything-v2-small", "midas-small", "nearfar-base", "nearfar-lite"),
        # the fastest first: frames of a clip or a camera, the photos of a folder
        "stream": ("nearfar-lite", "nearfar-base", "midas-small", "depth-anything-v2-small"),
    }
)
"""Purpose -> networks: `auto` is the first of them that is on this machine, in float or in int8."""
