"""How time and memory grow with the size of the photo."""

import tempfile
from pathlib import Path
from typing import Final

from benchmarks import photos
from benchmarks.cold_start import MODEL, program
from benchmarks.paired import Command, commands_in_turn, spread
from benchmarks.result import Cell, Ratio, Table, write
from nearfar.choices import DEFAULT_MAX_SIDE_PX
from nearfar.images import ImageFile

ROUNDS: Final = 7
SIZES_PX: Final = {
    "0.3 MP": (640, 480),
    "2 MP": (1632, 1224),
    "12 MP": (4000, 3000),
    "24 MP": (5656, 4242),
}


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            size: photos.photo(folder / f"{size[:-3]}.jpg", pixels)
            for size, pixels in SIZES_PX.items()
        }
        commands = {size: _command(file, folder) for size, file in files.items()}
        costs = commands_in_turn(commands, folder, rounds=ROUNDS)
        decoded = {size: _decoded(file) for size, file in files.items()}
    s = {size: spread([cost.s for cost in row]) for size, row in costs.items()}
    mib = {size: spread([cost.peak_mib for cost in row]) for size, row in costs.items()}
    first, *larger = SIZES_PX
    rows: list[tuple[Cell, ...]] = [
        (
            f"{size}: {width} x {height}",
            decoded[size],
            spread([cost.s for cost in costs[size]], 1e3),
            mib[size],
        )
        for size, (width, height) in SIZES_PX.items()
    ]
    write(
        "picture_size",
        title="Small photos and big ones",
        question="What does a bigger photo cost, from a cold start, with a map of its own size?",
        data="JPEGs made by resizing examples/street.jpg, so smoother than a camera's.",
        ratios=[
            ratio
            for size in larger
            for ratio in (
                Ratio(what=f"time of {size}, over {first}", value=s[size].median / s[first].median),
                Ratio(
                    what=f"peak memory of {size}, over {first}",
                    value=mib[size].median / mib[first].median,
                ),
            )
        ],
        tables=[
            Table(
                title="Whole processes",
                columns=("photo", "decoded at", "ms", "peak MiB"),
                rows=tuple(rows),
            )
        ],
    )


def _command(photo: Path, folder: Path) -> Command:
    command: list[str | Path] = [program(), "estimate", photo, "-o", folder / "map.png"]
    return [*command, "--force", "-m", MODEL, "--runtime", "onnxruntime"]


def _decoded(path: Path) -> str:
    """Tell the size at which a photo is decoded when 640 pixels are needed."""
    with ImageFile(path) as file:
        height, width, _ = file.read(at_least_px=DEFAULT_MAX_SIDE_PX).shape
    return f"{width} x {height}"


if __name__ == "__main__":
    main()
