"""A worker: one process, one session, part after part."""

import io
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.errors import ImageNotFoundError, NearfarError, ScaleError
from nearfar.estimator import Estimator
from nearfar.io.atomic import sync_parents
from nearfar.io.find_images import Found, Outcome, work_on
from nearfar.io.images import ImageFile
from nearfar.jobs import PhotoJob
from nearfar.models.spec import ModelSpec
from nearfar.runtimes.autotune import open_session
from nearfar.runtimes.base import Runtime
from nearfar.scale import run_folder, storage
from nearfar.scale.crash_tracker import Attempts
from nearfar.scale.run_folder import Layout, PartWriter, Row
from nearfar.scale.sources import Part, Photo
from nearfar.version import __version__

KILLED = "each worker that took this photo died: look at it, and at the machine's memory"


@dataclass(frozen=True)
class Task:
    """What every worker of a run is told.

    Attributes:
        spec: of the model.
        runtime: that runs it.
        threads: photos at once, each with one core.
        estimating: how a photo becomes depth.
        writing: the format, and for files, which there are.
        limits: what is refused unread.
        dest: the destination; every machine must see it under this path.
        maps_in_table: whether maps go into the table.
        again: do parts again that have a photo with an error.
        version: of the nearfar that asks.
    """

    spec: ModelSpec
    runtime: Runtime
    threads: int
    estimating: EstimateOptions
    writing: OutputOptions
    limits: ImageLimits
    dest: Path
    maps_in_table: bool
    again: bool = False
    version: str = __version__


@dataclass(frozen=True)
class Mapped:
    """A map that goes into the table."""

    content: bytes
    size_px: tuple[int, int]
    ms: float
    warnings: tuple[str, ...] = ()


class Worker:
    """Turns parts into files; a part that is done already is told of, not done again.

    Args:
        task: what the run is about.
        model: the ONNX file, or where Ray has it.

    Raises:
        ScaleError: this machine has another nearfar.
        NearfarError: the model can't be loaded here.
    """

    def __init__(self, task: Task, model: Any) -> None:
        if task.version != __version__:
            raise ScaleError(
                f"a worker has nearfar {__version__}, not {task.version}: install the same"
                " nearfar on every machine of the cluster"
            )
        if not isinstance(model, bytes):
            import ray

            model = ray.get(model)
        self._task = task
        session = open_session(
            model, task.runtime, threads=1, callers=task.threads, graph=task.spec.graph
        )
        self._estimator = Estimator(task.spec, session, task.estimating)
        self._layout = Layout(task.dest, maps_in_table=task.maps_in_table)
        self._attempts = Attempts(self._layout.attempts)

    def __call__(self, batch: Any) -> dict[str, list[Any]]:
        """Do the parts of a batch; see `nearfar.scale.batch.LISTED` for its columns."""
        rows = batch.to_pylist()
        done = [self.do(Part.unpack(row["part"], row["photos"])) for row in rows]
        return {
            "part": [row["part"] for row in rows],
            "kept": [kept for kept, _ in done],
            "rows": [run_folder.packed(made) for _, made in done],
        }

    def do(self, part: Part) -> tuple[bool, list[Row]]:
        """Do a part.

        Returns:
            Whether it was there already, and its rows.

        Raises:
            WriteError: its file of the table can't be written.
        """
        path = self._layout.part(part.name)
        there = run_folder.read(path)
        if there is not None and not (self._task.again and any(row.error for row in there)):
            return True, there
        attempt = self._attempts.begin(part.name)
        made: list[Row] = []
        with run_folder.writing(path, maps=self._task.maps_in_table) as writer:
            whole = [
                replace(photo, error=f"{photo.path}: {KILLED}")
                if index in attempt.guilty
                else photo
                for index, photo in enumerate(part.photos)
            ]
            if attempt.careful:
                for index, photo in enumerate(whole):
                    self._attempts.alone(part.name, attempt, index)
                    made += self._write([photo], writer)
            else:
                made += self._write(whole, writer)
            dest = self._task.dest  # a part is in the table only once its maps stay
            sync_parents((dest / row.depth_file for row in made if row.depth_file), dest)
        self._attempts.end(part.name)
        return False, made

    def _write(self, photos: list[Photo], writer: PartWriter) -> Iterator[Row]:
        outcomes = self._outcomes([photo for photo in photos if not photo.error])
        for photo in photos:
            row = Row(photo.path, self._task.spec.name, error=photo.error or None)
            content = None
            if not photo.error:
                outcome = next(outcomes)
                row, content = self._row(row, photo, outcome)
            row = row.printable()
            writer.add(row, content)
            yield row

    def _outcomes(self, photos: list[Photo]) -> Iterator[Outcome[Any]]:
        found = (
            Found(Path(photo.name), Path(photo.name.parent), stream)
            if stream is not None
            else Found(Path(photo.url), Path(photo.name.parent))
            for photo, stream in streams(photos)
        )
        if self._task.maps_in_table:
            yield from work_on(found, lambda _: None, self._mapped, workers=self._task.threads)
        else:
            task = self._task
            job = PhotoJob(
                self._estimator, task.writing, task.dest, many=True, limits=task.limits, force=True
            )
            yield from work_on(found, job.plan, job.work, workers=task.threads)

    def _mapped(self, found: Found, _: None) -> Mapped:
        start = time.perf_counter()
        with ImageFile(found.stream or found.path, limits=self._task.limits) as file:
            depth = self._estimator.from_file(file)
            warnings = file.warnings
        content = depth.encode(self._task.writing.format or "png16")
        return Mapped(content, depth.size_px, (time.perf_counter() - start) * 1000, warnings)

    def _row(self, row: Row, photo: Photo, outcome: Outcome[Any]) -> tuple[Row, bytes | None]:
        done = outcome.result
        if done is None:
            return replace(row, error=_sentence(outcome.error, photo)), None
        width_px, height_px = done.size_px
        row = replace(row, width_px=width_px, height_px=height_px, ms=round(done.ms, 1))
        row = replace(row, warnings="; ".join(done.warnings) or None)
        if isinstance(done, Mapped):
            return row, done.content
        where = done.outputs.depth.relative_to(self._task.dest).as_posix()
        return replace(row, depth_file=where), None


def streams(photos: list[Photo]) -> Iterator[tuple[Photo, Any]]:
    """Give each photo with what its bytes are read from; None where its path will do."""
    rest = iter(photos)
    photo = next(rest, None)
    while photo is not None:
        if photo.group < 0:
            far = storage.is_url(photo.url) or photo.offset >= 0
            yield photo, storage.Far(photo.url, photo.offset, photo.bytes) if far else None
            photo = next(rest, None)
            continue
        here, group = [photo], (photo.url, photo.group)
        while (photo := next(rest, None)) is not None and (photo.url, photo.group) == group:
            here.append(photo)
        yield from _of_group(here)


def _of_group(photos: list[Photo]) -> Iterator[tuple[Photo, Any]]:
    """Read a row group from its start to the last of these photos, a few rows at a time."""
    left = iter(photos)
    photo: Photo | None = next(left)
    try:
        import pyarrow.parquet as pq

        with storage.reading(), closing(storage.opened(photos[0].url)) as file:
            shard = pq.ParquetFile(file, pre_buffer=False, buffer_size=2**20)
            at = 0
            for batch in shard.iter_batches(
                8, row_groups=[photos[0].group], columns=[photos[0].column]
            ):
                while photo is not None and photo.row < at + len(batch):
                    value = batch.column(0)[photo.row - at].as_py()
                    content = value.get("bytes") if isinstance(value, dict) else value
                    yield photo, io.BytesIO(content or b"")
                    photo = next(left, None)
                at += len(batch)
    except ImageNotFoundError as error:
        while photo is not None:
            yield photo, Lost(str(error))
            photo = next(left, None)


class Lost(io.RawIOBase):
    """Bytes that can't be had, and why."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def read(self, size: int = -1, /) -> bytes:
        """Raise OSError, however many are asked for."""
        del size
        raise OSError(None, self._sentence)


def _sentence(error: NearfarError | None, photo: Photo) -> str:
    name = photo.path if photo.group >= 0 or photo.offset >= 0 else photo.url
    text = str(error)
    return f"{name}: {text.removeprefix('<stream>: ')}" if text.startswith("<stream>") else text
