"""Report a run over photos: paths or JSON lines, a progress bar, and a summary at the end."""

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, final

from nearfar.cli._progress import photo_bar
from nearfar.cli._shared import print_json, print_left_out, print_warnings, sentence_of
from nearfar.io.find_images import Outcome
from nearfar.jobs import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_MOST_WARNINGS: Final = 20


@final
class Report:
    """Print each outcome when it is added; leaving the context prints the summary.

    Results go to standard output, everything else to standard error.
    """

    def __init__(
        self,
        *,
        model: str,
        json_lines: bool,
        quiet: bool,
        total: int | None,
        place: str,
        left_out: "Sequence[Path]" = (),
    ) -> None:
        self._left_out = left_out
        self._place = place
        self._model = model
        self._json_lines = json_lines
        self._quiet = quiet
        self._total = total
        self._start = time.perf_counter()
        self._made = self._skipped = 0
        self._failed: list[str] = []
        self._warnings: list[str] = []
        self._bar = ExitStack()
        self._advance: Callable[[str], None] = lambda _: None

    @property
    def status(self) -> int:
        """Exit status: 1 when a photo failed."""
        return 1 if self._failed else 0

    def __enter__(self) -> "Report":
        if self._total is not None:
            self._advance = self._bar.enter_context(photo_bar(self._total, quiet=self._quiet))
        return self

    def add(self, outcome: Outcome[Done]) -> None:
        """Print the outcome of one photo."""
        done = outcome.result
        if done is None:
            self._failed.append(sentence_of(outcome.error))
        elif done.size_px is None:
            self._skipped += 1
        else:
            self._made += 1
            self._warnings += [f"{outcome.found.path}: {each}" for each in done.warnings]
        if self._json_lines:
            print_json(self._row(outcome))
        elif done is not None and self._total is None and not self._quiet:
            for written in done.outputs.paths():
                print(written)
        self._advance(outcome.found.path.name)

    def _row(self, outcome: Outcome[Done]) -> dict[str, object]:
        done = outcome.result
        if done is None:
            return {"input": str(outcome.found.path), "error": sentence_of(outcome.error)}
        outputs = {
            "depth": done.outputs.depth,
            "color": done.outputs.color,
            "side": done.outputs.side,
        }
        row: dict[str, object] = {"input": str(outcome.found.path), "model": self._model}
        row |= {name: str(path) for name, path in outputs.items() if path is not None}
        if done.size_px is None:
            return row | {"skipped": True}
        width_px, height_px = done.size_px
        if done.warnings:
            row["warnings"] = list(done.warnings)
        return row | {"width_px": width_px, "height_px": height_px, "ms": round(done.ms, 1)}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        for sentence in self._failed:
            print(f"nearfar: {sentence}", file=sys.stderr)
        if not self._quiet:
            shown = self._warnings[:_MOST_WARNINGS]
            print_warnings(shown, len(self._warnings), "--json")
            print_left_out(len(self._left_out), next(iter(self._left_out), ""))
        if self._total is None or self._quiet:
            return
        seconds = time.perf_counter() - self._start
        parts = [f"{self._made} of {self._total} photos in {seconds:.1f} s"]
        if self._made:
            parts[0] += f", {self._place}"
            parts.append(f"{self._made / seconds:.1f} a second")
        parts += [f"{self._skipped} were there already"] * bool(self._skipped)
        parts += [f"{len(self._failed)} failed, named above"] * bool(self._failed)
        print(", ".join(parts), file=sys.stderr)
