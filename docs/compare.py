"""Compare models in pictures: `python -m docs.compare`, after `nearfar models pull` of the others.

For each model that is installed, the maps of three example photos are written to docs/img, and the
table of the README is printed; the cells of a model that is missing say how to get its pictures.
"""

from pathlib import Path
from typing import Final

from docs.gallery import MODEL, PHOTOS, _tile

import nearfar
from nearfar.errors import ModelMissingError
from nearfar.io.images import write_image

MODELS: Final = (MODEL, "nearfar-lite", "midas-small", "depth-anything-v2-small")
NAMES: Final = ("indoor", "pet", "street")
SIZE_PX: Final = (300, 200)
FOLDER: Final = Path(__file__).parent / "img" / "compare"


def row(model: str) -> list[str]:
    """Write a model's pictures, and return its cells of the table."""
    try:
        estimator = nearfar.load(model, runtime="onnxruntime")
    except ModelMissingError:
        return [f"run me: `nearfar models pull {model}`, `python -m docs.compare`"] * len(NAMES)
    cells = []
    for name in NAMES:
        path = FOLDER / f"{name}-{model}.jpg"
        depth = estimator(PHOTOS / f"{name}.jpg")
        write_image(_tile(depth.colorize(), SIZE_PX), path, quality=85)
        cells.append(f"![{name} by {model}](docs/img/compare/{path.name})")
    return cells


def main() -> None:
    """Write the pictures of all models that are here, and print the table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    photos = []
    for name in NAMES:
        path = FOLDER / f"{name}.jpg"
        write_image(_tile(nearfar.read_image(PHOTOS / f"{name}.jpg"), SIZE_PX), path, quality=85)
        photos.append(f"![{name}](docs/img/compare/{path.name})")
    rows = [["photo", *photos], *([f"`{model}`", *row(model)] for model in MODELS)]
    print("| | " + " | ".join(NAMES) + " |")
    print("|---|" + "---|" * len(NAMES))
    for cells in rows:
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
