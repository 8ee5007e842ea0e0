"""Draw the packages of nearfar and their layers: `python -m docs.architecture`.

The layers are those that tests/test_layers.py enforces; what a package is for is the first line of
its docstring.
"""

import ast
from html import escape
from pathlib import Path
from textwrap import wrap

from tests.test_layers import RUNG, SOURCE

TARGET = Path(__file__).parent / "img" / "architecture.svg"
LAYERS = {
    5: "programs",
    4: "uses of depth",
    3: "one photo",
    2: "networks",
    1: "arrays and files",
    0: "base",
}
"""Layer -> what its packages have in common; a layer imports only those below it."""

WIDTH, LABEL, GAP, PAD, LINE = 1120, 150, 10, 10, 15
FONT = "system-ui, 'Segoe UI', 'Noto Sans', sans-serif"


def sentence(room: str) -> str:
    """Return the first sentence of a package's or module's docstring."""
    path = SOURCE / room / "__init__.py"
    text = (path if path.exists() else SOURCE / f"{room}.py").read_text("utf-8")
    words = ast.get_docstring(ast.parse(text)) or ""
    return words.partition("\n\n")[0].replace("\n", " ")


def files(room: str) -> int:
    """Count the Python files of a package or module."""
    return len(list((SOURCE / room).rglob("*.py"))) or 1


def draw() -> str:
    """Return the picture as SVG."""
    parts: list[str] = []
    top = PAD
    for layer, name in LAYERS.items():
        rooms = sorted(room for room, rung in RUNG.items() if rung == layer)
        columns = min(len(rooms), 5)
        rows = [rooms[at : at + columns] for at in range(0, len(rooms), columns)]
        box = (WIDTH - LABEL - GAP * (columns + 1)) / columns
        start = top
        top += GAP
        for row in rows:
            height = 34 + LINE * max(len(lines_of(room, box)) for room in row)
            for column, room in enumerate(row):
                parts += _box((LABEL + GAP + column * (box + GAP), top), (box, height), room)
            top += height + GAP
        parts.insert(
            0,
            f'<rect x="0" y="{start}" width="{WIDTH}" height="{top - start - 2}" rx="12"'
            f' fill="{"#f1efea" if layer % 2 else "#e7eef0"}"/>',
        )
        parts.append(
            f'<text x="14" y="{(start + top) / 2 + 5}" font-size="14" fill="#5f5d57">'
            f"{escape(name)}</text>"
        )
        top += 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + PAD}"'
        f' font-family="{FONT}">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _box(place: tuple[float, float], size: tuple[float, float], room: str) -> list[str]:
    (x, y), (width, height) = place, size
    count = files(room)
    title = f"{room}/" if (SOURCE / room).is_dir() else room
    number = f"{count} files" if count > 1 else ""
    parts = [
        (
            f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="8"'
            ' fill="#ffffff" stroke="#c6c4bb"/>'
        ),
        (
            f'<text x="{x + 10:.0f}" y="{y + 19}" font-size="14" font-weight="600"'
            f' fill="#1c6474">{escape(title)}</text>'
        ),
        (
            f'<text x="{x + width - 10:.0f}" y="{y + 19}" font-size="11" fill="#98968d"'
            f' text-anchor="end">{number}</text>'
        ),
    ]
    for at, line in enumerate(lines_of(room, width)):
        parts.append(
            f'<text x="{x + 10:.0f}" y="{y + 36 + LINE * at}" font-size="11.5" fill="#3a3936">'
            f"{escape(line)}</text>"
        )
    return parts


def lines_of(room: str, width: float) -> list[str]:
    """Return a package's sentence, broken into the lines of a box of this width."""
    return wrap(sentence(room), max(16, int(width / 6.6)))[:4]


if __name__ == "__main__":
    TARGET.write_text(draw(), "utf-8")
