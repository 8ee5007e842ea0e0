"""Where HTTP, the stream and the page ask for depth."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import cv2
import numpy as np

from nearfar.config import DEFAULT_MAX_SIDE_PX, EstimateOptions, RuntimeName
from nearfar.depth import DepthMap
from nearfar.errors import DrainingError
from nearfar.estimator import Estimator
from nearfar.io.images import Image
from nearfar.isolation.photos import decoders
from nearfar.loading import load, resolve
from nearfar.models.catalog import Purpose
from nearfar.models.registry import Store
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import cpu
from nearfar.runtimes.base import RawDepth
from nearfar.service.answer import Answer
from nearfar.service.batcher import Batcher, Job, Observer, Place, Timing
from nearfar.service.deadline import within
from nearfar.service.job import Unobserved
from nearfar.service.loaded import LoadedModels
from nearfar.service.photo import Photo, opened
from nearfar.service.settings import ServiceOptions
from nearfar.service.workshop import Workshop

__all__ = ["Answer", "Desk"]

T = TypeVar("T")

KEPT: Final = 2
"""Models held beside the default one of photos, which always is."""

WARM_DECODERS: Final = 4
"""Decoder processes that are ready before the first request, at most; more start when needed."""

_WARMING_PX: Final = (480, 640)
_STARTING: Final = "the service is starting: try again in a moment"


class Desk:
    """The models behind one workshop. Used from one event loop.

    From `start` to `drain`, OpenCV has of its own threads, in this process, only each
    worker's share of the cores.

    Args:
        options: the settings.
        store: where models lie; the user's own folder when not given. Nothing is fetched.
        observer: told of runs, results and refusals.
        workshop: where jobs are done; a `Batcher` of `options` when not given.

    Raises:
        UnknownModelError: no model is called `options.model`.
        ModelMissingError: none is installed.
    """

    def __init__(
        self,
        options: ServiceOptions,
        *,
        store: Store | None = None,
        observer: Observer | None = None,
        workshop: Workshop | None = None,
    ) -> None:
        self.options = options
        self._store = store or Store()
        self._observer = observer or Unobserved()
        self._default: Estimator | None = None
        self._store.candidates(options.model, "photo")  # a wrong name is told at once
        self._own: dict[Purpose, tuple[str, RuntimeName]] = {}
        self._choosing = asyncio.Lock()
        self._loaded = LoadedModels(KEPT)
        self._workers = options.worker_count
        self._workshop = workshop or Batcher(
            workers=self._workers,
            queue=options.queue,
            per_client=options.per_client,
            max_batch=options.max_batch,
            max_wait_ms=options.max_wait_ms,
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
        """Name of the model of requests that ask for none: of photos, or of clips and streams."""
        if purpose in self._own:
            return self._own[purpose][0]
        return self._store.candidates(self.options.model, purpose)[0].name

    @property
    def waiting(self) -> int:
        """Requests taken that no worker has begun."""
        return self._workshop.waiting

    @property
    def running(self) -> int:
        """Requests that workers are at."""
        return self._workshop.running

    async def start(self) -> None:
        """Load the default model of photos and run it once, off the event loop.

        That of clips and streams, where it is another, is loaded when it is first needed.

        Raises:
            ModelMissingError: its file is not on this machine.
            ChecksumError: its file is not what it was.
            MissingExtraError: the runtime asked for is not installed.
            InferenceError: the network does not run.
            ProcessError: no process for decoders can be started.
        """
        if self._opencv_threads is None:
            self._opencv_threads = cv2.getNumThreads()
            cv2.setNumThreads(max(1, cpu.physical() // self._workers))
        loop = asyncio.get_running_loop()
        pool = decoders()
        pool.allow(self._workers + 1)  # one for headers, while all workers decode
        warming = loop.run_in_executor(None, pool.prepare, min(self._workers, WARM_DECODERS))
        default = await loop.run_in_executor(
            self._lookers, self._load, self.options.model, self.options.runtime
        )
        await warming
        self._own["photo"] = (default.spec.name, self.options.runtime)
        self._default = default

    def models(self) -> tuple[ModelSpec, ...]:
        """The installed models, best first: any may be asked for by name."""
        return self._store.installed()

    def reserve(self, client: str) -> Place:
        """Take a place for a request, before its body is read.

        Raises:
            BusyError: no place left, or this client holds too many.
            DrainingError: not started, or stopping.
        """
        if self._default is None:
            self._observer.refused("not-ready")
            raise DrainingError(_STARTING)
        return self._workshop.reserve(client)

    async def depth(
        self,
        photo: bytes | Image,
        *,
        place: Place,
        make: Callable[[DepthMap], T],
        model: str | None = None,
        options: EstimateOptions = EstimateOptions(),
    ) -> Answer[T]:
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
        return await within(
            self.options.timeout_s,
            self._answer(
                photo, place, lambda seen, raw: make(seen.depth(raw)), (model, "photo"), options
            ),
        )

    async def raw(
        self,
        photo: bytes | Image,
        *,
        place: Place,
        make: Callable[[RawDepth], T],
        model: str | None = None,
        max_side_px: int = DEFAULT_MAX_SIDE_PX,
    ) -> Answer[T]:
        """Give the network's own answer for a photo, for live streams.

        Args:
            photo: as for `depth`.
            place: what `reserve` gave.
            make: called with the answer, (h, w) float32, finite, in a worker thread. Its scale
                and its zero are the network's own.
            model: as for `depth`, but `auto` or None is the `default_model` of streams.
            max_side_px: longest side that is fed, 32 to 4096.

        Raises: as `depth`.
        """
        options = EstimateOptions(max_side_px=max_side_px)
        return await within(
            self.options.timeout_s,
            self._answer(
                photo, place, lambda seen, raw: make(seen.raw(raw)), (model, "stream"), options
            ),
        )

    async def submit(self, job: Job[T], place: Place) -> tuple[T, Timing]:
        """Have a worker do what is no photo's whole way, such as one frame of a clip.

        Raises: as `Batcher.submit`.
        """
        return await self._workshop.submit(job, place)

    async def drain(self) -> bool:
        """Take no more, finish what was taken within `options.drain_s`, and end the threads.

        Returns:
            Whether all was finished in time.
        """
        self._is_draining = True
        done = await self._workshop.drain(self.options.drain_s)
        self._loaded.close()
        self._lookers.shutdown(wait=False, cancel_futures=True)
        if self._opencv_threads is not None:
            cv2.setNumThreads(self._opencv_threads)
            self._opencv_threads = None
        return done

    async def _answer(
        self,
        photo: bytes | Image,
        place: Place,
        finish: Callable[[Photo, RawDepth], T],
        model: tuple[str | None, Purpose],
        options: EstimateOptions,
    ) -> Answer[T]:
        loop = asyncio.get_running_loop()
        loaded = await self.model(*model)
        estimator = Estimator(loaded.spec, loaded.session, options)
        source = await loop.run_in_executor(
            self._lookers, opened, photo, self.options.limits, estimator
        )
        seen = Photo(estimator, source)
        job = Job(estimator.session, seen.fed_shape, seen.prepare, partial(finish, seen))
        value, timing = await self._workshop.submit(job, place)
        name, runtime = estimator.spec.name, estimator.session.runtime
        return Answer(value, name, runtime, seen.width_px, seen.height_px, timing)

    async def model(self, name: str | None, purpose: Purpose) -> Estimator:
        """Give a model, loaded when it is first asked for.

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
        runtime = self.options.runtime
        if name is None or name == "auto":
            name, runtime = self._own.get(purpose) or await self._choose(purpose)
        if name == self._default.spec.name:
            return self._default
        loop = asyncio.get_running_loop()
        spec = await loop.run_in_executor(self._lookers, self._store.spec, name)
        load_it = partial(self._load, spec.name, runtime)
        return await self._loaded.get((spec.name, spec.sha256), load_it)

    async def _choose(self, purpose: Purpose) -> tuple[str, RuntimeName]:
        """Make the service's own choice for a purpose, once; candidates may have to be timed."""
        loop = asyncio.get_running_loop()
        async with self._choosing:
            if purpose not in self._own:
                self._own[purpose] = await loop.run_in_executor(
                    self._lookers, self._chosen, purpose
                )
        return self._own[purpose]

    def _chosen(self, purpose: Purpose) -> tuple[str, RuntimeName]:
        name, store = self.options.model, self._store
        if store.candidates(name, purpose) == store.candidates(name, "photo"):
            return self._own["photo"]
        options = self.options
        return resolve(
            name, purpose=purpose, runtime=options.runtime, threads=options.threads, store=store
        )

    def _load(self, name: str, runtime: RuntimeName) -> Estimator:
        """Load a model and run it once, so that the first request does not pay for that."""
        estimator = load(
            name,
            purpose="photo",
            runtime=runtime,
            threads=self.options.threads,
            callers=self._workers,
            store=self._store,
        )
        estimator(np.zeros((*_WARMING_PX, 3), np.uint8))
        return estimator
