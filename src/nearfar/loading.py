"""Load a model, once."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nearfar.config import DEFAULT_MAX_SIDE_PX, EstimateOptions, RuntimeName
from nearfar.models.catalog import Purpose
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import autotune
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.base import Session

if TYPE_CHECKING:
    from nearfar.estimator import Estimator


def load(
    model: str = "auto",
    *,
    purpose: Purpose = "photo",
    runtime: RuntimeName = "auto",
    threads: int | None = None,
    callers: int = 1,
    max_side_px: int = DEFAULT_MAX_SIDE_PX,
    refine: bool = False,
    store: ModelRegistry | None = None,
) -> "Estimator":
    """Load a model; do it once and keep the result.

    Args:
        model: a name of `nearfar models list`; `auto` is the first that is installed of those
            that suit `purpose`, or the same network in int8 where that is installed too and was
            measured to be faster on this machine. `Estimator.spec` is of the one that was loaded.
        purpose: what `auto` is to suit: `photo`, one photo at a time, where accuracy counts; or
            `stream`, many pictures one after another, where speed does. `nearfar doctor` shows
            what that comes to. A model that is named is loaded for either.
        runtime: onnxruntime or openvino; `auto` is onnxruntime, or openvino where that
            is installed and was measured to be faster on this machine for this model.
        threads: of one inference; the machine's physical cores when not given.
        callers: how many threads will call the estimator at once.
        max_side_px: longest side fed to a model with free size, 32 to 4096.
        refine: carry the photo's edges into the map.
        store: where models lie; the user's own folder when not given.

    Raises:
        UsageError: no such purpose, or a number that makes no sense.
        UnknownModelError: no model of that name.
        ModelMissingError: the model is known, but not on this machine.
        ChecksumError: the model's file is not what it was.
        MissingExtraError: the runtime is not installed.
    """
    store = store or ModelRegistry()
    options = EstimateOptions(max_side_px=max_side_px, refine=refine)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(
            _open,
            store,
            model,
            purpose=purpose,
            runtime=runtime,
            threads=threads,
            callers=callers,
            max_side_px=max_side_px,
        )
        from nearfar.estimator import Estimator  # OpenCV and Pillow, while the network loads

        spec, session = opening.result()
        return Estimator(spec, session, options)


def resolve(
    model: str,
    *,
    purpose: Purpose,
    runtime: RuntimeName,
    threads: int | None,
    store: ModelRegistry,
    max_side_px: int = DEFAULT_MAX_SIDE_PX,
) -> Candidate:
    """Say which file in which runtime `load` would load, measured if need be.

    Args and raises: as `load`.
    """
    specs = store.candidates(model, purpose)
    shape = autotune.usual_shape(specs[0], max_side_px=max_side_px)
    return autotune.take(store, specs, shape, runtime=runtime, threads=threads)


def _open(
    store: ModelRegistry,
    model: str,
    *,
    purpose: Purpose,
    runtime: RuntimeName,
    threads: int | None,
    callers: int,
    max_side_px: int,
) -> tuple[ModelSpec, Session]:
    way = resolve(
        model,
        purpose=purpose,
        runtime=runtime,
        threads=threads,
        store=store,
        max_side_px=max_side_px,
    )
    spec = store.spec(way.model)
    with store.opened(way.model) as path:
        session = autotune.open_session(
            path, way.runtime, threads=threads, callers=callers, graph=spec.graph
        )
    return spec, session
