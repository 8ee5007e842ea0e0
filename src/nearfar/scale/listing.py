"""The source as Ray Data reads it: a row a part, made as fast as they are taken."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ray.data import Datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import ReadTask

from nearfar.scale.sources import Source, distinct, parts


class Listing(Datasource):
    """Lists a source in one task, and yields its parts.

    A row is `part`, its name, and `photos`, where they are (`Part.packed`): references, so that
    no pixel goes through Ray's object store.

    Args:
        source: what is listed.
        size: of a part, see `nearfar.scale.sources.parts`.
        by_stem: see `nearfar.scale.sources.distinct`.
    """

    def __init__(self, source: Source, size: int, *, by_stem: bool) -> None:
        self._source, self._size, self._by_stem = source, size, by_stem

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known before it is listed."""
        return None

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: Any = None,
    ) -> list[ReadTask]:
        """Give the one task."""
        del parallelism, per_task_row_limit, data_context
        source, size, by_stem = self._source, self._size, self._by_stem
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(lambda: _blocks(source, size, by_stem=by_stem), unknown)]


def _blocks(source: Source, size: int, *, by_stem: bool) -> Iterable[Any]:
    import pyarrow as pa

    for part in parts(distinct(source.photos(), by_stem=by_stem), size):
        yield pa.table({"part": [part.name], "photos": [part.packed()]})


@dataclass(frozen=True)
class Counted:
    """How much there is in a source.

    Attributes:
        photos: that a run takes.
        left_out: pictures that it does not take, since they are named as results are.
        first_left_out: path or URL of the first of these.
    """

    photos: int
    left_out: int = 0
    first_left_out: str = ""


def count(source: Source) -> Counted:
    """Count the photos of a source."""
    left_out, first = 0, ""

    def pass_over(name: str) -> None:
        nonlocal left_out, first
        left_out, first = left_out + 1, first or name

    photos = sum(1 for _ in source.photos(pass_over))
    return Counted(photos, left_out, first)
