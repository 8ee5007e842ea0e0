"""Which models there are, and where their files lie."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from nearfar.errors import ModelError, ModelMissingError, UnknownModelError, UsageError
from nearfar.io.paths import data_folder
from nearfar.models import own
from nearfar.models.catalog import AUTO, CATALOG, Purpose
from nearfar.models.spec import ModelSpec

BUNDLED: Final = Path(__file__).parent / "bundled"
"""The folder of the weights that ship inside the package."""

NOWHERE: Final = Path(os.devnull, "nearfar")
"""The home where there is none: nothing is in it, and nothing can be written to it."""


class Shelf:
    """The models of this machine by name and place; what is in their files is not looked at.

    A model's file lies in the package (`bundled/<file>`) or under the home
    (`<home>/models/<name>/<file>`). A model of the user's own has its record, `spec.json`,
    beside its file.

    Args:
        home: default: NEARFAR_HOME if set, else the system's folder for a user's data
            (Linux: ~/.local/share/nearfar). Made when something is first written.
        catalog: the models that nearfar knows, best first.
        auto: purpose -> the networks of the catalogue that `auto` stands for, in their order.
        bundled: folder of the files that ship with nearfar.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        catalog: tuple[ModelSpec, ...] = CATALOG,
        auto: Mapping[Purpose, tuple[str, ...]] = AUTO,
        bundled: Path = BUNDLED,
    ) -> None:
        self.home = home or data_folder() or NOWHERE
        self.catalog = catalog
        self.auto = auto
        self.bundled = bundled

    def specs(self) -> tuple[ModelSpec, ...]:
        """Every model that can be asked for: the catalogue, best first, then one's own, sorted.

        Those whose record is damaged are left out: see `damaged`.
        """
        mine, _ = own.listed(self.home / "models")
        return (*self.catalog, *(spec for spec in mine if not self._row(spec.name)))

    def names(self) -> tuple[str, ...]:
        """The names of `specs`."""
        return tuple(spec.name for spec in self.specs())

    def damaged(self) -> tuple[ModelError, ...]:
        """What is wrong with each of the user's own models whose record can't be read."""
        return tuple(own.listed(self.home / "models")[1])

    def spec(self, name: str) -> ModelSpec:
        """What is known of a model.

        Raises:
            UnknownModelError: no such model; the message has the names that are close.
            ModelError: its record is damaged.
        """
        if row := self._row(name):
            return row
        self._must_own(name)
        return own.read(self._folder(name))

    def path(self, name: str) -> Path | None:
        """Where a model's file lies; None if it is not here or has another size. Raises as `spec`.

        Nothing is read: use `read` or `verify` before the file is trusted.
        """
        return self._path(self.spec(name))

    def installed(self) -> tuple[ModelSpec, ...]:
        """The models whose file is here, in the order of `specs`."""
        return tuple(spec for spec in self.specs() if self._path(spec))

    def candidates(self, name: str, purpose: Purpose) -> tuple[ModelSpec, ...]:
        """The models that a name stands for, of which the fastest is to be loaded.

        Args:
            name: of a model, which stands for itself; or `auto`, which stands for the first
                network of its purpose that is here, in float, in int8 or, where both are here,
                in both; never for a model of the user's own.
            purpose: what `auto` is asked for.

        Raises:
            UsageError: no such purpose.
            UnknownModelError: no such model.
            ModelError: its record is damaged.
            ModelMissingError: `auto`, and no model is here.
        """
        if purpose not in self.auto:
            raise UsageError(f"purpose must be {' or '.join(self.auto)}, not {purpose!r}")
        if name != "auto":
            return (self.spec(name),)
        for _, forms in self.networks(purpose):
            if forms:
                return forms
        raise ModelMissingError("no model is on this machine: nearfar models list, then pull one")

    def networks(self, purpose: Purpose) -> Iterator[tuple[str, tuple[ModelSpec, ...]]]:
        """Give the networks that `auto` looks for, in their order, each with its models here.

        Yields:
            The name, and what is here of it: the network in float, in int8, both or nothing.
        """
        for row in filter(None, map(self._row, self.auto[purpose])):
            int8 = self._row(row.int8) if row.int8 else None
            yield row.name, tuple(each for each in (row, int8) if each and self._path(each))

    def _row(self, name: str) -> ModelSpec | None:
        return next((row for row in self.catalog if row.name == name), None)

    def _folder(self, name: str) -> Path:
        return self.home / "models" / name

    def _must_own(self, name: str) -> None:
        if own.is_name(name) and (self._folder(name) / own.RECORD).exists():
            return
        import difflib

        close = difflib.get_close_matches(name, self.names())
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UnknownModelError(f"no model {name[:80]!r}: {hint}nearfar models list shows all")

    def _places(self, spec: ModelSpec) -> tuple[Path, ...]:
        mine = self._folder(spec.name) / spec.file
        return (self.bundled / spec.file, mine) if self._row(spec.name) else (mine,)

    def _path(self, spec: ModelSpec) -> Path | None:
        return next((p for p in self._places(spec) if _size(p) == spec.size_bytes), None)

    def _find(self, spec: ModelSpec) -> Path | None:
        """The file of any size: the wrong one is named as such, and not called missing."""
        return self._path(spec) or next((p for p in self._places(spec) if _size(p) >= 0), None)


def _size(path: Path) -> int:
    """Size in bytes; -1 when there is no such file."""
    return path.stat().st_size if path.is_file() else -1
