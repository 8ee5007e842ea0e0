"""Show progress bars. rich is imported when a bar is shown, not before."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def bar(unit: str = "") -> "Progress":
    """Make a bar with the count, the speed, the time left and a description.

    Args:
        unit: of the speed, for example `photos/s`; no speed is shown without one.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} {unit}" if task.speed and unit else "")

    return _progress(
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )


@contextmanager
def photo_bar(total: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show how many photos are done.

    Args:
        total: how many there are.
        quiet: show nothing, as when standard error is no terminal.

    Yields:
        A function to call with each photo's name.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with bar("photos/s") as progress:
        task = progress.add_task("", total=total)
        yield lambda name: progress.update(task, advance=1, description=name[-40:])


@contextmanager
def download_bar(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how much of a file is downloaded.

    Args:
        name: of the file.
        quiet: show nothing, as when standard error is no terminal.

    Yields:
        A function to call with the number of bytes downloaded and in all.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    with _progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    ) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _progress(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)
