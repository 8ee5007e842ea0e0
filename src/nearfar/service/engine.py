"""The inference engine: the models behind one scheduler, and a photo's way through them."""

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
        value: what `make` gave.
        model: catalogue name.
        runtime: what ran it.
        width_px: of the photo, upright.
        height_px: of the photo, upright.
        timing: where the time went.
        fed_px: width and height at which the network was fed.
    """

    value: T
    model: str
    runtime: str
    width_px: int
    height_px: int
    timing: Timing
    fed_px: tuple[int, int]


def opened(
    photo: bytes | Image, limits: ImageLimits, estimator: Estimator
) -> IsolatedImageFile | Image:
    """Look at a photo; a small one is made as small as it is fed in the same go.

    An encoded one is read in a child process.

    Raises:
        ImageError: it is none, or is beyond the limits.
        ProcessError: the decoder crashed, took too long or needed too much memory.
        UsageError: the longest side allowed is too small for this model.
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
    """A photo, the model that looks at it, and what is known between the steps.

    Args:
        estimator: the model, with the options of this photo.
        source: what `opened` gave.
        fov_deg: horizontal field of view; that of EXIF when not given.

    Attributes:
        estimator: the model, bound to the photo's camera where it computes with one.

    Raises:
        UsageError: the longest side allowed is too small for this model.
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
        estimator.fed_px(size_px)  # refuses before the job waits
        self._image: Image | None = None

    def prepare(self) -> Batch:
        """Decode the photo at the size that is needed, and make (1, 3, h, w) of it."""
        source = self._source
        self._image = source.read_small() if isinstance(source, IsolatedImageFile) else source
        return self.estimator.prepare(self._image)

    def depth(self, raw: RawDepth) -> Depth:
        """Make the map, of the photo's own size, of what the network gave, (h, w)."""
        image, self._image = self._image, None  # what is made of the map needs room too
        if image is None:
            raise RuntimeError("a photo is prepared before its map is made")
        return self.estimator.finish(raw, image, size_px=(self.width_px, self.height_px))

    def raw(self, raw: RawDepth) -> RawDepth:
        """Check the output of the network, (h, w), and return it."""
        self._image = None
        self.estimator.check(raw)
        return raw


class ModelCache:
    """Models, each loaded once when first requested, off the event loop.

    Used from one event loop. One is loaded at a time, since loading fills memory and cores. A
    load that failed is tried anew by whoever asks next.

    Args:
        keep: models that are held; who was not asked for the longest goes first. Those that
            still work on something live until that is done.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._models: OrderedDict[Hashable, asyncio.Future[Estimator]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "nearfar-load")

    async def get(self, key: Hashable, load: Callable[[], Estimator]) -> Estimator:
        """Return a model, loading it if need be.

        Args:
            key: what it is held under.
            load: called in a thread, unless it is held or on its way already.

        Raises:
            Exception: whatever `load` raises, to all who wait for it.
        """
        if key not in self._models:
            loading = asyncio.get_running_loop().run_in_executor(self._thread, load)
            self._models[key] = loading
            loading.add_done_callback(partial(self._loaded, key))
        self._models.move_to_end(key)
        # a cancelled caller must not cancel the loading for others
        return await asyncio.shield(self._models[key])

    def close(self) -> None:
        """Let go of all; a load under way ends by itself."""
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
"""Models held beside the default one of photos, which always is."""

WARM_DECODERS: Final = 4
"""Decoder processes that are ready before the first request, at most; more start when needed."""

_WARMING_PX: Final = (480, 640)
_STARTING: Final = "the service is starting: try again in a moment"


class InferenceEngine:
    """The models behind one scheduler. Used from one event loop.

    From `start` to `drain`, OpenCV has of its own threads, in this process, only each
    worker's share of the cores.

    Args:
        options: the settings.
        store: where models lie; the user's own folder when not given. Nothing is fetched.
        observer: told of results and refusals.

    Raises:
        UnknownModelError: no model is called `options.model`.
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
        self._store.candidates(options.model, "photo")  # raises for an unknown name
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
        self._lookers = ThreadPoolExecutor(self._workers, "nearfar-look")
        self._opencv_threads: int | None = None
        self._is_draining = False

    @property
    def ready(self) -> bool:
        """Whether requests are taken: started, and not stopping."""
        return self._default is not None and not self._is_draining

    def default_model(self, purpose: Purpose) -> str:
        """Return the name of the model that `auto` means for photos, or for clips and streams."""
        if purpose in self._own:
            return self._own[purpose][0]
        return self._store.candidates(self.options.model, purpose)[0].name

    @property
    def waiting(self) -> int:
        """Requests taken that no worker has begun."""
        return self._scheduler.waiting

    @property
    def running(self) -> int:
        """Requests that workers are at."""
        return self._scheduler.running

    async def start(self) -> None:
        """Load the default model of photos and run it once, off the event loop.

        That of clips and streams, where it is another, is loaded when it is first needed.

        Raises:
            ModelMissingError: its file is not on this machine.
            ChecksumError: its file is not what it was.
            MissingExtraError: the named runtime is not installed.
            DeviceError: the named device is missing or does not start.
            InferenceError: the network does not run.
            ProcessError: no process for decoders can be started.
        """
        if self._opencv_threads is None:
            self._opencv_threads = cv2.getNumThreads()
            cv2.setNumThreads(max(1, cpu.physical() // self._workers))
        loop, options = asyncio.get_running_loop(), self.options
        pool = decoders()
        pool.allow(self._workers + 1)  # one for headers, while all workers decode
        warming = loop.run_in_executor(None, pool.prepare, min(self._workers, WARM_DECODERS))
        default = await loop.run_in_executor(
            self._lookers, self._load, options.model, options.runtime, options.device
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
            BusyError: no place left, or this client holds too many.
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
        place: Reservation,
        make: Callable[[Depth], T],
        model: str | None = None,
        options: EstimateOptions = EstimateOptions(),
        fov_deg: float | None = None,
    ) -> Prediction[T]:
        """Estimate the depth of a photo.

        Args:
            photo: an encoded picture, whose header is read before its job waits; or (H, W, 3)
                uint8 RGB, upright.
            place: what `reserve` gave.
            make: called with the map, of the photo's own size, in a worker thread: whatever
                takes time, such as to encode, belongs there.
            model: a name of `models`, loaded when it is first asked for; `auto` or None is the
                `default_model` of photos.
            options: how the photo becomes depth.
            fov_deg: horizontal field of view, for models that compute with the camera; that of
                EXIF, or else 60, when not given.

        Raises:
            ImageError: the photo can't be read, or is too large.
            UsageError: the longest side allowed is too small for this model.
            UnknownModelError: no model of that name.
            ModelMissingError: it is not installed.
            InferenceError: the network failed.
            TimedOutError: all this took longer than `options.timeout_s` of the settings.
            DrainingError: the service stopped, and its deadline came first.
            Exception: whatever `make` raised.
        """
        return await run_with_timeout(
            self.options.timeout_s,
            self._answer(
                photo,
                place,
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
        place: Reservation,
        make: Callable[[RawDepth], T],
        model: str | None = None,
        input_size_px: int | None = None,
    ) -> Prediction[T]:
        """Return the raw output of the network for a photo, for live streams.

        Args:
            photo: as for `depth`.
            place: what `reserve` gave.
            make: called with the answer, (h, w) float32, finite, in a worker thread. Its scale
                and its zero are the network's own.
            model: as for `depth`, but `auto` or None is the `default_model` of streams.
            input_size_px: longest side that is fed, 32 to 4096, within the model's range.

        Raises: as `depth`.
        """
        options = EstimateOptions(input_size_px=input_size_px)
        return await run_with_timeout(
            self.options.timeout_s,
            self._answer(
                photo, place, lambda seen, raw: make(seen.raw(raw)), (model, "stream"), options
            ),
        )

    async def submit(self, job: Job[T], place: Reservation) -> tuple[T, Timing]:
        """Run a job in a worker, such as one frame of a clip.

        Raises: as `Scheduler.submit`.
        """
        return await self._scheduler.submit(job, place)

    async def drain(self) -> bool:
        """Take no more, finish what was taken within `options.drain_s`, and end the threads.

        Returns:
            Whether all was finished in time.
        """
        self._is_draining = True
        done = await self._scheduler.drain(self.options.drain_s)
        self._loaded.close()
        self._lookers.shutdown(wait=False, cancel_futures=True)
        if self._opencv_threads is not None:
            cv2.setNumThreads(self._opencv_threads)
            self._opencv_threads = None
        return done

    async def _answer(
        self,
        photo: bytes | Image,
        place: Reservation,
        finish: Callable[[InferenceRequest, RawDepth], T],
        model: tuple[str | None, Purpose],
        options: EstimateOptions,
        *,
        fov_deg: float | None = None,
    ) -> Prediction[T]:
        loop = asyncio.get_running_loop()
        loaded = await self.model(*model)
        estimator = Estimator(loaded.spec, loaded.session, options)
        source = await loop.run_in_executor(self._lookers, opened, photo, self._limits, estimator)
        seen = InferenceRequest(estimator, source, fov_deg)
        job = Job(seen.estimator.session, seen.prepare, partial(finish, seen))
        value, timing = await self._scheduler.submit(job, place)
        name, runtime = estimator.spec.name, estimator.session.runtime
        size_px = seen.width_px, seen.height_px
        return Prediction(value, name, runtime, *size_px, timing, estimator.fed_px(size_px))

    async def model(self, name: str | None, purpose: Purpose) -> Estimator:
        """Return a model, loaded when first requested.

        Args:
            name: of the model; `auto` or None is the service's own choice, `options.model`.
            purpose: what that is to suit, where it is `auto` too.

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
        spec = await loop.run_in_executor(self._lookers, self._store.spec, name)
        load_it = partial(self._load, spec.name, runtime, device)
        return await self._loaded.get((spec.name, spec.sha256), load_it)

    async def _choose(self, purpose: Purpose) -> tuple[str, RuntimeName, DeviceName]:
        """Make the service's own choice for a purpose, once; candidates may have to be timed."""
        loop = asyncio.get_running_loop()
        async with self._choosing:
            if purpose not in self._own:
                self._own[purpose] = await loop.run_in_executor(
                    self._lookers, self._chosen, purpose
                )
        return self._own[purpose]

    def _chosen(self, purpose: Purpose) -> tuple[str, RuntimeName, DeviceName]:
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
        # a device that `auto` chose may still give way to the CPU when the model is loaded
        device = CPU if choice.device == CPU else options.device
        return choice.model, choice.runtime, device

    def _load(self, name: str, runtime: RuntimeName, device: DeviceName) -> Estimator:
        """Load a model and run it once, so that the first request does not pay for that."""
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
