"""Find an installed font that has Chinese letters."""

from functools import cache
from pathlib import Path
from typing import Final

_FOLDERS: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
_NAMES: Final = (
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf"),
    *("SourceHanSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc"),
    *("DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "PingFang.ttc"),
    *("Hiragino Sans GB.ttc", "STHeiti Medium.ttc", "msyh.ttc", "simhei.ttf", "simsun.ttc"),
)
_LATIN: Final = 0x250


def is_latin(text: str) -> bool:
    """Whether the font that is built in has all the letters, or likely so."""
    return all(ord(letter) < _LATIN for letter in text)


@cache
def chinese_font() -> str | None:
    """Find one; None where there is none."""
    found: dict[str, Path] = {}
    for folder in map(Path, _FOLDERS):
        if folder.is_dir():
            for path in folder.rglob("*.[to]t[cf]"):
                found.setdefault(path.name, path)
    return next((str(found[name]) for name in _NAMES if name in found), None)
