"""Estimate the photos of a run, part by part, in a process with one session."""

import io
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.errors import ImageNotFoundError, NearfarError, ScaleError
from nearfar.estimator import Estimator
from nearfar.io.atomic import sync_parents
from nearfar.io.depth_files import DEFAULT_FORMAT
from nearfar.io.find_images import Found, Outcome, process_photos
from nearfar.io.images import ImageFile
from nearfar.jobs import PhotoJob
from nearfar.models.spec import ModelSpec
from nearfar.runtimes.autotune import open_session
from nearfar.runtimes.table import Runtime
from nearfar.scale import run_folder, storage
from nearfar.scale.crash_tracker import Attempts
from nearfar.scale.run_folder import Layout, PartWriter, Row
from nearfar.scale.sources import Part, Photo
from nearfar.version import __version__

KILLED = "all workers crashed on this photo: check the photo, and the machine's memory"


@dataclass(frozen=True)
class Task:
    """Common settings of all workers of a run.

    Attributes:
        spec: of the model.
        runtime: that runs it.
        threads: number of concurrent photos, each on one core.
        estimating: options of estimation.
        writing: the depth format, and which files to write.
        limits: sizes beyond which a photo is refused unread.
        dest: the destination, under the same path on every machine.
        maps_in_table: whether maps are stored in the table.
        again: whether to repeat parts that have a photo with an error.
        version: of nearfar where the run was started.
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
    """A map to be stored in the table."""

    content: bytes
    size_px: tuple[int, int]
    ms: float
    warnings: tuple[str, ...] = ()


class Worker:
    """Processes parts, and reports parts that are done already without repeating them.

    The model is loaded for the first part that is processed, not in the constructor, because Ray
    converts exceptions of constructors to text.

    Args:
        task: common settings.
        model: the ONNX file, or Ray's reference to it.
    """

    def __init__(self, task: Task, model: Any) -> None:
        self._task, self._model = task, model
        self._layout = Layout(task.dest, maps_in_table=task.maps_in_table)
        self._attempts = Attempts(self._layout.attempts)

    @cached_property
    def _estimator(self) -> Estimator:
        task = self._task
        if task.version != __version__:
            raise ScaleError(
                f"a worker has nearfar {__version__}, not {task.version}: install the same"
                " nearfar on every machine of the cluster"
            )
        content = self._model
        if not isinstance(content, bytes):
            import ray

            content = ray.get(content)
        session = open_session(
            content, task.runtime, threads=1, callers=task.threads, graph=task.spec.graph
        )
        return Estimator(task.spec, session, task.estimating)

    def __call__(self, batch: Any) -> dict[str, list[Any]]:
        """Process the parts of a batch, whose columns are `nearfar.scale.batch.LISTED`."""
        rows = batch.to_pylist()
        done = [self.do(Part.unpack(row["part"], row["photos"])) for row in rows]
        return {
            "part": [row["part"] for row in rows],
            "kept": [kept for kept, _ in done],
            "rows": [run_folder.packed(made) for _, made in done],
        }

    def do(self, part: Part) -> tuple[bool, list[Row]]:
        """Process a part.

        Returns:
            Whether it was done by an earlier run, and its rows.

        Raises:
            ScaleError: this machine has another version of nearfar.
            WriteError: its file of the table can't be written.
            NearfarError: the model can't be loaded here.
        """
        path = self._layout.part(part.name)
        there = run_folder.read(path)
        if there is not None and not (self._task.again and any(row.error for row in there)):
            return True, there
        _ = self._estimator  # before the attempt: errors of the model are not caused by photos
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
            dest = self._task.dest  # a part is added to the table only after its maps are written
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
            yield from process_photos(
                found, lambda _: None, self._mapped, workers=self._task.threads
            )
        else:
            task = self._task
            # the table lists the map of each photo, so it is written in addition to pictures
            writing = task.writing
            if writing.format is None:
                writing = replace(writing, format=DEFAULT_FORMAT)
            job = PhotoJob(
                self._estimator, writing, task.dest, many=True, limits=task.limits, force=True
            )
            yield from process_photos(found, job.plan, job.work, workers=task.threads)

    def _mapped(self, found: Found, _: None) -> Mapped:
        start = time.perf_counter()
        with ImageFile(found.stream or found.path, limits=self._task.limits) as file:
            depth = self._estimator.from_file(file)
            warnings = file.warnings
        content = depth.encode(self._task.writing.format or DEFAULT_FORMAT)
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
    """Yield each photo with the stream of its bytes; None for a local file."""
    rest = iter(photos)
    photo = next(rest, None)
    while photo is not None:
        if photo.group < 0:
            is_file = photo.offset < 0 and not storage.is_url(photo.url)
            stream = storage.LazyFile(photo.url, photo.offset, photo.bytes)
            yield photo, None if is_file else stream
            photo = next(rest, None)
            continue
        here, group = [photo], (photo.url, photo.group)
        while (photo := next(rest, None)) is not None and (photo.url, photo.group) == group:
            here.append(photo)
        yield from _of_group(here)


def _of_group(photos: list[Photo]) -> Iterator[tuple[Photo, Any]]:
    """Read a row group from its start to the last of these photos, eight rows at a time."""
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
            yield photo, UnreadableFile(str(error))
            photo = next(left, None)


class UnreadableFile(io.RawIOBase):
    """File-like object for bytes that could not be downloaded."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def read(self, size: int = -1, /) -> bytes:
        """Raise OSError with the reason."""
        del size
        raise OSError(None, self._sentence)


def _sentence(error: NearfarError | None, photo: Photo) -> str:
    name = photo.path if photo.group >= 0 or photo.offset >= 0 else photo.url
    text = str(error)
    return f"{name}: {text.removeprefix('<stream>: ')}" if text.startswith("<stream>") else text
