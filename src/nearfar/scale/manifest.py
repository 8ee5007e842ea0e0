"""What a destination holds, and of which run: so that a run goes on, and no other mixes in."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nearfar.errors import NearfarError, OutputExistsError, UsageError, WriteError
from nearfar.io.atomic import replacing

_FORM: Final = 1
"""Of the manifest and the table; raised when an older run can't be gone on with."""


@dataclass(frozen=True)
class Layout:
    """Where things are in a destination.

    Attributes:
        dest: the destination.
        maps_in_table: whether the table is all there is, and lies at the top.
    """

    dest: Path
    maps_in_table: bool

    @property
    def own(self) -> Path:
        """What is nearfar's own; readers of Parquet folders pass over such a name."""
        return self.dest / "_nearfar"

    @property
    def manifest(self) -> Path:
        """What the run was asked."""
        return self.own / "run.json"

    @property
    def attempts(self) -> Path:
        """See `nearfar.scale.attempts`."""
        return self.own / "attempts"

    @property
    def table(self) -> Path:
        """The folder of the table."""
        return self.dest if self.maps_in_table else self.dest / "table"

    def part(self, name: str) -> Path:
        """The file of a part."""
        return self.table / f"part-{name}.parquet"

    def parts(self) -> Iterator[Path]:
        """Every file of the table."""
        return self.table.glob("part-*.parquet")


@contextmanager
def claimed(layout: Layout) -> Iterator[None]:
    """Have a destination for oneself, without what killed workers left half-written in its table.

    Raises:
        UsageError: another run is at work in it.
        WriteError: the system refused.
    """
    from filelock import FileLock, Timeout

    with ExitStack() as held:
        with writing_to(layout.dest):
            layout.own.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(FileLock(layout.own / "lock", timeout=0))
            except Timeout as error:
                raise UsageError(f"another run is at work in {layout.dest}: wait for it") from error
            _sweep(layout)
        yield
        with writing_to(layout.dest):
            _sweep(layout)


@contextmanager
def writing_to(dest: Path) -> Iterator[None]:
    """Turn what the system refuses in the block into a WriteError."""
    try:
        yield
    except NearfarError:
        raise
    except OSError as error:
        raise WriteError(f"can't write to {dest}: {error.strerror or error}") from error


def _sweep(layout: Layout) -> None:
    """Delete what killed workers had begun to write of the table; see `nearfar.io.atomic`."""
    for begun_only in layout.table.glob(".part-*.parquet"):
        begun_only.unlink(missing_ok=True)


def refuse_strange(layout: Layout) -> None:
    """Refuse a destination that holds something else than a run.

    Raises:
        OutputExistsError: it does.
        WriteError: it is no folder, or can't be looked into.
    """
    try:
        names = set(os.listdir(layout.dest)) if layout.dest.exists() else set()  # noqa: PTH208
    except OSError as error:
        raise WriteError(f"{layout.dest}: {error.strerror}: give a folder") from error
    if names and layout.own.name not in names:
        raise OutputExistsError(
            f"{layout.dest} holds something else: give an empty folder, or --force"
        )


def begun(layout: Layout, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Read what the run in a destination was resolved to, if there is one.

    Args:
        layout: of the destination.
        asked: the options that decide what the results are.

    Raises:
        UsageError: it was asked something else, or by another version that can't be gone on with.
    """
    try:
        found = json.loads(layout.manifest.read_text("utf-8"))
        form, before, resolved = found["form"], found["asked"], found["resolved"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{layout.manifest} is damaged: begin anew with --force") from error
    remedy = "give that again, another destination, or --force to begin anew"
    if form != _FORM:
        raise UsageError(f"{layout.dest} is of another version of nearfar: {remedy}")
    for name, value in asked.items():
        if before.get(name) != value:
            told, now = _words(before.get(name)), _words(value)
            raise UsageError(f"{layout.dest} was begun with {name} {told}, not {now}: {remedy}")
    return dict(resolved)


def begin(layout: Layout, asked: dict[str, Any], resolved: dict[str, Any]) -> None:
    """Note what a run is asked, and what that was resolved to; what an older one left goes.

    Raises:
        WriteError: the system refused.
    """
    with writing_to(layout.dest):
        for path in layout.parts():
            path.unlink()
    content = {"form": _FORM, "asked": asked, "resolved": resolved}
    with replacing(layout.manifest, durable=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=True), "utf-8")


def forget_attempts(layout: Layout) -> None:
    """Begin to count anew how often workers died."""
    shutil.rmtree(layout.attempts, ignore_errors=True)


def _words(value: object) -> str:
    return "unset" if value in {None, ""} else str(value)
