"""Which runtime for this model on this machine: asked for, or measured once and remembered."""

import importlib.util
import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import log2
from pathlib import Path
from typing import Final, Literal, TypeAlias

from nearfar.atomic import replacing
from nearfar.choices import RuntimeName
from nearfar.errors import InferenceError, ModelFileError, WriteError
from nearfar.runtimes import cache, cores, measure
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from nearfar.runtimes.reasons import reason
from nearfar.runtimes.session import Session

Runtime: TypeAlias = Literal["onnxruntime", "openvino", "torch"]
Shape: TypeAlias = tuple[int, int, int, int]

RUNTIMES: Final[tuple[Runtime, ...]] = ("onnxruntime", "openvino", "torch")
SAMPLE_SHAPE: Final[Shape] = (1, 3, 224, 288)
"""What the bundled model is fed for a photo of 4:3."""

WORTH_IT: Final = 0.9
"""openvino is taken where it needs at most this part of onnxruntime's time."""

_ROUNDS: Final = 15
_BUDGET_S: Final = 1.5
_KEPT: Final = 64
"""Choices that are remembered; the oldest goes first."""

_DAMAGED: Final = (OSError, ValueError, TypeError, AttributeError)
"""What reading a file of any content can raise."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """What `auto` takes, and why.

    Attributes:
        runtime: onnxruntime or openvino.
        onnxruntime_ms: median of a run.
        openvino_ms: likewise; None where openvino can't run the network.
    """

    runtime: Literal["onnxruntime", "openvino"]
    onnxruntime_ms: float
    openvino_ms: float | None


def available() -> tuple[Runtime, ...]:
    """Name the runtimes that are installed; none is imported."""
    found = importlib.util.find_spec
    return tuple(name for name in RUNTIMES if name == "onnxruntime" or found(name) is not None)


def open_session(
    model: bytes | Path,
    sha256: str,
    *,
    runtime: RuntimeName = "auto",
    threads: int | None = None,
    callers: int = 1,
    sample_shape: Shape = SAMPLE_SHAPE,
) -> Session:
    """Load a network.

    `auto` is onnxruntime where openvino is not installed. Where it is, both are timed once
    for this model, size, number of threads and machine, which takes some two seconds, and
    the result is kept in the cache folder.

    Args:
        model: an ONNX file, or its content. onnxruntime reads a file in less memory.
        sha256: of `model`, hex.
        runtime: which one, or `auto`.
        threads: of one run; the physical cores when not given.
        callers: how many threads will call `run` at the same time.
        sample_shape: (N, 3, h, w) that both are timed with.

    Raises:
        MissingExtraError: the runtime asked for is not installed.
        ModelFileError: the file is damaged, or no depth network.
        UsageError: less than one thread.
    """
    if runtime == "auto":
        runtime = auto(model, sha256, threads=threads, sample_shape=sample_shape)
    if runtime == "onnxruntime":
        return OnnxSession(model, threads=threads)
    content = model if isinstance(model, bytes) else model.read_bytes()
    if runtime == "openvino":
        folder = cache.folder() / "openvino"
        return OpenvinoSession(content, threads=threads, callers=callers, cache_dir=folder)
    from nearfar.runtimes.torch import TorchSession

    return TorchSession(content, threads=threads)


def auto(
    model: bytes | Path,
    sha256: str,
    *,
    threads: int | None = None,
    sample_shape: Shape = SAMPLE_SHAPE,
) -> Literal["onnxruntime", "openvino"]:
    """Name the runtime that `auto` takes; see `open_session`."""
    if "openvino" not in available():
        return "onnxruntime"
    choice = remembered(sha256, threads=threads, sample_shape=sample_shape)
    if choice is None:
        choice = _measure(model, sha256, threads, sample_shape)
        _remember(_key(sha256, threads, sample_shape), choice)
    return choice.runtime


def remembered(
    sha256: str, *, threads: int | None = None, sample_shape: Shape = SAMPLE_SHAPE
) -> Choice | None:
    """Give what was measured earlier for this model, size, number of threads and machine."""
    try:
        return _read().get(_key(sha256, threads, sample_shape))
    except _DAMAGED as error:
        _log.warning("the remembered runtimes in %s can't be read: %s", _file(), reason(error))
        return None


def _measure(model: bytes | Path, sha256: str, threads: int | None, shape: Shape) -> Choice:
    batch = measure.sample(shape)
    onnxruntime = open_session(model, sha256, runtime="onnxruntime", threads=threads)
    try:
        sessions = {
            "onnxruntime": onnxruntime,
            "openvino": open_session(model, sha256, runtime="openvino", threads=threads),
        }
        times = measure.interleaved(sessions, batch, runs=_ROUNDS, budget_s=_BUDGET_S)
    except (ModelFileError, InferenceError) as error:
        _log.warning("auto takes onnxruntime, since openvino can't run this model: %s", error)
        alone = measure.median_ms(onnxruntime, batch, runs=measure.FEWEST_ROUNDS)
        return Choice("onnxruntime", alone.median_ms, None)
    first, second = times["onnxruntime"].median_ms, times["openvino"].median_ms
    return Choice("openvino" if second <= WORTH_IT * first else "onnxruntime", first, second)


def _key(sha256: str, threads: int | None, shape: Shape) -> str:
    """Name what a choice holds for; sizes count as one up to a factor of two in pixels."""
    from importlib.metadata import version

    pixels = shape[0] * shape[2] * shape[3]
    parts = (
        sha256,
        f"2^{round(log2(pixels))} px",
        f"{cores.threads_or_physical(threads)} threads",
        cores.cpu_name(),
        f"onnxruntime {version('onnxruntime')}",
        f"openvino {version('openvino')}",
    )
    return " | ".join(parts)


def _file() -> Path:
    return cache.folder() / "runtimes.json"


def _read() -> dict[str, Choice]:
    """Read the choices; what is wrong with the file comes out as one of `_DAMAGED`."""
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {key: _choice(**value) for key, value in content.items()}


def _choice(runtime: str, onnxruntime_ms: float, openvino_ms: float | None) -> Choice:
    if runtime not in {"onnxruntime", "openvino"}:
        raise ValueError(f"no runtime is called {runtime!r}")
    return Choice(
        "openvino" if runtime == "openvino" else "onnxruntime",
        float(onnxruntime_ms),
        None if openvino_ms is None else float(openvino_ms),
    )


def _remember(key: str, choice: Choice) -> None:
    choices: dict[str, Choice] = {}
    with suppress(*_DAMAGED):  # that was told of when the file was read
        choices = _read()
    choices.pop(key, None)
    choices[key] = choice
    kept = list(choices.items())[-_KEPT:]
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        with replacing(_file()) as temporary:
            text = json.dumps({name: asdict(value) for name, value in kept}, indent=1)
            temporary.write_text(text, encoding="utf-8")
    except (OSError, WriteError) as error:
        _log.warning("the measured runtime is not remembered: %s", error)
