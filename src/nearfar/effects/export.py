"""Encode and write results of effects; one table maps a kind of result to its formats."""

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from nearfar.config import Options
from nearfar.effects.base import Clip, Effect, Picture, Sound, WebPage
from nearfar.effects.navigate import NavigationPlan
from nearfar.effects.stereo import StereoOptions, suffix
from nearfar.errors import UsageError
from nearfar.io.atomic import replacing
from nearfar.io.images import encode_image
from nearfar.io.paths import fit_stem
from nearfar.io.video_writer import write_clip
from nearfar.optional import require

Result = Picture | Clip | Sound | NavigationPlan | WebPage
Writer = Callable[[Any, Path], None]
"""(result, path of a file that is there and empty) -> None."""


@dataclass(frozen=True)
class Format:
    """A file format of a result.

    Attributes:
        media_type: of such a file.
        sentence: what it is.
        write: stores a result.
    """

    media_type: str
    sentence: str
    write: Writer


def _picture(result: Picture, path: Path) -> None:
    path.write_bytes(encode_image(result.pixels, path.suffix))


def _clip(result: Clip, path: Path) -> None:
    write_clip(result.frames, path, fps=result.fps, loops=result.loops)


def _sound(result: Sound, path: Path) -> None:
    # writing to memory first: libsndfile does not report a full disk as an OSError
    content = io.BytesIO()
    require("soundfile").write(
        content, result.samples, result.rate_hz, format="WAV", subtype="PCM_16"
    )
    path.write_bytes(content.getvalue())


def _words(result: Sound, path: Path) -> None:
    path.write_text(json.dumps(result.summary, ensure_ascii=False) + "\n", "utf-8")


def _page(result: WebPage, path: Path) -> None:
    path.write_text(result.html, "utf-8")


def _plan(result: NavigationPlan, path: Path) -> None:
    path.write_bytes(_plan_json(result, with_cells=True))


def _overlay(result: NavigationPlan, path: Path) -> None:
    path.write_bytes(encode_image(result.pixels, path.suffix))


def _zip(result: NavigationPlan, path: Path) -> None:
    path.write_bytes(zipped(plan_files(result, "navigate")))


FORMATS: Final[Mapping[type, Mapping[str, Format]]] = MappingProxyType(
    {
        Picture: {
            ".jpg": Format("image/jpeg", "JPEG", _picture),
            ".png": Format(
                "image/png", "PNG; the default where something is transparent", _picture
            ),
            ".webp": Format("image/webp", "WebP", _picture),
        },
        Clip: {
            ".mp4": Format("video/mp4", "H.264 in MP4", _clip),
            ".gif": Format("image/gif", "GIF, at most 640 pixels long", _clip),
            ".webp": Format("image/webp", "animated WebP, at most 1280 pixels long", _clip),
        },
        Sound: {
            ".wav": Format("audio/wav", "stereo WAV, 16 bits", _sound),
            ".json": Format("application/json", "description in English and Chinese", _words),
        },
        WebPage: {
            ".html": Format("text/html", "a page that needs no other file", _page),
        },
        NavigationPlan: {
            ".json": Format("application/json", "sectors, heading and map of cells", _plan),
            ".jpg": Format(
                "image/jpeg", "the photo with free floor and heading drawn over it", _overlay
            ),
            ".zip": Format("application/zip", "JSON, picture, and the map as PGM and YAML", _zip),
        },
    }
)
"""Kind of result -> suffix -> format; the first is the default."""


def kinds_of(effect: Effect[Any, Any]) -> tuple[type, ...]:
    """Return what an effect can give, in the order of its function's annotation."""
    hint = get_type_hints(effect.apply)["return"]
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def suffixes_of(effect: Effect[Any, Any]) -> tuple[str, ...]:
    """Return every suffix that a result of an effect can have."""
    return tuple(dict.fromkeys(each for kind in kinds_of(effect) for each in FORMATS[kind]))


def default_suffix(result: Result) -> str:
    """Return how a result is best stored."""
    if isinstance(result, Picture) and result.pixels.shape[2] == 4:
        return ".png"
    return next(iter(FORMATS[type(result)]))


def result_stem(stem: str, effect: Effect[Any, Any], options: Options) -> str:
    """Return the file stem of a result: `<stem>-<effect>`, for stereo with the players' suffix.

    Args:
        stem: of the photo; one that is too long is cut and marked with its hash.
        effect: what was done.
        options: how.
    """
    ending = suffix(options.layout) if isinstance(options, StereoOptions) else ""
    ending = f"-{effect.name}{ending}"
    longest = max(map(len, suffixes_of(effect)))
    return fit_stem(stem, len(ending) + longest) + ending


def encode_result(result: Result, suffix: str) -> bytes:
    """Encode a result as one file; a clip is rendered now.

    Args:
        result: what to encode.
        suffix: one of `FORMATS` of its kind.

    Raises:
        UsageError: another suffix; alpha in a JPEG.
        WriteError: the format can't hold it.
        MissingExtraError: a clip without PyAV, or a sound without soundfile.
    """
    row = _row(result, suffix)
    with TemporaryDirectory(prefix="nearfar-") as folder:
        path = Path(folder, f"result{suffix.lower()}")
        row.write(result, path)
        return path.read_bytes()


def write_result(
    result: Result, path: str | os.PathLike[str], *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write a result atomically.

    A navigation plan as JSON gets `<stem>.jpg` beside it, to look at, and if it has a map of
    cells, `<stem>.pgm` and `<stem>.yaml`, as ROS's map_server reads them.

    Args:
        result: what to write; a clip is rendered now.
        path: where; its suffix tells the format, its folder must exist.
        overwrite: replace files that are there.

    Returns:
        What was written, `path` first.

    Raises:
        OutputExistsError: one of the files is there and `overwrite` is False.
        UsageError, WriteError, MissingExtraError: as of `encode_result`.
    """
    target = Path(path)
    row = _row(result, target.suffix)
    if not isinstance(result, NavigationPlan) or target.suffix.lower() != ".json":
        with replacing(target, overwrite=overwrite) as temporary:
            row.write(result, temporary)
        return (target,)
    files = plan_files(result, target.stem)
    paths = tuple(target.with_name(name) for name in files)
    with ExitStack() as stack:
        for each, content in reversed(tuple(zip(paths, files.values(), strict=True))):
            stack.enter_context(replacing(each, overwrite=overwrite)).write_bytes(content)
    return paths


def plan_files(plan: NavigationPlan, stem: str) -> dict[str, bytes]:
    """Return the files of a plan, name -> content: JSON, picture, and its map if it has one."""
    files = {
        f"{stem}.json": _plan_json(plan, with_cells=False),
        f"{stem}.jpg": encode_image(plan.pixels, ".jpg"),
    }
    if plan.grid is not None:
        files[f"{stem}.pgm"] = plan.grid.pgm()
        files[f"{stem}.yaml"] = plan.grid.yaml(f"{stem}.pgm").encode()
    return files


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Put files, name -> content, into one ZIP."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def _plan_json(plan: NavigationPlan, *, with_cells: bool) -> bytes:
    """Encode a plan; the cells are left out where the grid has a file of its own."""
    values = plan.values()
    if with_cells:
        values["grid"] = None if plan.grid is None else plan.grid.values()
    return (json.dumps(values, indent=None if with_cells else 2) + "\n").encode()


def _row(result: Result, suffix: str) -> Format:
    formats = FORMATS[type(result)]
    row = formats.get(suffix.lower())
    if row is None:
        raise UsageError(f"{suffix or 'no suffix'}: this result is stored as {', '.join(formats)}")
    return row
