"""The table of a run: a row a photo, a Parquet file a part, each written whole or not at all."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import WriteError
from nearfar.io.atomic import replacing

if TYPE_CHECKING:
    from typing_extensions import Self

FLUSH_BYTES: Final = 32 * 2**20
"""Of maps that are held before they are written as a row group."""


@dataclass(frozen=True)
class Row:
    """What became of one photo.

    Attributes:
        path: relative to the source, or as the list has it.
        model: that made the map.
        depth_file: relative to the destination; None where the map is in the table.
        width_px: of the map; None when there is none.
        height_px: likewise.
        ms: from opening the photo to the last file written.
        error: why there is no map.
        warnings: what was odd about the photo, in sentences.
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
        """Make names that are no UTF-8 ones that can be written."""
        texts = {"path": self.path, "depth_file": self.depth_file, "error": self.error}
        escaped = {
            name: text and text.encode("utf-8", "backslashreplace").decode()
            for name, text in texts.items()
        }
        return replace(self, **escaped)  # type: ignore[arg-type] # path stays a text


def schema(*, maps: bool) -> Any:
    """Give the table's Arrow schema.

    Args:
        maps: with the column `depth`, the bytes of depth files, in place of `depth_file`.
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
    """Writes one file of the table; it is there only once the block ends well."""

    def __init__(self, file: Any, *, maps: bool) -> None:
        import pyarrow.parquet as pq

        self._schema = schema(maps=maps)
        # PNG doesn't shrink any further, nor do floats without a predictor
        packed = {name: "none" if name == "depth" else "zstd" for name in self._schema.names}
        self._writer = pq.ParquetWriter(file, self._schema, compression=packed)
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: Row, depth: bytes | None = None) -> None:
        """Take a row, and the bytes of its map where they belong into the table."""
        self._rows.append({**asdict(row), "depth": depth})
        self._bytes += len(depth or b"")
        if self._bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
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
        WriteError: the system refused.
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
    """Read the rows of a part, without maps; None where it isn't there, or not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name != "depth"]
            return [Row(**row) for row in file.read(columns=names).to_pylist()]
    except (OSError, pa.ArrowInvalid, TypeError):
        return None


def packed(rows: Sequence[Row]) -> str:
    """Give rows as JSON."""
    return json.dumps([asdict(row) for row in rows])
