"""Register the models of this machine: list, download, read, add and remove them."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from nearfar.errors import (
    ChecksumError,
    ModelError,
    ModelMissingError,
    UnknownModelError,
    UsageError,
)
from nearfar.io import hashing
from nearfar.io.paths import data_folder
from nearfar.models import user_models
from nearfar.models.catalog import AUTO, CATALOG, Purpose
from nearfar.models.download import locked
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec, InputSpec, ModelSpec, OutputSpec

BUNDLED: Final = Path(__file__).parent / "bundled"
"""The folder of the weights that ship inside the package."""

NOWHERE: Final = Path(os.devnull, "nearfar")
"""The home where the user has none: it is empty, and nothing can be written to it."""


PLAIN_OUTPUT: Final = OutputSpec()
"""Zero is infinitely far, and the map is resized by cubic interpolation."""

_REINSTALL: Final = "reinstall nearfar, which brings it"


class ModelRegistry:
    """The models of this machine; no file is handed out whose SHA-256 is not the recorded one.

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

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "auto": dict(self.auto)}  # a MappingProxyType can't be pickled

    def specs(self) -> tuple[ModelSpec, ...]:
        """Return all models: the catalogue, best first, then the user's own, sorted by name.

        Those whose record is damaged are left out: see `damaged`.
        """
        mine, _ = user_models.listed(self.home / "models")
        return (*self.catalog, *(spec for spec in mine if not self._row(spec.name)))

    def names(self) -> tuple[str, ...]:
        """Return the names of `specs`."""
        return tuple(spec.name for spec in self.specs())

    def damaged(self) -> tuple[ModelError, ...]:
        """Return an error for each of the user's own models whose record can't be read."""
        return tuple(user_models.listed(self.home / "models")[1])

    def spec(self, name: str) -> ModelSpec:
        """Return the description of a model.

        Raises:
            UnknownModelError: no such model; the message has the names that are close.
            ModelError: its record is damaged.
        """
        if row := self._row(name):
            return row
        self._must_own(name)
        return user_models.read(self._folder(name))

    def path(self, name: str) -> Path | None:
        """Return where a model's file lies; None if it is missing or has another size.

        Nothing is read: use `read` or `verify` before the file is trusted. Raises as `spec`.
        """
        return self._path(self.spec(name))

    def installed(self) -> tuple[ModelSpec, ...]:
        """Return the models whose file is here, in the order of `specs`."""
        return tuple(spec for spec in self.specs() if self._path(spec))

    def candidates(self, name: str, purpose: Purpose) -> tuple[ModelSpec, ...]:
        """Return the models that a name stands for, of which the fastest is loaded.

        Args:
            name: of a model, which stands for itself; or `auto`, which stands for the first
                network of its purpose that is here, in float, in int8 or, where both are here,
                in both; never for a model of the user's own.
            purpose: what `auto` is to suit.

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
        """Iterate over the networks that `auto` looks for, in order, each with its models here.

        Yields:
            The name, and what is here of it: the network in float, in int8, both or nothing.
        """
        for row in filter(None, map(self._row, self.auto[purpose])):
            int8 = self._row(row.int8) if row.int8 else None
            yield row.name, tuple(each for each in (row, int8) if each and self._path(each))

    def read(self, name: str) -> bytes:
        """Read a model's file once: the bytes that were verified are the bytes returned.

        Raises:
            UnknownModelError: no such model.
            ModelMissingError: its file is not here.
            ModelFileError: its file can't be read.
            ChecksumError: its file is not the recorded one.
        """
        spec = self.spec(name)
        path = self._existing(spec)
        found, content = hashing.read(path)
        self._compare(spec, path, found)
        return content

    def verify(self, name: str) -> Path:
        """Check a model's file without holding it in memory; return its path. Raises as `read`."""
        spec = self.spec(name)
        path = self._existing(spec)
        self._compare(spec, path, hashing.of_file(path)[0])
        return path

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Open a verified file and yield its path, for a library that reads files itself.

        On Linux the path leads through the open file, so that it is the verified one even if
        another takes its place meanwhile. Elsewhere it is the file's own. Raises as `read`.
        """
        spec = self.spec(name)
        path = self._existing(spec)
        with hashing.opened(path) as file:
            self._compare(spec, path, hashing.of_open(file))
            yield _through(file, path)

    def pull(self, name: str, *, progress: Callable[[int, int], None] | None = None) -> Path:
        """Download a model's file unless the right one is here; a wrong one is replaced.

        Args:
            name: of a model of the catalogue.
            progress: called with (bytes done, bytes in all) during the download.

        Returns:
            The path of the verified file.

        Raises:
            UnknownModelError: no such model.
            OfflineError, DownloadError, WriteError: see `nearfar.models.download.fetch`.
            ChecksumError: what came, or what ships with nearfar, is not the recorded file.
            ModelMissingError: it is not here, and is published nowhere.
        """
        spec = self.spec(name)
        target = self._folder(name) / spec.file
        try:
            return self.verify(name)
        except (ModelMissingError, ChecksumError):
            if not spec.urls or self._find(spec) not in (None, target):
                raise
        from nearfar.models.download import fetch

        fetch(spec.urls, target, spec.sha256, spec.size_bytes, name=name, progress=progress)
        return target

    def add(
        self,
        name: str,
        file: str | os.PathLike[str],
        *,
        input: InputSpec,
        output: OutputSpec = PLAIN_OUTPUT,
        graph: GraphSpec = PLAIN_GRAPH,
        licence: str = "not stated",
        origin: str = "",
        macs_per_px: float | None = None,
        overwrite: bool = False,
    ) -> ModelSpec:
        """Copy an ONNX file into the home.

        Under a name of the catalogue it must be the official file, which is then as good as
        pulled; the catalogue's own row holds, whatever else is given here.

        Args:
            name: a-z, 0-9, dot, dash and underscore, at most 64, not `auto`.
            file: the ONNX file, its weights inside.
            input: how pictures are prepared.
            output: how the map is brought to the photo's size, and what its zero is.
            graph: family of the network, and the names of its inputs and outputs.
            licence: of the weights.
            origin: who made them.
            macs_per_px: multiply-adds per pixel fed, if known.
            overwrite: replace the user's own model of this name.

        Raises:
            UsageError: the name or a number makes no sense.
            ModelFileError: the file can't be read, or is no whole ONNX file.
            ChecksumError: the name is the catalogue's, and the file is not the official one.
            OutputExistsError: there is such a model, and `overwrite` is False.
            WriteError: the disk is full or refuses.
        """
        source, folder = Path(file), self._folder(name)
        found, size_bytes = hashing.of_file(source)
        if row := self._row(name):
            if found != row.sha256:
                raise ChecksumError(
                    f"{source} is not the official file of {name} (SHA-256 {found[:12]}..., not "
                    f"{row.sha256[:12]}...): get that one, or add yours under another name"
                )
            with locked(folder / row.file):
                hashing.copy(source, folder / row.file, found)
            return row
        spec = ModelSpec(
            name=name,
            file=f"{name}-{found[:8]}.onnx",
            sha256=found,
            size_bytes=size_bytes,
            licence=licence,
            origin=origin,
            urls=(),
            input=input,
            output=output,
            graph=graph,
            macs_per_px=macs_per_px,
        )
        user_models.keep(folder, source, spec, overwrite=overwrite)
        return spec

    def remove(self, name: str) -> None:
        """Take a model out of the home, with whatever an unfinished pull left of it.

        Raises:
            UnknownModelError: no such model.
            ModelMissingError: nothing of it is in the home.
            ModelError: it ships with nearfar.
            WriteError: the system refused.
        """
        row, folder = self._row(name), self._folder(name)
        if row is None:
            self._must_own(name)
        first = folder / (row.file if row else user_models.RECORD)  # without it the rest is nothing
        removed = 0
        if folder.is_dir():
            with locked(first):
                for file in sorted(folder.iterdir(), key=lambda file: file != first):
                    if file.is_file() and file.suffix != ".lock":
                        file.unlink()
                        removed += 1
        if not removed:
            if row and self._path(row):
                raise ModelError(f"{name} ships with nearfar and can't be removed")
            raise ModelMissingError(f"{name} is not on this machine: there is nothing to remove")

    def _row(self, name: str) -> ModelSpec | None:
        return next((row for row in self.catalog if row.name == name), None)

    def _folder(self, name: str) -> Path:
        return self.home / "models" / name

    def _must_own(self, name: str) -> None:
        if user_models.is_name(name) and (self._folder(name) / user_models.RECORD).exists():
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
        """Return the file of any size: a wrong one is reported as such, and not as missing."""
        return self._path(spec) or next((p for p in self._places(spec) if _size(p) >= 0), None)

    def _existing(self, spec: ModelSpec) -> Path:
        if path := self._find(spec):
            return path
        raise ModelMissingError(
            f"{spec.name} is not on this machine: {self._remedy(spec)}",
            options=self._remedy_options(spec),
        )

    def _compare(self, spec: ModelSpec, path: Path, found: str) -> None:
        if found != spec.sha256:
            raise ChecksumError(
                f"{path} is not {spec.name}: its SHA-256 is {found[:12]}..., not "
                f"{spec.sha256[:12]}...; {self._remedy(spec, path)}",
                options=self._remedy_options(spec),
            )

    def _remedy_options(self, spec: ModelSpec) -> tuple[str, ...]:
        return ("overwrite",) if self._row(spec.name) is None else ()

    def _remedy(self, spec: ModelSpec, path: Path | None = None) -> str:
        if self._row(spec.name) is None:
            return f"nearfar models add {spec.name} FILE brings it back"
        if not spec.urls or (path and path.parent == self.bundled):
            return _REINSTALL
        return (
            f"nearfar models pull {spec.name}, or, with a file from elsewhere, "
            f"nearfar models add {spec.name} {spec.file}"
        )


def _size(path: Path) -> int:
    """Return the size in bytes; -1 when there is no such file."""
    return path.stat().st_size if path.is_file() else -1


def _through(file: BinaryIO, path: Path) -> Path:
    """Return a path through an open file where the system has such paths, or else its own."""
    through = Path(f"/proc/self/fd/{file.fileno()}")
    return through if through.exists() else path


def list_models() -> tuple[ModelSpec, ...]:
    """Return every model that `nearfar.load` takes by name, whether its file is here or not.

    Returns:
        The catalogue, best first, then the user's own models, sorted by name.
    """
    return ModelRegistry().specs()
