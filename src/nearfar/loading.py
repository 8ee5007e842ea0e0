"""Load a model, once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nearfar.choices import DEFAULT_MAX_SIDE_PX, EstimateOptions, RuntimeName
from nearfar.models.spec import ModelSpec
from nearfar.models.store import Store
from nearfar.runtimes import choose
from nearfar.runtimes.session import Session

if TYPE_CHECKING:
    from nearfar.estimator import Estimator


def load(
    model: str = "auto",
    *,
    runtime: RuntimeName = "auto",
    threads: int | None = None,
    callers: int = 1,
    max_side_px: int = DEFAULT_MAX_SIDE_PX,
    refine: bool = False,
    store: Store | None = None,
) -> "Estimator":
    """Load a model; do it once and keep the result.

    Args:
        model: a name of `nearfar models list`; `auto` is the best that is installed, or the
            same network in int8 where that is installed too and was measured to be faster on
            this machine. `Estimator.spec` is of the one that was loaded.
        runtime: onnxruntime, openvino or torch; `auto` is onnxruntime, or openvino where that
            is installed and was measured to be faster on this machine for this model.
        threads: of one inference; the machine's physical cores when not given.
        callers: how many threads will call the estimator at once.
        max_side_px: longest side fed to a model with free size, 32 to 4096.
        refine: carry the photo's edges into the map.
        store: where models lie; the user's own folder when not given.

    Raises:
        UnknownModelError: no model of that name.
        ModelMissingError: the model is known, but not on this machine.
        ChecksumError: the model's file is not what it was.
        MissingExtraError: the runtime is not installed.
    """
    store = store or Store()
    specs = store.candidates(model)
    options = EstimateOptions(max_side_px=max_side_px, refine=refine)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(
            _open,
            store,
            specs,
            runtime=runtime,
            threads=threads,
            callers=callers,
            max_side_px=max_side_px,
        )
        from nearfar.estimator import Estimator  # OpenCV and Pillow, while the network loads

        spec, session = opening.result()
        return Estimator(spec, session, options)


def _open(
    store: Store,
    specs: Sequence[ModelSpec],
    *,
    runtime: RuntimeName,
    threads: int | None,
    callers: int,
    max_side_px: int,
) -> tuple[ModelSpec, Session]:
    shape = choose.usual_shape(specs[0], max_side_px=max_side_px)
    way = choose.take(store, specs, shape, runtime=runtime, threads=threads)
    with store.opened(way.model) as path:
        session = choose.open_session(path, way.runtime, threads=threads, callers=callers)
    return next(spec for spec in specs if spec.name == way.model), session
