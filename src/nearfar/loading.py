"""Load a model, once."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nearfar.choices import DEFAULT_MAX_SIDE_PX, EstimateOptions, RuntimeName
from nearfar.models.sizes import target_size
from nearfar.models.spec import ModelSpec
from nearfar.models.store import Store
from nearfar.runtimes.choose import open_session
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
        model: a name of `nearfar models list`; `auto` is the best that is installed.
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
    spec = store.auto() if model == "auto" else store.spec(model)
    options = EstimateOptions(max_side_px=max_side_px, refine=refine)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(
            _open,
            store,
            spec,
            runtime=runtime,
            threads=threads,
            callers=callers,
            max_side_px=max_side_px,
        )
        from nearfar.estimator import Estimator  # OpenCV and Pillow, while the network loads

        return Estimator(spec, opening.result(), options)


def _open(
    store: Store,
    spec: ModelSpec,
    *,
    runtime: RuntimeName,
    threads: int | None,
    callers: int,
    max_side_px: int,
) -> Session:
    width_px, height_px = target_size(640, 480, spec.input, max_side_px=max_side_px)
    with store.opened(spec.name) as path:
        return open_session(
            path,
            spec.sha256,
            runtime=runtime,
            threads=threads,
            callers=callers,
            sample_shape=(1, 3, height_px, width_px),
        )
