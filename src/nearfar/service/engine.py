"""The inference engine: models, one scheduler, and the estimation of photos."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import cv2
import numpy as np

from nearfar.config import EstimateOptions, ImageLimits
from nearfar.depth import Depth
from nearfar.errors import DrainingError, ImageTooLargeError
from nearfar.estimator import Estimator, check_image, plan
from nearfar.io.images import Image
from nearfar.isolation.photos import IsolatedImageFile, decoders
from nearfar.loading import load, resolve
from nearfar.models.catalog import Purpose
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import cpu
from nearfar.runtimes.autotune import MANY_PHOTOS
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.runtimes.table import CPU, DeviceName, RuntimeName
from nearfar.service.scheduler import Scheduler
from nearfar.service.settings import ServiceOptions
from nearfar.service.worker import (
    Job,
    NullObserver,
    Observer,
    Reservation,
    Timing,
    run_with_timeout,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Prediction(Generic[T]):
    """The result of one photo.

    Attributes:
        value: the result of `make`.
        model: name of the model.
        runtime: name of the runtime.
        width_px: of the photo, upright.
        height_px: of the photo, upright.
        timing: duration of each step.
        fed_px: width and height of the network's input.
    """

    value: T
    model: str
    runtime: str
    width_px: int
    height_px: int
    timing: Timing
    fed_px: tuple[int, int]


def open_photo(
    photo: bytes | Image, limits: ImageLimits, estimator: Estimator
) -> IsolatedImageFile | Image:
    """Read a photo's header; a small photo is also downscaled to the network's input.

    Encoded photos are read in a child process.

    Raises:
        ImageError: it is not a picture, or exceeds the limits.
        ProcessError: the decoder crashed, or exceeded its limits of time or memory.
        UsageError: the maximum side is too small for this model.
    """
    if isinstance(photo, bytes):
        sizes = partial(plan, spec=estimator.spec.input, options=estimator.options)
        return IsolatedImageFile(photo, limits=limits, plan=sizes)
    check_image(photo)
    height_px, width_px = photo.shape[:2]
    if width_px * height_px > limits.max_pixels:
        raise ImageTooLargeError(
            f"{width_px} x {height_px} are more than {limits.max_pixels} pixels:"
            " make the picture smaller"
        )
    return photo


class InferenceRequest:
    """A photo, its model, and the state between the steps of estimation.

    Args:
        estimator: the model, with the options of this photo.
        source: the result of `open_photo`.
        fov_deg: horizontal field of view; default: that of EXIF.

    Attributes:
        estimator: the model, bound to the photo's camera if it uses one.

    Raises:
        UsageError: the maximum side is too small for this model.
    """

    def __init__(
        self, estimator: Estimator, source: IsolatedImageFile | Image, fov_deg: float | None = None
    ) -> None:
        self._source = source
        focal_35mm_mm = None
        if isinstance(source, IsolatedImageFile):
            self.width_px, self.height_px = source.width_px, source.height_px
            focal_35mm_mm = source.focal_35mm_mm
        else:
            self.height_px, self.width_px = source.shape[:2]
        size_px = self.width_px, self.height_px
        self.estimator = estimator.for_photo(size_px, fov_deg=fov_deg, focal_35mm_mm=focal_35mm_mm)
        estimator.fed_px(size_px)  # raises before the job is queued
        self._image: Image | None = None

    def prepare(self) -> Batch:
        """Decode the photo at the necessary size, and return the input (1, 3, h, w)."""
        source = self._source
        self._image = source.read_small() if isinstance(source, IsolatedImageFile) else source
        return self.estimator.prepare(self._image)

    def depth(self, raw: RawDepth) -> Depth:
        """Create the map of the photo's size from the network's output, (h, w)."""
        image, self._image = self._image, None  # `make` needs memory too
        if image is None:
            raise RuntimeError("prepare must be called before depth")
        return self.estimator.finish(raw, image, size_px=(self.width_px, self.height_px))

    def raw(self, raw: RawDepth) -> RawDepth:
        """Check the output of the network, (h, w), and return it."""
        self._image = None
        self.estimator.check(raw)
        return raw


class ModelCache:
    """Cache of models, each loaded on the first request, outside of the event loop.

    For one event loop. One model is loaded at a time, since loading needs memory and cores. A
    failed load is repeated on the next request.

    Args:
        keep: maximum number of models; the least recently used is dropped. Models in use live until
            their work is done.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._models: OrderedDict[Hashable, asyncio.Future[Estimator]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "nearfar-load")

    async def get(self, key: Hashable, load: Callable[[], Estimator]) -> Estimator:
        """Return a model; load it if necessary.

        Args:
            key: of the cache.
            load: called in a thread, unless the model is loaded or being loaded.

        Raises:
            Exception: any error of `load`, for all waiting callers.
        """
        if key not in self._models:
            loading = asyncio.get_running_loop().run_in_executor(self._thread, load)
            self._models[key] = loading
            loading.add_done_callback(partial(self._loaded, key))
        self._models.move_to_end(key)
        # a cancelled caller must not cancel the loading for others
        return await asyncio.shield(self._models[key])

    def close(self) -> None:
        """Drop all models; a running load ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for loading in tuple(self._models.values()):
            loading.cancel()
        self._models.clear()

    def _loaded(self, key: Hashable, loading: "asyncio.Future[Estimator]") -> None:
        failed = loading.cancelled() or loading.exception() is not None
        if failed and self._models.get(key) is loading:
            del self._models[key]
        for old in [key for key, model in self._models.items() if model.done()][: -self._keep]:
            del self._models[old]


KEPT: Final = 2
"""Models in the cache besides the default one for photos, which stays loaded."""

WARM_DECODERS: Final = 4
"""Maximum of decoder processes started before the first request; more start when needed."""

_WARMING_PX: Final = (480, 640)
_STARTING: Final = "the service is starting: try again in a moment"


class InferenceEngine:
    """The models, and one scheduler. For one event loop.

    From `start` to `drain`, the number of OpenCV's threads in this process is each worker's share
    of the cores.

    Args:
        options: the settings.
        store: registry of the models; default: that of the user's folder. Nothing is downloaded.
        observer: receives results and refusals.

    Raises:
        UnknownModelError: no model has the name `options.model`.
        ModelMissingError: none is installed.
    """

    def __init__(
        self,
        options: ServiceOptions,
        *,
        store: ModelRegistry | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.options = options
        self._store = store or ModelRegistry()
        self._observer = observer or NullObserver()
        self._default: Estimator | None = None
        self._store.candidates(options.model, "photo")  # raises if the name is unknown
        self._own: dict[Purpose, tuple[str, RuntimeName, DeviceName]] = {}
        self._choosing = asyncio.Lock()
        self._loaded = ModelCache(KEPT)
        self._workers, self._limits = options.worker_count, options.limits
        self._scheduler = Scheduler(
            workers=self._workers,
            queue=options.queue,
            per_client=options.per_client,
            observer=self._observer,
        )
        self._executor = ThreadPoolExecutor(self._workers, "nearfar-io")
        self._opencv_threads: int | None = None
        self._is_draining = False

    @property
    def ready(self) -> bool:
        """Whether requests are accepted: started, and not stopping."""
        return self._default is not None and not self._is_draining

    def default_model(self, purpose: Purpose) -> str:
        """Return the name of the model that `auto` selects for photos, or for clips and streams."""
        if purpose in self._own:
            return self._own[purpose][0]
        return self._store.candidates(self.options.model, purpose)[0].name

    @property
    def waiting(self) -> int:
        """Accepted requests that no worker has started."""
        return self._scheduler.waiting

    @property
    def running(self) -> int:
        """Requests being processed by workers."""
        return self._scheduler.running

    async def start(self) -> None:
        """Load the default model for photos and run it once, outside of the event loop.

        If that for clips and streams is another one, it is loaded on first use.

        Raises:
            ModelMissingError: its file is not on this machine.
            ChecksumError: its file has not the recorded SHA-256.
            MissingExtraError: the runtime is not installed.
            DeviceError: the device is missing or does not start.
            InferenceError: the network does not run.
            ProcessError: no decoder process can be started.
        """
        if self._opencv_threads is None:
            self._opencv_threads = cv2.getNumThreads()
            cv2.setNumThreads(max(1, cpu.physical() // self._workers))
        loop, options = asyncio.get_running_loop(), self.options
        pool = decoders()
        pool.allow(self._workers + 1)  # one for headers while all workers decode
        warming = loop.run_in_executor(None, pool.prepare, min(self._workers, WARM_DECODERS))
        default = await loop.run_in_executor(
            self._executor, self._load, options.model, options.runtime, options.device
        )
        await warming
        self._own["photo"] = (default.spec.name, options.runtime, options.device)
        self._default = default

    def models(self) -> tuple[ModelSpec, ...]:
        """Return the installed models, best first."""
        return self._store.installed()

    def reserve(self, client: str) -> Reservation:
        """Make a reservation for a request, before its body is read.

        Raises:
            BusyError: the queue is full, or this client has too many requests.
            DrainingError: not started, or stopping.
        """
        if self._default is None:
            self._observer.refused("not-ready")
            raise DrainingError(_STARTING)
        return self._scheduler.reserve(client)

    async def depth(
        self,
        photo: bytes | Image,
        *,
        reservation: Reservation,
        make: Callable[[Depth], T],
        model: str | None = None,
        options: EstimateOptions = EstimateOptions(),
        fov_deg: float | None = None,
    ) -> Prediction[T]:
        """Estimate the depth of a photo.

        Args:
            photo: an encoded picture, whose header is read before its job is queued; or (H, W, 3)
                uint8 RGB, upright.
            reservation: the result of `reserve`.
            make: called with the map, of the photo's size, in a worker thread; for slow work such
                as encoding.
            model: a name in `models`, loaded on first use; `auto` or None is the `default_model`
                for photos.
            options: options of estimation.
            fov_deg: horizontal field of view, for models that use the camera; default: that of
                EXIF, or else 60.

        Raises:
            ImageError: the photo can't be read, or is too large.
            UsageError: the maximum side is too small for this model.
            UnknownModelError: no model of that name.
            ModelMissingError: it is not installed.
            InferenceError: the network failed.
            TimedOutError: it took longer than `options.timeout_s` of the settings.
            DrainingError: the service stopped before the job was done.
            Exception: any error of `make`.
        """
        return await run_with_timeout(
            self.options.timeout_s,
            self._answer(
                photo,
                reservation,
                lambda seen, raw: make(seen.depth(raw)),
                (model, "photo"),
                options,
                fov_deg=fov_deg,
            ),
        )

    async def raw(
        self,
        photo: bytes | Image,
        *,
        reservation: Reservation,
        make: Callable[[RawDepth], T],
        model: str | None = None,
        input_size_px: int | None = None,
    ) -> Prediction[T]:
        """Return the raw output of the network for a photo, for live streams.

        Args:
            photo: see `depth`.
            reservation: the result of `reserve`.
            make: called with the output, (h, w) float32, finite, in a worker thread. Scale and zero
                are those of the network.
            model: see `depth`, but `auto` or None is the `default_model` for streams.
            input_size_px: longest side of the network's input, 32 to 4096, within its range.

        Raises: as `depth`.
        """
        options = EstimateOptions(input_size_px=input_size_px)
        return await run_with_timeout(
            self.options.timeout_s,
            self._answer(
                photo,
                reservation,
                lambda seen, raw: make(seen.raw(raw)),
                (model, "stream"),
                options,
            ),
        )

    async def submit(self, job: Job[T], reservation: Reservation) -> tuple[T, Timing]:
        """Run a job in a worker, such as one frame of a clip.

        Raises: as `Scheduler.submit`.
        """
        return await self._scheduler.submit(job, reservation)

    async def drain(self) -> bool:
        """Refuse new requests, finish accepted ones within `options.drain_s`, and stop the threads.

        Returns:
            Whether all requests were finished in time.
        """
        self._is_draining = True
        done = await self._scheduler.drain(self.options.drain_s)
        self._loaded.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self._opencv_threads is not None:
            cv2.setNumThreads(self._opencv_threads)
            self._opencv_threads = None
        return done

    async def _answer(
        self,
        photo: bytes | Image,
        reservation: Reservation,
        finish: Callable[[InferenceRequest, RawDepth], T],
        model: tuple[str | None, Purpose],
        options: EstimateOptions,
        *,
        fov_deg: float | None = None,
    ) -> Prediction[T]:
        loop = asyncio.get_running_loop()
        loaded = await self.model(*model)
        estimator = Estimator(loaded.spec, loaded.session, options)
        source = await loop.run_in_executor(
            self._executor, open_photo, photo, self._limits, estimator
        )
        seen = InferenceRequest(estimator, source, fov_deg)
        job = Job(seen.estimator.session, seen.prepare, partial(finish, seen))
        value, timing = await self._scheduler.submit(job, reservation)
        name, runtime = estimator.spec.name, estimator.session.runtime
        size_px = seen.width_px, seen.height_px
        return Prediction(value, name, runtime, *size_px, timing, estimator.fed_px(size_px))

    async def model(self, name: str | None, purpose: Purpose) -> Estimator:
        """Return a model, loaded when first requested.

        Args:
            name: of the model; `auto` or None is `options.model`.
            purpose: use case, if that is `auto`, too.

        Raises:
            UnknownModelError: no model of that name.
            ModelMissingError: it is not installed.
            DrainingError: not started.
        """
        if self._default is None:
            raise DrainingError(_STARTING)
        runtime, device = self.options.runtime, self.options.device
        if name is None or name == "auto":
            name, runtime, device = self._own.get(purpose) or await self._choose(purpose)
        if name == self._default.spec.name:
            return self._default
        loop = asyncio.get_running_loop()
        spec = await loop.run_in_executor(self._executor, self._store.spec, name)
        load_it = partial(self._load, spec.name, runtime, device)
        return await self._loaded.get((spec.name, spec.sha256), load_it)

    async def _choose(self, purpose: Purpose) -> tuple[str, RuntimeName, DeviceName]:
        """Choose the default model of a purpose, once; candidates may have to be timed."""
        loop = asyncio.get_running_loop()
        async with self._choosing:
            if purpose not in self._own:
                self._own[purpose] = await loop.run_in_executor(
                    self._executor, self._load_spec, purpose
                )
        return self._own[purpose]

    def _load_spec(self, purpose: Purpose) -> tuple[str, RuntimeName, DeviceName]:
        name, store = self.options.model, self._store
        if store.candidates(name, purpose) == store.candidates(name, "photo"):
            return self._own["photo"]
        options = self.options
        choice = resolve(
            name,
            purpose=purpose,
            runtime=options.runtime,
            device=options.device,
            threads=options.threads,
            expected_photos=MANY_PHOTOS,
            store=store,
        )
        # loading may still replace a device chosen by `auto` by the CPU
        device = CPU if choice.device == CPU else options.device
        return choice.model, choice.runtime, device

    def _load(self, name: str, runtime: RuntimeName, device: DeviceName) -> Estimator:
        """Load a model and run it once, so that the first request is not slower."""
        estimator = load(
            name,
            purpose="photo",
            runtime=runtime,
            device=device,
            expected_photos=MANY_PHOTOS,
            threads=self.options.threads,
            callers=self._workers,
            store=self._store,
        )
        estimator(np.zeros((*_WARMING_PX, 3), np.uint8))
        return estimator
