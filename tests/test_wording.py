"""Names of the package are the field's: the words of an older vocabulary stay away."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "nearfar"

OLD_NAMES = frozenset(
    {
        *("desk", "workshop", "ledger", "leash", "shelf", "door", "fence", "batcher"),
        *("framepump", "streamframe", "videodoor", "videodesk", "videoshelf", "turns"),
        *("livesource", "clipfiles", "remeasure", "whereabouts"),
    }
)
"""Words that no module, class, function or parameter has: each has a name of the field instead."""

OLD_WORDS = re.compile(
    r"\b(whoever|nobody's business|at work on|in the same go|goes all of it|a go\b"
    r"|its own way|comes to nothing|in a word,)",
    re.IGNORECASE,
)
"""Phrases that no docstring has."""


def _named(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def _parts(name: str) -> list[str]:
    """Split CamelCase and snake_case into lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)] + [name.lower()]


def test_no_name_is_of_the_old_vocabulary() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        where = path.relative_to(SOURCE)
        names = [(0, part) for part in where.with_suffix("").parts]
        names += _named(ast.parse(path.read_text("utf-8")))
        found += [
            f"{where}:{line}: {name}"
            for line, name in names
            if OLD_NAMES.intersection(_parts(name))
        ]
    assert found == []


def test_no_docstring_has_a_phrase_of_the_old_vocabulary() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                text = " ".join((ast.get_docstring(node) or "").split())
                if match := OLD_WORDS.search(text):
                    line = getattr(node, "lineno", 1)
                    found.append(f"{path.relative_to(SOURCE)}:{line}: {match.group()}")
    assert found == []
