"""Photos that were put in on a tab, and their maps: each is estimated once."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from anyio.to_thread import run_sync

from nearfar.config import EstimateOptions, ImageLimits
from nearfar.depth import DepthMap
from nearfar.web.door import Door
from nearfar.web.folder import read_file
from nearfar.web.notices import PageError
from nearfar.web.results import Photo, Result, Results


async def read_photo(path: str, limits: ImageLimits) -> Photo:
    """Read an uploaded file; clips are uploaded the same way, and may be much larger.

    Raises:
        ImageTooLargeError: larger than a photo may be.
        NotAnImageError: no file.
    """
    content = await run_sync(read_file, path, limits.max_bytes)
    return Photo(content, Path(path).stem or "photo")


@dataclass(frozen=True)
class Kept:
    """A visitor's photo.

    Attributes:
        key: of the result in the store.
        result: photo and map.
    """

    key: str
    result: Result


class Photos:
    """The photos of one tab, of all its visitors.

    Args:
        door: where depth is asked for.
        limits: what is too large to be read.
        options: how photos are estimated on this tab.
        most_bytes: memory of all photos together.
    """

    def __init__(
        self, door: Door, limits: ImageLimits, options: EstimateOptions, *, most_bytes: int
    ) -> None:
        self._door = door
        self.limits = limits
        self._options = options
        self._results = Results(most_bytes)

    async def take(self, path: str, request: gr.Request, instead: str | None) -> Kept:
        """Estimate a photo.

        Args:
            path: of its file.
            request: of the visitor.
            instead: key of the visitor's photo before, which is let go.

        Raises:
            NearfarError: whatever is wrong with the photo, or a service that is busy.
        """
        photo = await read_photo(path, self.limits)

        def make(depth: DepthMap) -> Result:
            return Result.of(photo, depth, self.limits)

        answer = await self._door.depth(
            photo.content,
            client=request.client.host if request.client else "local",
            make=make,
            model="auto",
            options=self._options,
        )
        result = answer.value.timed(answer.runtime, answer.infer_ms)
        return Kept(self._results.put(result, instead=instead), result)

    def get(self, key: str | None) -> Result:
        """Find a photo.

        Raises:
            PageError: there is none, or it was let go.
        """
        result = self._results.get(key)
        if result is None:
            raise PageError("error.nophoto" if key is None else "error.gone")
        return result

    def drop(self, key: str | None) -> None:
        """Let a photo go."""
        self._results.drop(key)
