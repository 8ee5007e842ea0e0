"""Kinds of output: what is rendered from each frame, and the file format."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.config import ColormapName
from nearfar.depth import DepthMap
from nearfar.errors import OutputExistsError, UsageError, VideoError
from nearfar.imaging import colormaps
from nearfar.io import video_writer
from nearfar.io.depth_codecs import encode_png
from nearfar.io.images import Image
from nearfar.video.reader import ClipInfo
from nearfar.video.temporal import Map
from nearfar.video.writer import (
    COLOR,
    GREY10,
    HEAT,
    LEVELS,
    MovieFormat,
    MovieWriter,
    SequenceWriter,
    check_folder,
)

ShowName = Literal["color", "side", "grey10", "png16", "exr"]
FrameEffect: TypeAlias = Callable[[Image, DepthMap], Image]
"""(photo (H, W, 3) uint8, map of the same size) -> image (h, w, 3) uint8, all of one size.
Called from several threads in parallel."""


class Writer(Protocol):
    """Interface of the writers of frames."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about parts of the clip that could not be kept."""
        ...

    def write(self, ticks: int, rendered: Any, /) -> None:
        """Write a rendered frame."""
        ...


@dataclass(frozen=True)
class Show:
    """One kind of output.

    Attributes:
        make: renders a frame and its map for the writer; called from several threads in parallel.
            Must be picklable, because a service renders in another process.
        format: video format; None for an image sequence.
        suffix: of the output file, or of the images of a sequence.
    """

    make: Callable[[Image, DepthMap], Any]
    format: MovieFormat | None
    suffix: str

    def writer(
        self, target: Path, clip: ClipInfo, *, overwrite: bool
    ) -> AbstractContextManager[Writer]:
        """Return a context manager that writes the result, or nothing if its block fails."""
        if self.format is None:
            return SequenceWriter(target, self.suffix, overwrite=overwrite)
        return MovieWriter(target, self.format, clip, overwrite=overwrite)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the format by name, so that it stays identical to the module's constant."""
        name = next((name for name, row in _FORMATS.items() if row is self.format), None)
        return _unpickle, (self.make, name, self.suffix)

    def refuse(self, target: Path, *, overwrite: bool) -> None:
        """Check before the conversion whether the result can be written there.

        Raises:
            UsageError: the suffix does not match, or the path is not a folder.
            OutputExistsError: the path exists.
        """
        if self.format is None:
            check_folder(target, overwrite=overwrite)
        elif target.suffix.lower() not in self.format.suffixes:
            raise UsageError(
                f"{target}: the name of this output must end in {' or '.join(self.format.suffixes)}"
            )
        elif target.exists() and not overwrite:
            raise OutputExistsError(
                f"{target} is there already: choose another name, or overwrite=True",
                options=("overwrite",),
            )


_FORMATS: Final = {"color": COLOR, "heat": HEAT, "grey10": GREY10}


def _unpickle(make: Callable[[Image, DepthMap], Any], name: str | None, suffix: str) -> Show:
    return Show(make, None if name is None else _FORMATS[name], suffix)


class Heat:
    """Renders maps in colors, as YUV planes by `nearfar.io.video_writer.colored`.

    A conversion via RGB would take longer than all other steps except inference.

    Args:
        colormap: one of `nearfar.imaging.colormaps.COLORMAPS`.
    """

    def __init__(self, colormap: ColormapName) -> None:
        ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
        self._table = video_writer.yuv(colormaps.apply(ramp, colormap)[0])

    def __call__(self, photo: Image, depth: DepthMap) -> NDArray[np.uint8]:
        """Render a map of a frame's size."""
        return self.small(depth.nearness(), (photo.shape[1], photo.shape[0]))

    def small(self, nearness: Map, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Render a map, and enlarge it.

        Args:
            nearness: (h, w) float32, 0 to 1, of the network's output size.
            size_px: width and height of the frame.
        """
        levels = cv2.convertScaleAbs(nearness, alpha=255)
        if nearness.shape != size_px[::-1]:
            levels = cv2.resize(levels, size_px, interpolation=cv2.INTER_LINEAR)
        return video_writer.colored(np.asarray(levels, np.uint8), self._table)


def show(name: ShowName, colormap: ColormapName = "inferno") -> Show:
    """Return a kind of output by name.

    Args:
        name: `color`, the map in colors; `side`, photo and map side by side; `grey10`, the map in
            1024 gray levels, near is bright; `png16`, `exr`, a folder with one file per frame.
        colormap: of the first two.
    """
    if name == "color":
        return Show(Heat(colormap), HEAT, ".mp4")
    if name == "side":
        return Show(partial(_side_by_side, colormap=colormap), COLOR, ".mp4")
    if name == "grey10":
        return Show(_grey10, GREY10, ".mkv")
    if name == "png16":
        return Show(_png16, None, ".png")
    return Show(_exr, None, ".exr")


def show_effect(effect: FrameEffect) -> Show:
    """Return the kind of output that applies an effect to every frame."""
    return Show(partial(_apply_effect, effect), COLOR, ".mp4")


def _apply_effect(effect: FrameEffect, photo: Image, depth: DepthMap) -> Image:
    rendered = effect(photo, depth)
    if rendered.ndim != 3 or rendered.shape[2] != 3 or rendered.dtype != np.uint8:
        raise VideoError(
            f"the effect returned {rendered.shape} of {rendered.dtype}, but a video needs (height,"
            " width, 3) of uint8: choose a background if the effect has this option"
        )
    return rendered


def _side_by_side(photo: Image, depth: DepthMap, *, colormap: ColormapName) -> Image:
    return colormaps.side_by_side(photo, depth.colorize(colormap), gap_px=0)


def _grey10(_: Image, depth: DepthMap) -> Any:
    return _levels(depth, LEVELS)


def _exr(_: Image, depth: DepthMap) -> bytes:
    return depth.encode("exr")


def _levels(depth: DepthMap, top: int) -> Any:
    return np.asarray(depth.nearness() * np.float32(top) + np.float32(0.5), np.uint16)


def _png16(_: Image, depth: DepthMap) -> bytes:
    """Encode in the range of the clip: 0 is far and 65535 near in every file, unlike `encode`."""
    tags = {
        "kind": "inverse_depth",
        "model": depth.model,
        "scale": repr(1 / 65535),
        "offset": "0.0",
    }
    return encode_png(_levels(depth, 65535), {key: text for key, text in tags.items() if text})
