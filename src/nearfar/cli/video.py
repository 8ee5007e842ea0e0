"""Implement `nearfar video`: a clip in, its depth out."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._options import value_of_text
from nearfar.cli._shared import print_json
from nearfar.config import ColormapName, EstimateOptions
from nearfar.effects import Effect
from nearfar.effects.frames import FRAME_EFFECTS, for_each_frame
from nearfar.errors import UsageError
from nearfar.io.paths import beside
from nearfar.loading import load
from nearfar.optional import require
from nearfar.runtimes.cpu import physical
from nearfar.video.pipeline import Progress, VideoOptions, convert
from nearfar.video.renderers import FrameEffect, Show, ShowName, show_effect
from nearfar.video.renderers import show as show_of

if TYPE_CHECKING:
    from nearfar.video.pipeline import Done


def frame_effect(name: str, settings: Sequence[str] = ()) -> FrameEffect:
    """Convert an effect to what `nearfar.video.renderers.show_effect` takes.

    Args:
        name: of an effect that makes a picture.
        settings: its options, each as `name=value`; a picture is a path.

    Raises:
        UsageError: no such effect or option, or a value out of its range.
        ImageError: a picture that can't be read.
    """
    if name not in FRAME_EFFECTS:
        raise UsageError(f"no effect {name!r} for a clip: there are {', '.join(FRAME_EFFECTS)}")
    effect = FRAME_EFFECTS[name]
    given = dict(_read(effect, setting) for setting in settings)
    try:
        return for_each_frame(effect, effect.options.of(**given))
    except UsageError as error:
        raise UsageError(f"--set {' '.join(settings)}: {error}") from error


def _read(effect: Effect[Any, Any], setting: str) -> tuple[str, Any]:
    name, equals, text = setting.partition("=")
    name = name.strip().replace("-", "_")
    names = [each.name for each in fields(effect.options)]
    if name not in names or not equals:
        raise UsageError(f"--set {setting}: give name=value; {effect.name} has {', '.join(names)}")
    return name, value_of_text(effect.options, name, text)


def video(
    clip: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=args.FILES)] = None,
    show: str = "color",
    settings: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    following: Annotated[VideoOptions, Parameter(name="*", name_transform=args.dashed)] = (
        VideoOptions()
    ),
    colormap: ColormapName = "inferno",
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    device: args.Device = "auto",
    threads: args.Threads = None,
    estimating: args.Estimating = EstimateOptions(),
    force: args.Force = False,
    json_lines: args.Json = False,
    quiet: args.Quiet = False,
) -> None:
    """Make the depth of a clip visible, frame by frame, without flicker.

    Times, sound, title and date of the clip are kept, subtitles where the file can hold them.
    Memory does not grow with its length.

    Args:
        clip: The clip, of any format that FFmpeg reads.
        output: An .mp4; for grey10 an .mkv; for png16 and exr a folder. Beside the clip if not
            given: `<stem>-depth.mp4`, `<stem>-depth-side.mp4`, `<stem>-bokeh.mp4` and so on.
        show: color: the map in colors; side: the clip with that at its right; grey10: 1024
            steps of grey, lossless, near is bright; png16, exr: a file a frame; or the name of
            an effect that makes a picture, such as bokeh, fog or stereo.
        settings: An option of that effect, as name=value; may be given several times.
        colormap: Colors of color and side, near = warm.
        threads: Frames that are inferred at once; the machine's physical cores if unset.
    """
    require("av")
    made = _show(show, settings or [], colormap)
    suffix = made.suffix if made.format else ""
    target = output or beside(clip, f"-{_ending(show)}{suffix}", what="clip")
    made.refuse(target, overwrite=force)
    workers = threads or physical()
    estimator = load(
        model,
        purpose="stream",
        runtime=runtime,
        device=device,
        threads=1,
        callers=workers,
        **estimating.values(),
    )
    with _frame_bar(clip.name, quiet=quiet) as progress:
        done = convert(
            clip,
            target,
            estimator,
            made,
            options=following,
            workers=workers,
            overwrite=force,
            progress=progress,
        )
    _report(clip, done, estimator.spec.name, json_lines=json_lines, quiet=quiet)


def _ending(show: str) -> str:
    """Return how the result's name ends; each kind of result has its own."""
    if show == "color":
        return "depth"
    return f"depth-{show}" if show in get_args(ShowName) else show


def _show(name: str, settings: list[str], colormap: ColormapName) -> Show:
    for known in get_args(ShowName):
        if name == known:
            if settings:
                raise UsageError(f"--set is for effects: {name} has no options of this kind")
            return show_of(known, colormap)
    try:
        return show_effect(frame_effect(name, settings))
    except UsageError as error:
        if settings:
            raise
        kinds = ", ".join(get_args(ShowName))
        raise UsageError(f"--show {name}: there are {kinds}, and effects; {error}") from error


@contextmanager
def _frame_bar(name: str, *, quiet: bool) -> Iterator[Progress | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from nearfar.cli._progress import bar

    with bar("frames/s") as progress:
        task = progress.add_task(name[-40:], total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _report(clip: Path, done: "Done", model: str, *, json_lines: bool, quiet: bool) -> None:
    for sentence in done.warnings:
        print(f"nearfar: warning: {sentence}", file=sys.stderr)
    fps = done.frames / done.seconds
    if json_lines:
        row = {
            "input": str(clip),
            "output": str(done.output),
            "model": model,
            "frames": done.frames,
            "seconds": round(done.seconds, 2),
            "fps": round(fps, 2),
            "warnings": list(done.warnings),
        }
        print_json(row)
    elif not quiet:
        print(f"{done.output}: {done.frames} frames in {done.seconds:.1f} s, {fps:.1f} a second")
