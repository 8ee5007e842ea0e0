"""Sources of every kind, of the same few photos."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.picturefiles import noise, saved


def jpeg(shade: int = 0) -> bytes:
    return saved(noise(24, 40) // 2 + shade, "JPEG")


def folder(path: Path, count: int = 3) -> Path:
    """Write `0.jpg`, ..., and `sub/deep.jpg`."""
    (path / "sub").mkdir(parents=True)
    for n in range(count):
        (path / f"{n}.jpg").write_bytes(jpeg(n))
    (path / "sub" / "deep.jpg").write_bytes(jpeg(100))
    return path


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as shard:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    return path


def parquet(path: Path, columns: dict[str, Any], rows_a_group: int = 2) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=rows_a_group)
    return path
