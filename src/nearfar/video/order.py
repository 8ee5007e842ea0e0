"""What is wanted of a clip, and what the result is called."""

from dataclasses import dataclass, field
from typing import get_args

from nearfar.config import EstimateOptions
from nearfar.video.pipeline import VideoOptions
from nearfar.video.shows import Show, ShowName


@dataclass(frozen=True)
class ClipOrder:
    """A clip's job, without the clip.

    Attributes:
        kind: a name of `ShowName`, or that of an effect.
        show: what is made of each frame.
        following: how maps follow one another.
        estimating: how frames become depth.
        model: that is asked for by name; `auto` or None for the default one of clips.
    """

    kind: str
    show: Show
    following: VideoOptions = field(default_factory=VideoOptions)
    estimating: EstimateOptions = field(default_factory=EstimateOptions)
    model: str | None = None

    @property
    def what(self) -> str:
        """What the result's name says after the clip's: `depth`, or the effect."""
        return "depth" if self.kind in get_args(ShowName) else self.kind

    @property
    def suffix(self) -> str:
        """Of the result as one file: a sequence is a ZIP."""
        return ".zip" if self.show.format is None else self.show.suffix
