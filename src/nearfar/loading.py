"""Load a model: choose its file, runtime and device, and open them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from nearfar.config import EstimateOptions
from nearfar.errors import UsageError
from nearfar.models.catalog import Purpose
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes import autotune
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.base import Session
from nearfar.runtimes.table import DeviceName, RuntimeName

if TYPE_CHECKING:
    from nearfar.estimator import Estimator


def load(
    model: str = "auto",
    *,
    purpose: Purpose = "photo",
    runtime: RuntimeName = "auto",
    device: DeviceName = "auto",
    expected_photos: int | None = None,
    threads: int | None = None,
    callers: int = 1,
    input_size_px: int | None = None,
    refine: bool = False,
    store: ModelRegistry | None = None,
) -> "Estimator":
    """Load a model. This is slow: load once, and call the result for every photo.

    The result is thread-safe, and can be pickled; other processes then load the same model in the
    same runtime.

    Args:
        model: a name of `nearfar models list`; `auto` is the first installed one for `purpose`, or
            the same network in int8 if that is installed and was measured to be faster on this
            machine. `Estimator.spec` describes the loaded one.
        purpose: use case, for `auto`: `photo`, one photo at a time, with accuracy as priority; or
            `stream`, a sequence of many pictures, with speed as priority. `nearfar doctor` shows
            the choice. Ignored for a model given by name.
        runtime: a name of `nearfar.runtimes.table.RUNTIMES`; `auto` is onnxruntime, or openvino if
            that is installed and was measured to be faster on this machine for this model.
        device: a name of `nearfar.runtimes.table.DEVICES`, such as cpu or cuda; `auto` is the CPU,
            or another one of the installed runtimes that was measured to be clearly faster. If that
            does not start later, a warning is logged and the CPU is used.
        expected_photos: expected number of photos. With few, `auto` takes the time of loading into
            account; with thousands, only the time of a run. Default: 1 for the purpose `photo` and
            many for `stream`.
        threads: of one inference on the CPU; default: the physical cores.
        callers: number of threads that call the estimator at the same time.
        input_size_px: longest side at which photos are fed, 32 to 4096, within the model's range;
            default: the model's own size.
        refine: align the map's edges with the photo's (guided filter).
        store: registry of the models; default: that of the user's folder.

    Raises:
        UsageError: no such purpose, runtime or device, or a number out of its range.
        UnknownModelError: no model of that name.
        ModelMissingError: the model is known, but not on this machine.
        ChecksumError: the model's file has not the recorded SHA-256.
        MissingExtraError: the runtime is not installed.
        DeviceError: the given device is missing or does not start.
    """
    given, store = store, store or ModelRegistry()
    options = EstimateOptions(input_size_px=input_size_px, refine=refine)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(
            _open,
            store,
            model,
            purpose=purpose,
            runtime=runtime,
            device=device,
            expected_photos=expected_photos,
            threads=threads,
            callers=callers,
            input_size_px=input_size_px,
        )
        from nearfar.estimator import Estimator  # import OpenCV and Pillow while the network loads

        choice, session = opening.result()
        reload = partial(
            load,
            choice.model,
            runtime=choice.runtime,
            device=device,
            threads=threads,
            callers=callers,
            input_size_px=input_size_px,
            refine=refine,
            store=given,
        )
        return Estimator(store.spec(choice.model), session, options, reload=reload)


def resolve(
    model: str,
    *,
    purpose: Purpose,
    runtime: RuntimeName,
    device: DeviceName,
    threads: int | None,
    store: ModelRegistry,
    expected_photos: int | None = None,
    callers: int = 1,
    input_size_px: int | None = None,
) -> Candidate:
    """Return the file, runtime and device that `load` would use; measure them if necessary.

    Args and raises: as `load`.
    """
    if expected_photos is None:
        expected_photos = autotune.usual_photos(purpose)
    if expected_photos < 1:
        raise UsageError(f"expected_photos must be at least 1, not {expected_photos}")
    specs = store.candidates(model, purpose)
    shape = autotune.usual_shape(specs[0], input_size_px=input_size_px)
    is_many = expected_photos >= autotune.MANY_PHOTOS
    return autotune.choose(
        store,
        specs,
        shape,
        runtime=runtime,
        device=device,
        threads=threads,
        expected_photos=expected_photos if is_many else ceil(expected_photos / max(1, callers)),
    )


def _open(
    store: ModelRegistry,
    model: str,
    *,
    purpose: Purpose,
    runtime: RuntimeName,
    device: DeviceName,
    expected_photos: int | None,
    threads: int | None,
    callers: int,
    input_size_px: int | None,
) -> tuple[Candidate, Session]:
    choice = resolve(
        model,
        purpose=purpose,
        runtime=runtime,
        device=device,
        threads=threads,
        store=store,
        expected_photos=expected_photos,
        callers=callers,
        input_size_px=input_size_px,
    )
    with store.opened(choice.model) as path:
        session = autotune.open_chosen(
            path,
            choice,
            device=device,
            threads=threads,
            callers=callers,
            graph=store.spec(choice.model).graph,
        )
    return choice, session
