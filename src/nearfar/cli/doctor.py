"""Implement `nearfar doctor`: list what is installed, what is missing, and the remedies."""

import importlib
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from nearfar.cli._shared import print_json
from nearfar.errors import ModelError, ModelMissingError, NearfarError
from nearfar.io.paths import cache_folder
from nearfar.models.catalog import Purpose
from nearfar.models.registry import NOWHERE, ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.optional import EXTRA_OF
from nearfar.runtimes import autotune, cpu, table, telemetry
from nearfar.runtimes.autotune_cache import Candidate, Measurements
from nearfar.runtimes.error_text import reason
from nearfar.runtimes.table import CPU, RUNTIMES
from nearfar.version import __version__


@dataclass(frozen=True)
class Taken:
    """The model and runtime that `auto` takes for a purpose.

    Attributes:
        purpose: of the estimator.
        among: the candidates; one where it is known, and else those on the CPU.
        choice: the times by which one of several was chosen; None where none were measured.
        one_thread: the same for many photos, each on one thread.
    """

    purpose: Purpose
    among: tuple[Candidate, ...]
    choice: Measurements | None
    one_thread: Measurements | None

    @property
    def models(self) -> tuple[str, ...]:
        """Return the names of the candidates' files."""
        return tuple(dict.fromkeys(way.model for way in self.among))


def taken(store: ModelRegistry, purpose: Purpose) -> Taken:
    """Return what `auto` takes for a purpose.

    Raises:
        ModelMissingError: no model is installed.
    """
    specs = store.candidates("auto", purpose)
    shape, photos = autotune.usual_shape(specs[0]), autotune.usual_photos(purpose)
    choice = autotune.remembered(specs, shape, expected_photos=photos)
    many = autotune.remembered(specs, shape, threads=1, expected_photos=autotune.MANY_PHOTOS)
    among = (choice.fastest(photos),) if choice else autotune.candidates(specs, device=CPU)
    return Taken(purpose, among, choice, many)


def taken_for_all(store: ModelRegistry) -> Iterator[Taken]:
    """Return what `auto` takes for every purpose that has a model."""
    for purpose in store.auto:
        with suppress(ModelMissingError):
            yield taken(store, purpose)


ENOUGH_BYTES: Final = 200_000_000
"""Free space below which a model of the catalogue may not fit."""

_REQUIRED: Final = next(iter(RUNTIMES))
_LIBRARIES: Final = {_REQUIRED: _REQUIRED, "OpenCV": "cv2", "Pillow": "PIL"}
_BROKEN: Final = (ImportError, OSError, RuntimeError, ValueError, TypeError, AttributeError)
"""Errors of libraries that are damaged, or don't fit together, while they are imported."""
_USES: Final[Mapping[Purpose, str]] = {
    "photo": "one photo: estimate, effect, cloud, mesh, probe, evaluate; the page's photos;"
    " /v1/depth and its kin; nearfar.load()",
    "stream": "many pictures: video, live, batch; estimate and effect of several photos or a"
    " folder; clips and the camera of the page; /v1/stream, /v1/videos",
}
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        topic: heading of its group.
        name: of what was checked.
        value: result of the check.
        todo: the remedy, where something is broken.
    """

    topic: str
    name: str
    value: str
    todo: str | None = None


def examine(store: ModelRegistry) -> Iterator[Finding]:
    """Check everything; nothing is changed, downloaded or sent."""
    yield from _machine()
    yield from _libraries()
    yield from _extras()
    yield from _folders(store)
    yield from _devices()
    yield from _models(store)
    yield from _auto(store)
    yield from _environment()


def _machine() -> Iterator[Finding]:
    facts = {
        "nearfar": __version__,
        "Python": platform.python_version(),
        "platform": platform.platform(),
        "CPU": cpu.cpu_name(),
        "physical cores": str(cpu.physical()),
        "memory": _memory(),
    }
    for name, value in facts.items():
        yield Finding("machine", name, value)


def _memory() -> str:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return "not known on this system"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.1f} GB"


def _libraries() -> Iterator[Finding]:
    for name, module in _LIBRARIES.items():
        yield _library(name, module)


def _library(name: str, module: str) -> Finding:
    try:
        loaded = telemetry.onnxruntime() if module == _REQUIRED else importlib.import_module(module)
        return Finding("libraries", name, loaded.__version__)
    except _BROKEN as error:
        said = reason(error)
        return Finding("libraries", name, f"broken: {said}", f"reinstall {name}: {said}")


def _extras() -> Iterator[Finding]:
    for module, extra in EXTRA_OF.items():
        if importlib.util.find_spec(module) is None:
            yield Finding("extras", module, f"not installed: pip install 'nearfar[{extra}]'")
            continue
        try:
            yield Finding("extras", module, version(module))
        except PackageNotFoundError:
            yield Finding("extras", module, "installed, of unknown version")


def _devices() -> Iterator[Finding]:
    """Report which devices the installed runtimes offer; whether one starts is not tried."""
    for name in table.available():
        try:
            offered = RUNTIMES[name].offered()
        except _BROKEN as error:
            yield Finding("devices", name, "not known", f"reinstall {name}: {reason(error)}")
            continue
        yield Finding("devices", name, ", ".join(offered))


def _folders(store: ModelRegistry) -> Iterator[Finding]:
    home = None if store.home == NOWHERE else store.home / "models"
    for name, path, variable in (
        ("models", home, "NEARFAR_HOME"),
        ("cache", cache_folder(), "NEARFAR_CACHE"),
    ):
        if path is None:
            yield Finding("folders", name, f"none, for want of a home folder: set {variable}")
        else:
            yield _folder(name, path, variable)


def _folder(name: str, path: Path, variable: str) -> Finding:
    standing = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        todo = f"make {standing} a folder that can be written, or set {variable} to one"
        return Finding("folders", name, f"{path}: can't be written", todo)
    free_bytes = shutil.disk_usage(standing).free
    value = f"{path}: {free_bytes / 1e9:.1f} GB free"
    if free_bytes < ENOUGH_BYTES:
        return Finding("folders", name, value, f"make room on the disk of {standing}")
    return Finding("folders", name, value if path.exists() else f"{value}, made when needed")


def _models(store: ModelRegistry) -> Iterator[Finding]:
    for name in store.names():
        yield _model(store, store.spec(name))
    for error in store.damaged():
        yield Finding("models", "a model of your own", "damaged", str(error))


def _model(store: ModelRegistry, spec: ModelSpec) -> Finding:
    try:
        path = store.verify(spec.name)
    except ModelMissingError as error:
        pull = f"nearfar models pull {spec.name} ({spec.size_bytes / 1e6:.0f} MB)"
        todo = None if spec.urls else str(error)
        return Finding("models", spec.name, f"absent: {pull}" if spec.urls else "lost", todo)
    except ModelError as error:
        return Finding("models", spec.name, "broken", str(error))
    kind = "bundled" if path.parent == store.bundled else "installed"
    return Finding("models", spec.name, f"{kind}, {spec.size_bytes / 1e6:.0f} MB, SHA-256 is right")


def _auto(store: ModelRegistry) -> Iterator[Finding]:
    """Report which model `auto` takes for each purpose, and why."""
    for purpose in store.auto:
        topic = f"auto, {purpose}"
        try:
            yield from _taken(topic, taken(store, purpose))
        except ImportError as error:
            yield Finding(topic, "runtime", "not known", f"reinstall what is broken: {error}")
        except NearfarError as error:
            yield Finding(topic, "model", "none", str(error))
        yield Finding(topic, "order", f"the first here of {', '.join(_order(store, purpose))}")
        yield Finding(topic, "for", _USES[purpose])


def _taken(topic: str, found: Taken) -> Iterator[Finding]:
    """Report the choice with all cores, and with one thread, as for each of many photos."""
    yield Finding(topic, "model", _one_of(found.models))
    yield Finding(topic, "runtime", _one_of(each.place for each in found.among))
    if found.choice:
        yield Finding(topic, "because", str(found.choice))
    if (many := found.one_thread) and cpu.physical() > 1:
        yield Finding(
            topic, "with one thread", f"{many.fastest(autotune.MANY_PHOTOS)}, because {many}"
        )


def _order(store: ModelRegistry, purpose: Purpose) -> Iterator[str]:
    """Return the networks in the order in which they are looked for."""
    for network, forms in store.networks(purpose):
        yield network if forms else f"{network} (not here)"


def _one_of(names: Iterable[str]) -> str:
    different = tuple(dict.fromkeys(names))
    later = ": measured when it is first used" if len(different) > 1 else ""
    return " or ".join(different) + later


def _environment() -> Iterator[Finding]:
    for name, value in sorted(os.environ.items()):
        proxy = name.lower() in _PROXIES
        if proxy or name.startswith("NEARFAR_"):
            address = proxy or "://" in value
            yield Finding("environment", name, without_secrets(value) if address else value)


def without_secrets(address: str) -> str:
    """Hide possible secrets in an address: name and password, and the query after `?`."""
    scheme, mark, rest = address.partition("://") if "://" in address else ("", "", address)
    return scheme + mark + re.sub(r"\?.*", "?***", re.sub(r"^.*@", "***@", rest))


def doctor(
    *,
    # not `arguments.Json`: that module needs OpenCV, which may be what is broken
    json_lines: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """List what is installed, which models `auto` takes, and what is missing.

    Exit status 1 if something is broken.

    Args:
        json_lines: Print one JSON object.
    """
    findings = list(examine(ModelRegistry()))
    todo = list(dict.fromkeys(finding.todo for finding in findings if finding.todo))
    if json_lines:
        print_json(_tree(findings, todo))
    else:
        _show(findings, todo)
    return 1 if todo else 0


def _tree(findings: list[Finding], todo: list[str]) -> dict[str, object]:
    topics = {
        topic: {finding.name: finding.value for finding in group}
        for topic, group in groupby(findings, key=lambda finding: finding.topic)
    }
    return {"right": not todo, "todo": todo, **topics}


def _show(findings: list[Finding], todo: list[str]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for topic, group in groupby(findings, key=lambda finding: finding.topic):
        console.print(Text(topic, style="bold"))
        for finding in group:
            style = "red" if finding.todo else ""
            console.print(Text(f"  {finding.name:<24} {finding.value}", style=style))
    console.print()
    if not todo:
        console.print(Text("all right", style="bold green"))
        return
    console.print(Text("to do:", style="bold red"))
    for number, sentence in enumerate(todo, 1):
        console.print(Text(f"  {number}. {sentence}"))
