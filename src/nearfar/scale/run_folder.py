"""The folder of a run: the manifest, by which it can be resumed, and the table of its photos."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import NearfarError, OutputExistsError, UsageError, WriteError
from nearfar.io.atomic import replacing

if TYPE_CHECKING:
    from typing_extensions import Self

_FORMAT: Final = 1
"""Version of the manifest and the table, raised when older runs can't be resumed."""


@dataclass(frozen=True)
class Layout:
    """The paths in a destination.

    Attributes:
        dest: the destination.
        maps_in_table: whether the table contains the maps, and is at the top level.
    """

    dest: Path
    maps_in_table: bool

    @property
    def own(self) -> Path:
        """Return the folder of nearfar's own files; readers of Parquet folders skip its name."""
        return self.dest / "_nearfar"

    @property
    def manifest(self) -> Path:
        """Return the file with the options of the run."""
        return self.own / "run.json"

    @property
    def attempts(self) -> Path:
        """Return the folder of `nearfar.scale.crash_tracker`."""
        return self.own / "attempts"

    @property
    def table(self) -> Path:
        """Return the folder of the table."""
        return self.dest if self.maps_in_table else self.dest / "table"

    def part(self, name: str) -> Path:
        """Return the file of a part."""
        return self.table / f"part-{name}.parquet"

    def parts(self) -> Iterator[Path]:
        """Yield every file of the table."""
        return self.table.glob("part-*.parquet")


@contextmanager
def claimed(layout: Layout) -> Iterator[None]:
    """Lock a destination, and delete temporary files of crashed workers in its table.

    Raises:
        UsageError: another run writes to it.
        WriteError: it can't be written.
    """
    from filelock import FileLock, Timeout

    with ExitStack() as held:
        with writing_to(layout.dest):
            layout.own.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(FileLock(layout.own / "lock", timeout=0))
            except Timeout as error:
                raise UsageError(f"another run writes to {layout.dest}: wait for it") from error
            _sweep(layout)
        yield
        with writing_to(layout.dest):
            _sweep(layout)


@contextmanager
def writing_to(dest: Path) -> Iterator[None]:
    """Convert an OSError in the block to a WriteError."""
    try:
        yield
    except NearfarError:
        raise
    except OSError as error:
        raise WriteError(f"can't write to {dest}: {error.strerror or error}") from error


def _sweep(layout: Layout) -> None:
    """Delete temporary files that crashed workers left in the table; see `nearfar.io.atomic`."""
    for begun_only in layout.table.glob(".part-*.parquet"):
        begun_only.unlink(missing_ok=True)


def refuse_strange(layout: Layout) -> None:
    """Refuse a destination that contains files but no run.

    Raises:
        OutputExistsError: it does.
        WriteError: it is not a folder, or can't be read.
    """
    try:
        names = set(os.listdir(layout.dest)) if layout.dest.exists() else set()  # noqa: PTH208
    except OSError as error:
        raise WriteError(f"{layout.dest}: {error.strerror}: give a folder") from error
    if names and layout.own.name not in names:
        raise OutputExistsError(
            f"{layout.dest} contains other files: give an empty folder, or overwrite it",
            options=("overwrite",),
        )


def begun(layout: Layout, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return the model and runtime of the run in a destination, or None if there is no run.

    Args:
        layout: of the destination.
        asked: the options that determine the results.

    Raises:
        UsageError: the run has other options, or a version that can't be resumed.
    """
    try:
        found = json.loads(layout.manifest.read_text("utf-8"))
        form, before, resolved = found["form"], found["asked"], found["resolved"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{layout.manifest} is damaged: start again", options=("overwrite",)
        ) from error
    remedy = "use that, give another destination, or start again"
    if form != _FORMAT:
        raise UsageError(
            f"{layout.dest} is of another version of nearfar: {remedy}", options=("overwrite",)
        )
    for name, value in asked.items():
        if before.get(name) != value:
            then, now = _words(before.get(name)), _words(value)
            raise UsageError(
                f"{layout.dest} was begun with {name} {then}, not {now}: {remedy}",
                options=("overwrite",),
            )
    return dict(resolved)


def begin(layout: Layout, asked: dict[str, Any], resolved: dict[str, Any]) -> None:
    """Write the manifest of a new run, and delete the table of an older one.

    Raises:
        WriteError: it can't be written.
    """
    with writing_to(layout.dest):
        for path in layout.parts():
            path.unlink()
    content = {"form": _FORMAT, "asked": asked, "resolved": resolved}
    with replacing(layout.manifest, durable=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=True), "utf-8")


def forget_attempts(layout: Layout) -> None:
    """Reset the number of crashes."""
    shutil.rmtree(layout.attempts, ignore_errors=True)


def _words(value: object) -> str:
    return "unset" if value in {None, ""} else str(value)


FLUSH_BYTES: Final = 32 * 2**20
"""Total size of buffered maps at which they are written as a row group."""


@dataclass(frozen=True)
class Row:
    """The result of one photo.

    Attributes:
        path: relative to the source, or as in the list.
        model: of the map.
        depth_file: relative to the destination; None if the map is in the table.
        width_px: of the map; None when there is none.
        height_px: likewise.
        ms: from opening the photo to the last file written.
        error: reason for a missing map.
        warnings: about the photo, one sentence each.
    """

    path: str
    model: str
    depth_file: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    ms: float | None = None
    error: str | None = None
    warnings: str | None = None

    def printable(self) -> "Row":
        """Escape names that are not UTF-8, so that they can be written."""
        texts = {"path": self.path, "depth_file": self.depth_file, "error": self.error}
        escaped = {
            name: text and text.encode("utf-8", "backslashreplace").decode()
            for name, text in texts.items()
        }
        return replace(self, **escaped)  # type: ignore[arg-type] # path stays a text


def schema(*, maps: bool) -> Any:
    """Return the Arrow schema of the table.

    Args:
        maps: whether it has the column `depth`, the bytes of depth files, not `depth_file`.
    """
    import pyarrow as pa

    depth = pa.field("depth", pa.binary()) if maps else pa.field("depth_file", pa.string())
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("model", pa.string(), nullable=False),
            depth,
            pa.field("width_px", pa.int32()),
            pa.field("height_px", pa.int32()),
            pa.field("ms", pa.float64()),
            pa.field("error", pa.string()),
            pa.field("warnings", pa.string()),
        ]
    )


class PartWriter:
    """Writes one file of the table, which is created only if the block ends without an error."""

    def __init__(self, file: Any, *, maps: bool) -> None:
        import pyarrow.parquet as pq

        self._schema = schema(maps=maps)
        # PNG can't be compressed further, nor can floats without a predictor
        packed = {name: "none" if name == "depth" else "zstd" for name in self._schema.names}
        self._writer = pq.ParquetWriter(file, self._schema, compression=packed)
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: Row, depth: bytes | None = None) -> None:
        """Add a row, and the bytes of its map if the table contains maps."""
        self._rows.append({**asdict(row), "depth": depth})
        self._bytes += len(depth or b"")
        if self._bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the buffered rows."""
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows, self._bytes = [], 0

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.flush()
        self._writer.close()


@contextmanager
def writing(path: Path, *, maps: bool) -> Iterator[PartWriter]:
    """Write a file of the table.

    Raises:
        WriteError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"can't make the folder {path.parent}: {error.strerror}") from error
    with (
        replacing(path, durable=True) as temporary,
        PartWriter(str(temporary), maps=maps) as writer,
    ):
        yield writer


def read(path: Path) -> list[Row] | None:
    """Read the rows of a part, without maps; return None where it is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name != "depth"]
            return [Row(**row) for row in file.read(columns=names).to_pylist()]
    except (OSError, pa.ArrowInvalid, TypeError):
        return None


def packed(rows: Sequence[Row]) -> str:
    """Return rows as JSON."""
    return json.dumps([asdict(row) for row in rows])
