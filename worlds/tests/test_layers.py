"""Who may import whom in worlds/, read from the source alone."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEFORE = {
    "scene": (),
    "shapes": ("scene",),
    "surfaces": ("scene",),
    "things": ("scene", "shapes", "surfaces"),
    "rooms": ("scene", "shapes", "surfaces", "things"),
    "streets": ("scene", "shapes", "surfaces", "things"),
    "closeups": ("scene", "shapes", "surfaces", "things"),
    "drawing": ("scene",),
}
"""Folder -> what it may import, besides its own files."""


def imported(path: Path) -> set[str]:
    """The folders, or files at the top, of worlds/ that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "worlds":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("worlds."):
            found.add(str(node.module).split(".")[1])
    return found


def test_every_folder_has_its_place() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert folders == BEFORE.keys()


def test_folders_import_only_what_comes_before_them() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {target}"
        for folder, before in BEFORE.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
        for target in sorted(imported(path) - {folder, *before})
    ]
    assert not wrong
