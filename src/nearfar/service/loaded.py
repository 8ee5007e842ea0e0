"""The models that were asked for last."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from nearfar.estimator import Estimator


class LoadedModels:
    """Models loaded when they are first asked for, each once, off the event loop.

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
        """Give a model.

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
        # a caller who goes away must not take the model from the others
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
