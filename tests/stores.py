"""A store on a made-up catalogue: a network, and the same in int8."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from nearfar.models.catalog import Purpose
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec, ModelSpec
from tests.fakes import tiny_onnx

LITE_ONLY: Final[dict[Purpose, tuple[str, ...]]] = {"photo": ("lite",), "stream": ("lite",)}
INPUT: Final = InputSpec(64, 64, 32, "lower_bound")


def spec_of(name: str, content: bytes) -> ModelSpec:
    return ModelSpec(
        name=name,
        file=f"{name}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        licence="MIT",
        origin="tests",
        urls=(),
        input=INPUT,
    )


def bundled_store(
    folder: Path, *, lite: bytes | None = None, int8: bytes | None = None
) -> ModelRegistry:
    """Make a store whose models ship: `lite`, and `lite-int8`, which answers the same.

    Args:
        folder: where all lies.
        lite: content of the file of `lite`.
        int8: content of that of `lite-int8`.
    """
    contents = {"lite": lite or tiny_onnx(), "lite-int8": int8 or tiny_onnx(channel_axis=True)}
    bundled = folder / "bundled"
    bundled.mkdir(parents=True)
    for name, content in contents.items():
        (bundled / f"{name}.onnx").write_bytes(content)
    float_spec, int8_spec = (spec_of(name, content) for name, content in contents.items())
    catalog = (replace(float_spec, int8="lite-int8"), int8_spec)
    return ModelRegistry(folder / "home", catalog=catalog, auto=LITE_ONLY, bundled=bundled)


def two_networks(folder: Path) -> ModelRegistry:
    """Make a store whose `base`, which is for photos, and `lite` ship; `fine` can be pulled."""
    bundled = folder / "bundled"
    bundled.mkdir(parents=True)
    contents = {"base": tiny_onnx(), "lite": tiny_onnx(channel_axis=True)}
    for name, content in contents.items():
        (bundled / f"{name}.onnx").write_bytes(content)
    fine = replace(spec_of("fine", b"fine"), urls=("https://models.invalid/fine.onnx",))
    catalog = (fine, *(spec_of(name, content) for name, content in contents.items()))
    auto: dict[Purpose, tuple[str, ...]] = {
        "photo": ("fine", "base", "lite"),
        "stream": ("lite", "base", "fine"),
    }
    return ModelRegistry(folder / "home", catalog=catalog, auto=auto, bundled=bundled)


def spoil(path: Path) -> None:
    """Make a file another one of the same size."""
    path.write_bytes(path.read_bytes()[::-1])
