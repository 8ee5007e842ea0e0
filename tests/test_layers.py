"""Layers of packages: who may import whom, read from the source alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "nearfar"

RUNG = {
    **dict.fromkeys(("version", "errors", "config", "optional"), 0),
    **dict.fromkeys(("imaging", "io", "isolation", "parallel", "depth", "camera"), 1),
    **dict.fromkeys(("models", "runtimes"), 2),
    **dict.fromkeys(("calibration", "datasets", "estimator", "jobs", "loading", "pipelines"), 3),
    **dict.fromkeys(("effects", "geometry", "video", "evaluation", "training"), 4),
    **dict.fromkeys(("service", "web", "cli", "scale"), 5),
}
"""Room -> rung. A room imports its own files, and lower rungs; see the exceptions below."""

SAME_RUNG = {0, 1, 2, 3}
"""Rungs whose rooms may import each other, as long as no circle comes of it."""

REACH = {"effects": 1, "geometry": 1}
"""Rooms that reach no higher than this rung, though they stand higher."""

MAY_ALSO = {"cli": {"service", "web", "scale"}, "service": {"web"}, "scale": {"service"}}


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield ".".join(path.relative_to(SOURCE).with_suffix("").parts), path


def _room(module: str) -> str:
    return module.partition(".")[0]


def _imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _allowed(source: str, target: str) -> bool:
    if source in {target, "__init__"}:
        return True
    if target in MAY_ALSO.get(source, set()):
        return True
    if RUNG[target] > REACH.get(source, 9):
        return False
    if RUNG[target] == RUNG[source]:
        return RUNG[source] in SAME_RUNG
    return RUNG[target] < RUNG[source]


def _edges(*, top_only: bool = False) -> Iterator[tuple[str, str]]:
    modules = {name for name, _ in _files()}
    for name, path in _files():
        for imported in _imports(path, top_only=top_only):
            target = imported.removeprefix("nearfar.")
            if imported.startswith("nearfar.") and (
                target in modules or f"{target}.__init__" in modules
            ):
                yield name, target


def test_layers() -> None:
    wrong = [
        f"{source} imports {target}"
        for source, target in _edges()
        if not _allowed(_room(source), _room(target))
    ]
    assert not wrong


def test_every_room_has_its_rung() -> None:
    assert {_room(name) for name, _ in _files()} - {"__init__"} <= RUNG.keys()


def test_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    for source, target in _edges():
        if source != "__init__":  # the package's door looks into every room, lazily
            graph.setdefault(source, set()).add(target)
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for target in sorted(graph.get(module, ())):
                walk(target, (*path, module))
            done.add(module)

    for module in sorted(graph):
        walk(module, ())


@pytest.mark.parametrize("library", ["torch", "openvino", "onnx", "requests", "pooch", "rich"])
def test_heavy_libraries_are_imported_late(library: str) -> None:
    free = ("training.", "cli._train_run")  # imported only when used
    wrong = [
        name
        for name, path in _files()
        if not name.startswith(free)
        for imported in _imports(path, top_only=True)
        if _room(imported) == library
    ]
    assert not wrong


def test_files_are_small() -> None:
    long = {name: len(path.read_text("utf-8").splitlines()) for name, path in _files()}
    assert {name: lines for name, lines in long.items() if lines > 500} == {}
