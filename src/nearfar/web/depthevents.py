"""What happens on the Depth tab: each event's handler, without the layout."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import gradio as gr
from anyio.to_thread import run_sync

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.depth import DepthMap
from nearfar.web.depthshow import Updates, everything, nothing, only, pointed
from nearfar.web.depthview import bar_html, downloads_html, facts, points_html
from nearfar.web.door import Door
from nearfar.web.downloads import make_download
from nearfar.web.examples import example
from nearfar.web.folder import keep_file
from nearfar.web.notices import PageError
from nearfar.web.options import LOOKS
from nearfar.web.photos import read_photo
from nearfar.web.points import MOST, Visit, calibration_of
from nearfar.web.results import Photo, Result, Results
from nearfar.web.texts import Language

_POINT: Final = re.compile(r"\s*(\d{1,6})\s*[,\uff0c\s]\s*(\d{1,6})\s*")
_METRES: Final = re.compile(r"\s*(\d{1,6}(?:[.,]\d{1,4})?)\s*(?:m|米)?\s*")
_ESTIMATING: Final = tuple(each.name for each in fields(EstimateOptions))


class DepthEvents:
    """The handlers.

    Each takes the visit and the language, then who asks or what was clicked, then the values
    of its components: those of the options are first the estimating ones, then the looks. It
    gives the visit as it is now, and an update for each of `OUTPUTS`.

    Args:
        door: where depth is asked for.
        results: of all visitors.
        limits: what is too large to be read.
    """

    def __init__(self, door: Door, results: Results, limits: ImageLimits) -> None:
        self._door = door
        self._results = results
        self._limits = limits

    async def take(
        self,
        visit: Visit,
        language: Language,
        request: gr.Request,
        path: str | None,
        model: str,
        *values: Any,
    ) -> Updates:
        """Estimate a new photo; `path` is None when the old one was taken away."""
        if path is None:
            return self.forgotten(visit, language)
        photo = await read_photo(path, self._limits)
        return await self._estimate(Visit(visit.key), language, request, photo, (model, *values))

    def take_example(self, name: str) -> Callable[..., Awaitable[Updates]]:
        """Give the handler of one example's button."""

        async def handler(
            visit: Visit, language: Language, request: gr.Request, model: str, *values: Any
        ) -> Updates:
            path = example(name)
            if path is None:
                raise PageError("error.nophoto")
            return await self.take(visit, language, request, str(path), model, *values)

        return handler

    async def estimate_again(
        self, visit: Visit, language: Language, request: gr.Request, model: str, *values: Any
    ) -> Updates:
        """Estimate the same photo by other options; points and distances stay."""
        if visit.key is None:
            return only(visit)
        photo = self._result(visit).photo
        return await self._estimate(visit, language, request, photo, (model, *values))

    async def recolor(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Show the map in other colours."""
        look = _look(values)
        if visit.key is None:
            return only(visit, bar=bar_html(look.colormap, language))
        return await self._show(self._result(visit), visit, language, look)

    async def click(
        self, visit: Visit, language: Language, event: gr.SelectData, *values: Any
    ) -> Updates:
        """Read the point that was clicked, on the photo or on the map."""
        if visit.key is None:
            return only(visit)
        result = self._result(visit)
        x_px, y_px = (
            min(int((at + 0.5) * whole / shown), whole - 1)
            for at, whole, shown in zip(
                event.index, result.depth.size_px, result.shown_depth.size_px, strict=True
            )
        )
        return await self._add(visit, language, (x_px, y_px), values)

    async def typed(self, visit: Visit, language: Language, text: str, *values: Any) -> Updates:
        """Read the point whose place was typed, in pixels of the photo."""
        if visit.key is None:
            raise PageError("error.nophoto")
        match = _POINT.fullmatch(text or "")
        if match is None:
            raise PageError("error.point")
        return await self._add(visit, language, (int(match[1]), int(match[2])), values)

    async def calibrate(
        self,
        visit: Visit,
        language: Language,
        first: str,
        second: str,
        *values: Any,
    ) -> Updates:
        """Take the distances of the first two points; from now on all is in metres."""
        result = self._result(visit)
        if len(visit.points) < 2:
            raise PageError("error.twopoints")
        known = replace(visit, metres=(_metres(first), _metres(second)))
        calibration_of(result, known)
        return await run_sync(pointed, result, known, language, _look(values))

    async def clear_points(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Forget points and distances."""
        if visit.key is None:
            return only(visit)
        clean = visit.without_points()
        return await run_sync(pointed, self._result(clean), clean, language, _look(values))

    async def retell(self, visit: Visit, language: Language, *values: Any) -> Updates:
        """Say everything anew, in the language of now."""
        result = self._results.get(visit.key)
        bar = bar_html(_look(values).colormap, language)
        note = downloads_html(visit, language)
        if result is None:
            return only(visit, bar=bar, note=note)
        points = points_html(result, visit, language)
        return only(visit, bar=bar, note=note, points=points, facts=self._facts(result, language))

    def forgotten(self, visit: Visit, language: Language) -> Updates:
        """Go back to the beginning."""
        self._results.drop(visit.key)
        return nothing(language)

    async def download(self, visit: Visit, name: str, *values: Any) -> str:
        """Make a file.

        Returns:
            Its path.
        """
        result = self._result(visit)
        content, file_name = await run_sync(
            make_download, name, result, visit, _look(values), self._limits
        )
        return await run_sync(keep_file, content, file_name)

    def _result(self, visit: Visit) -> Result:
        result = self._results.get(visit.key)
        if result is None:
            raise PageError("error.nophoto" if visit.key is None else "error.gone")
        return result

    async def _estimate(
        self,
        visit: Visit,
        language: Language,
        request: gr.Request,
        photo: Photo,
        settings: Sequence[Any],
    ) -> Updates:
        model, *values = settings

        def make(depth: DepthMap) -> Result:
            return Result.of(photo, depth, self._limits)

        answer = await self._door.depth(
            photo.content,
            client=request.client.host if request.client else "local",
            make=make,
            model=model,
            options=EstimateOptions.of(**dict(zip(_ESTIMATING, values, strict=False))),
        )
        result = answer.value.timed(answer.runtime, answer.infer_ms)
        now = replace(visit, key=self._results.put(result, instead=visit.key))
        return await self._show(result, now, language, _look(values))

    async def _show(
        self, result: Result, visit: Visit, language: Language, look: OutputOptions
    ) -> Updates:
        told = await run_sync(self._facts, result, language)
        return await run_sync(everything, result, visit, language, look, told)

    async def _add(
        self, visit: Visit, language: Language, point: tuple[int, int], values: Sequence[Any]
    ) -> Updates:
        result = self._result(visit)
        if len(visit.points) >= MOST:
            raise PageError("error.points", most=MOST)
        result.depth.at(*point)  # refuses a point outside
        return await run_sync(pointed, result, visit.with_point(*point), language, _look(values))

    def _facts(self, result: Result, language: Language) -> str:
        name = result.depth.model
        spec = next((each for each in self._door.models() if each.name == name), None)
        return facts(result, spec, language)


def _look(values: Sequence[Any]) -> OutputOptions:
    return OutputOptions.of(**dict(zip(LOOKS, values[-len(LOOKS) :], strict=True)))


def _metres(text: str) -> float:
    match = _METRES.fullmatch(text or "")
    if match is None:
        raise PageError("error.metres")
    return float(match[1].replace(",", "."))
