"""What the tests of models share."""

import hashlib
from pathlib import Path
from typing import Any

from nearfar.models.download import CHUNK_BYTES, fetch
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec, ModelSpec

CHUNK = CHUNK_BYTES
INPUT = InputSpec(256, 192, 32, "upper_bound", "area", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pull(target: Path, content: bytes, *urls: str) -> None:
    fetch(urls, target, digest(content), len(content), name="tiny")


def names(folder: Path) -> list[str]:
    """What lies there, but for the lock: empty, and kept for those who wait at it."""
    return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock")


def onnx_bytes(weights: bytes) -> bytes:
    """A ModelProto by hand: ir_version 8, a graph whose doc_string is `weights`, opset 17."""
    assert len(weights) < (1 << 14) - 3
    weights = b"\x52" + bytes([len(weights) & 0x7F | 0x80, len(weights) >> 7]) + weights
    length = bytes([len(weights) & 0x7F | 0x80, len(weights) >> 7])
    return b"\x08\x08" + b"\x3a" + length + weights + b"\x42\x02\x10\x11"


def row(name: str, content: bytes, *urls: str) -> ModelSpec:
    return ModelSpec(
        name, f"{name}.onnx", digest(content), len(content), "MIT", "tests", urls, INPUT
    )


def add(store: ModelRegistry, name: str, file: Path, **more: Any) -> ModelSpec:
    return store.add(name, file, **({"input": INPUT} | more))
