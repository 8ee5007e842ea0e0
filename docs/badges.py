"""Draw the badges of the README, which no outside host serves: `python -m docs.badges`."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "img"
BADGES: Final = {
    "licence": ("licence", "MIT"),
    "python": ("python", "3.10 to 3.13"),
    "systems": ("runs on", "Linux | macOS | Windows"),
    "cpu": ("needs", "a CPU, nothing else"),
}
"""Name of the file -> what it says on the left and on the right."""

CHAR_PX, PAD_PX, HEIGHT_PX = 6.6, 8, 20


def badge(left: str, right: str) -> str:
    """Return a badge as SVG."""
    sides = [round(len(text) * CHAR_PX + 2 * PAD_PX) for text in (left, right)]
    width = sum(sides)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT_PX}"'
        f' role="img" aria-label="{left}: {right}" font-size="11"'
        ' font-family="Verdana, \'DejaVu Sans\', sans-serif" text-anchor="middle" fill="#fff">'
        f'<rect width="{width}" height="{HEIGHT_PX}" rx="4" fill="#1c6474"/>'
        f'<path d="M4 0H{sides[0]}V{HEIGHT_PX}H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z" fill="#514f4a"/>'
        f'<text x="{sides[0] / 2}" y="14">{left}</text>'
        f'<text x="{sides[0] + sides[1] / 2}" y="14">{right}</text></svg>\n'
    )


if __name__ == "__main__":
    for name, texts in BADGES.items():
        (FOLDER / f"badge-{name}.svg").write_text(badge(*texts), "utf-8")
