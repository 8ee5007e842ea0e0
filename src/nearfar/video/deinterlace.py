"""Interlaced frames made whole, by FFmpeg's bwdif."""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

from nearfar.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame

Deinterlace: TypeAlias = Literal["auto", "on", "off"]
"""Whether: where a frame says that it is interlaced, always, never."""


@final
class Deinterlacer:
    """Takes frames and gives as many back, in order, some of them later.

    `auto` costs nothing before the first frame that says it is interlaced, and leaves the
    others as they are.

    Args:
        when: see `Deinterlace`.
    """

    def __init__(self, when: Deinterlace) -> None:
        self._when = when
        self._graph: Any = None
        self._entrance: Any = None
        self._exit: Any = None
        self._shape: tuple[int, int, str] | None = None

    def take(self, frame: "VideoFrame") -> "Iterator[VideoFrame]":
        """Take a frame; give what is ready."""
        shape = (frame.width, frame.height, frame.format.name)
        if self._shape is not None and shape != self._shape:
            yield from self.rest()
        if self._shape is None:
            is_wanted = self._when == "on" or (self._when == "auto" and frame.interlaced_frame)
            if not is_wanted or not self._begin(frame):
                yield frame
                return
            self._shape = shape
        self._entrance.push(frame)
        yield from self._ready()

    def rest(self) -> "Iterator[VideoFrame]":
        """Give the frames that are still held."""
        if self._shape is not None:
            self._entrance.push(None)
            yield from self._ready()
        self._graph = self._entrance = self._exit = self._shape = None

    def _begin(self, frame: "VideoFrame") -> bool:
        av = require("av")
        graph = av.filter.Graph()
        entrance = graph.add_buffer(template=frame, time_base=frame.time_base)
        which = "all" if self._when == "on" else "interlaced"
        bwdif = graph.add("bwdif", mode="send_frame", deint=which)
        end = graph.add("buffersink")
        entrance.link_to(bwdif)
        bwdif.link_to(end)
        try:
            graph.configure()
        except av.FFmpegError:
            return False  # of fewer than three lines or columns: nothing can be combed
        # the filters do not keep their graph alive
        self._graph, self._entrance, self._exit = graph, entrance, end
        return True

    def _ready(self) -> "Iterator[VideoFrame]":
        av = require("av")
        while True:
            try:
                frame = self._exit.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield frame
