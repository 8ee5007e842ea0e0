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
"""Placeholder for users without a home: an empty folder that can't be written to."""


PLAIN_OUTPUT: Final = OutputSpec()
"""Default of added models: zero is infinitely far, and the map is resized by cubic
interpolation."""

_REINSTALL: Final = "reinstall nearfar, which includes it"


class ModelRegistry:
    """The models of this machine. A file is used only if its SHA-256 is the recorded one.

    A model's file is in the package (`bundled/<file>`) or in the home
    (`<home>/models/<name>/<file>`). A user model has a record, `spec.json`, beside its file.

    Args:
        home: default: NEARFAR_HOME if set, else the system's folder for user data (Linux:
            ~/.local/share/nearfar). Created on the first write.
        catalog: the known models, best first.
        auto: purpose -> the networks of the catalog among which `auto` chooses, in order of
            preference.
        bundled: folder of the files included in the package.
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
        """Return all models: the catalog, best first, then user models, sorted by name.

        Models with a damaged record are left out; see `damaged`.
        """
        mine, _ = user_models.listed(self.home / "models")
        return (*self.catalog, *(spec for spec in mine if not self._row(spec.name)))

    def names(self) -> tuple[str, ...]:
        """Return the names of `specs`."""
        return tuple(spec.name for spec in self.specs())

    def damaged(self) -> tuple[ModelError, ...]:
        """Return an error for each user model whose record can't be read."""
        return tuple(user_models.listed(self.home / "models")[1])

    def spec(self, name: str) -> ModelSpec:
        """Return the description of a model.

        Raises:
            UnknownModelError: no such model; the message contains similar names.
            ModelError: its record is damaged.
        """
        if row := self._row(name):
            return row
        self._require_user_model(name)
        return user_models.read(self._folder(name))

    def path(self, name: str) -> Path | None:
        """Return the path of a model's file; None if it is missing or has another size.

        The content is not checked; `read` and `verify` do that. Raises as `spec`.
        """
        return self._path(self.spec(name))

    def installed(self) -> tuple[ModelSpec, ...]:
        """Return the installed models, in the order of `specs`."""
        return tuple(spec for spec in self.specs() if self._path(spec))

    def candidates(self, name: str, purpose: Purpose) -> tuple[ModelSpec, ...]:
        """Return the models that a name refers to, of which the fastest is loaded.

        Args:
            name: of a model; or `auto`: the first installed network of the purpose, in float, int8
                or both if both are installed; never a user model.
            purpose: use case, for `auto`.

        Raises:
            UsageError: no such purpose.
            UnknownModelError: no such model.
            ModelError: its record is damaged.
            ModelMissingError: `auto`, and no model is installed.
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
        """Iterate over the networks that `auto` considers, in order, with their installed models.

        Yields:
            The name, and its installed models: in float, in int8, both or none.
        """
        for row in filter(None, map(self._row, self.auto[purpose])):
            int8 = self._row(row.int8) if row.int8 else None
            yield row.name, tuple(each for each in (row, int8) if each and self._path(each))

    def read(self, name: str) -> bytes:
        """Read and verify a model's file; it is read once, so the verified bytes are returned.

        Raises:
            UnknownModelError: no such model.
            ModelMissingError: its file is not installed.
            ModelFileError: its file can't be read.
            ChecksumError: its SHA-256 is not the recorded one.
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
        """Open a verified file and yield a path to it, for a library that reads files itself.

        On Linux the path refers to the open file, so it remains the verified one even if the file
        is replaced meanwhile. Elsewhere it is the file's own path. Raises as `read`.
        """
        spec = self.spec(name)
        path = self._existing(spec)
        with hashing.opened(path) as file:
            self._compare(spec, path, hashing.of_open(file))
            yield _through(file, path)

    def pull(self, name: str, *, progress: Callable[[int, int], None] | None = None) -> Path:
        """Download a model's file unless it is installed; a file with a wrong hash is replaced.

        Args:
            name: of a model in the catalog.
            progress: called with (bytes done, total bytes) during the download.

        Returns:
            The path of the verified file.

        Raises:
            UnknownModelError: no such model.
            OfflineError, DownloadError, WriteError: see `nearfar.models.download.fetch`.
            ChecksumError: the downloaded or included file has not the recorded hash.
            ModelMissingError: it is not installed, and has no address.
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

        Under a name of the catalog it must be the official file, as `pull` would download it; the
        catalog's row applies, and the other arguments are ignored.

        Args:
            name: a-z, 0-9, dot, dash and underscore, at most 64, not `auto`.
            file: the ONNX file, with its weights.
            input: preprocessing of pictures.
            output: interpretation and resizing of the map.
            graph: family of the network, and the names of its inputs and outputs.
            licence: of the weights.
            origin: who made them.
            macs_per_px: multiply-adds per input pixel, if known.
            overwrite: replace a user model of this name.

        Raises:
            UsageError: the name or a number is invalid.
            ModelFileError: the file can't be read, or is not a complete ONNX file.
            ChecksumError: the name is in the catalog, and the file is not the official one.
            OutputExistsError: the model exists, and `overwrite` is False.
            WriteError: the disk is full, or the file can't be written.
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
        """Delete a model from the home, including the remains of an unfinished download.

        Raises:
            UnknownModelError: no such model.
            ModelMissingError: the home contains nothing of it.
            ModelError: it is included in the package.
            WriteError: it can't be deleted.
        """
        row, folder = self._row(name), self._folder(name)
        if row is None:
            self._require_user_model(name)
        first = folder / (row.file if row else user_models.RECORD)  # the rest is ignored
        removed = 0
        if folder.is_dir():
            with locked(first):
                for file in sorted(folder.iterdir(), key=lambda file: file != first):
                    if file.is_file() and file.suffix != ".lock":
                        file.unlink()
                        removed += 1
        if not removed:
            if row and self._path(row):
                raise ModelError(f"{name} is included in nearfar and can't be removed")
            raise ModelMissingError(f"{name} is not on this machine: there is nothing to remove")

    def _row(self, name: str) -> ModelSpec | None:
        return next((row for row in self.catalog if row.name == name), None)

    def _folder(self, name: str) -> Path:
        return self.home / "models" / name

    def _require_user_model(self, name: str) -> None:
        if user_models.is_name(name) and (self._folder(name) / user_models.RECORD).exists():
            return
        import difflib

        close = difflib.get_close_matches(name, self.names())
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UnknownModelError(f"no model {name[:80]!r}: {hint}nearfar models list shows all")

    def _paths(self, spec: ModelSpec) -> tuple[Path, ...]:
        mine = self._folder(spec.name) / spec.file
        return (self.bundled / spec.file, mine) if self._row(spec.name) else (mine,)

    def _path(self, spec: ModelSpec) -> Path | None:
        return next((p for p in self._paths(spec) if _size(p) == spec.size_bytes), None)

    def _find(self, spec: ModelSpec) -> Path | None:
        """Return the file of any size, so that a wrong one is not reported as missing."""
        return self._path(spec) or next((p for p in self._paths(spec) if _size(p) >= 0), None)

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
            return f"nearfar models add {spec.name} FILE restores it"
        if not spec.urls or (path and path.parent == self.bundled):
            return _REINSTALL
        return (
            f"nearfar models pull {spec.name}, or, with a file from elsewhere, "
            f"nearfar models add {spec.name} {spec.file}"
        )


def _size(path: Path) -> int:
    """Return the size in bytes; -1 if there is no such file."""
    return path.stat().st_size if path.is_file() else -1


def _through(file: BinaryIO, path: Path) -> Path:
    """Return a path to an open file's descriptor on Linux, else the file's own path."""
    through = Path(f"/proc/self/fd/{file.fileno()}")
    return through if through.exists() else path


def list_models() -> tuple[ModelSpec, ...]:
    """Return every model that `nearfar.load` accepts by name, installed or not.

    Returns:
        The catalog, best first, then user models, sorted by name.
    """
    return ModelRegistry().specs()
