"""What can be made of a clip: what each frame becomes, and the file that takes it."""

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
    refuse_folder,
)

ShowName = Literal["color", "side", "grey10", "png16", "exr"]
FrameEffect: TypeAlias = Callable[[Image, DepthMap], Image]
"""(photo (H, W, 3) uint8, map of the same size) -> picture (h, w, 3) uint8, all of one size.
Called from several threads at once."""


class Writer(Protocol):
    """Where frames go."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the clip could not be taken over, a sentence each."""
        ...

    def write(self, ticks: int, made: Any, /) -> None:
        """Add what was made of a frame."""
        ...


@dataclass(frozen=True)
class Show:
    """One kind of result.

    Attributes:
        make: a frame and its map to what the writer takes; called from several threads at once.
            It can be pickled, as a service renders in another process.
        format: of the film; None for a sequence.
        suffix: of the output, or of the files in its folder.
    """

    make: Callable[[Image, DepthMap], Any]
    format: MovieFormat | None
    suffix: str

    def writer(
        self, target: Path, clip: ClipInfo, *, overwrite: bool
    ) -> AbstractContextManager[Writer]:
        """Make what writes the result, and leaves nothing when its block fails."""
        if self.format is None:
            return SequenceWriter(target, self.suffix, overwrite=overwrite)
        return MovieWriter(target, self.format, clip, overwrite=overwrite)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the format as its name: there is one of each, and `is` tells them apart."""
        name = next((name for name, row in _FORMATS.items() if row is self.format), None)
        return _restored, (self.make, name, self.suffix)

    def refuse(self, target: Path, *, overwrite: bool) -> None:
        """Ask before the work whether the result can be put there.

        Raises:
            UsageError: a suffix of another kind of result, or no folder.
            OutputExistsError: something is there.
        """
        if self.format is None:
            refuse_folder(target, overwrite=overwrite)
        elif target.suffix.lower() not in self.format.suffixes:
            raise UsageError(
                f"{target}: this is written to a file that ends in"
                f" {' or '.join(self.format.suffixes)}"
            )
        elif target.exists() and not overwrite:
            raise OutputExistsError(
                f"{target} is there already: overwrite it, or choose another name",
                options=("overwrite",),
            )


_FORMATS: Final = {"color": COLOR, "heat": HEAT, "grey10": GREY10}


def _restored(make: Callable[[Image, DepthMap], Any], name: str | None, suffix: str) -> Show:
    return Show(make, None if name is None else _FORMATS[name], suffix)


class Heat:
    """Colors maps as `nearfar.io.video_writer.colored` does.

    By way of RGB it would take longer than all else that is done for a frame but the network.

    Args:
        colormap: one of `nearfar.imaging.colormaps.COLORMAPS`.
    """

    def __init__(self, colormap: ColormapName) -> None:
        ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
        self._table = video_writer.yuv(colormaps.apply(ramp, colormap)[0])

    def __call__(self, photo: Image, depth: DepthMap) -> NDArray[np.uint8]:
        """Color a map of a frame's size."""
        return self.small(depth.nearness(), (photo.shape[1], photo.shape[0]))

    def small(self, nearness: Map, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Color a map, and enlarge it.

        Args:
            nearness: (h, w) float32, 0 to 1, as the network gave it.
            size_px: width and height of the frame.
        """
        levels = cv2.convertScaleAbs(nearness, alpha=255)
        if nearness.shape != size_px[::-1]:
            levels = cv2.resize(levels, size_px, interpolation=cv2.INTER_LINEAR)
        return video_writer.colored(np.asarray(levels, np.uint8), self._table)


def show(name: ShowName, colormap: ColormapName = "inferno") -> Show:
    """Give a kind of result by name.

    Args:
        name: `color`, the map in colors; `side`, the photo beside that; `grey10`, the map in
            1024 steps of grey, near is bright; `png16`, `exr`, a folder with a file a frame.
        colormap: of the first two.
    """
    if name == "color":
        return Show(Heat(colormap), HEAT, ".mp4")
    if name == "side":
        return Show(partial(_beside, colormap=colormap), COLOR, ".mp4")
    if name == "grey10":
        return Show(_grey10, GREY10, ".mkv")
    if name == "png16":
        return Show(_png16, None, ".png")
    return Show(_exr, None, ".exr")


def show_effect(effect: FrameEffect) -> Show:
    """Give the kind of result that an effect makes of every frame."""
    return Show(partial(_picture_of, effect), COLOR, ".mp4")


def _picture_of(effect: FrameEffect, photo: Image, depth: DepthMap) -> Image:
    made = effect(photo, depth)
    if made.ndim != 3 or made.shape[2] != 3 or made.dtype != np.uint8:
        raise VideoError(
            f"the effect made {made.shape} of {made.dtype}: a film takes (height, width, 3)"
            " of uint8, so give it a background where it has one"
        )
    return made


def _beside(photo: Image, depth: DepthMap, *, colormap: ColormapName) -> Image:
    return colormaps.side_by_side(photo, depth.colorize(colormap), gap_px=0)


def _grey10(_: Image, depth: DepthMap) -> Any:
    return _levels(depth, LEVELS)


def _exr(_: Image, depth: DepthMap) -> bytes:
    return depth.encode("exr")


def _levels(depth: DepthMap, top: int) -> Any:
    return np.asarray(depth.nearness() * np.float32(top) + np.float32(0.5), np.uint16)


def _png16(_: Image, depth: DepthMap) -> bytes:
    """Encode in the clip's range: 0 is far and 65535 near in every file, unlike `encode`."""
    tags = {
        "kind": "inverse_depth",
        "model": depth.model,
        "scale": repr(1 / 65535),
        "offset": "0.0",
    }
    return encode_png(_levels(depth, 65535), {key: text for key, text in tags.items() if text})
