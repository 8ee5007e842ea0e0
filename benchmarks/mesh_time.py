"""What a cloud or a mesh costs beside one inference: 640 x 480, from metres to the file's bytes."""

import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.cold_start import MODEL
from benchmarks.paired import calls_in_turn
from benchmarks.photos import photo
from benchmarks.result import Ratio, write
from benchmarks.tables import spreads
from nearfar.calibration import fit_range
from nearfar.geometry import (
    Camera,
    CloudOptions,
    encode_cloud,
    encode_mesh,
    find_normals,
    make_cloud,
    make_layered_mesh,
    make_mesh,
)
from nearfar.io.images import read_image
from nearfar.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 25
BOUND: Final = 5.0


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as folder:
        image = read_image(photo(Path(folder) / "photo.jpg"))
    estimator = load(MODEL, runtime="onnxruntime")
    batch = estimator.prepare(image)
    depth = estimator(image)
    metric = fit_range(depth, 1, 5).apply(depth)
    camera = Camera.of_photo(metric.size_px)
    with_normals = CloudOptions(normals=True)
    calls: dict[str, Callable[[], object]] = {
        "one inference": lambda: estimator.session.run(batch),
        "mesh to GLB": lambda: encode_mesh(make_mesh(metric, camera), image, ".glb"),
        "mesh with layers to GLB": lambda: encode_mesh(
            *make_layered_mesh(metric, image, camera), ".glb"
        ),
        "mesh to PLY": lambda: encode_mesh(make_mesh(metric, camera), image, ".ply"),
        "mesh to OBJ": lambda: encode_mesh(make_mesh(metric, camera), image, ".obj"),
        "cloud to PLY": lambda: encode_cloud(make_cloud(metric, image, camera), ".ply"),
        "cloud with normals to PLY": lambda: encode_cloud(
            make_cloud(metric, image, camera, with_normals), ".ply"
        ),
        "cloud to GLB": lambda: encode_cloud(make_cloud(metric, image, camera), ".glb"),
        "cloud to XYZ": lambda: encode_cloud(make_cloud(metric, image, camera), ".xyz"),
        "normals": lambda: find_normals(metric, camera),
    }
    times = calls_in_turn(calls, rounds=ROUNDS, warmup=2)
    one = median(times["one inference"])
    ratios = [
        Ratio(
            what=f"time of {name}, over one inference",
            value=median(taken) / one,
            bound=BOUND if name == "mesh to GLB" else None,
        )
        for name, taken in times.items()
        if name != "one inference"
    ]
    faces, points = len(make_mesh(metric, camera).faces), len(make_cloud(metric, image, camera))
    write(
        "mesh_time",
        title="Clouds and meshes",
        question="How long does it take from depth in metres to the bytes of a 3-D file, beside"
        " the inference that gave the depth?",
        data=f"One photo of 640 x 480, cut from examples/street.jpg; {MODEL}, onnxruntime;"
        f" {faces:,} triangles, {points:,} points.",
        ratios=ratios,
        tables=[spreads("Times", ("what", "ms"), times, 1e3)],
        notes=("An inference is the bare run of the network, without resizing the photo.",),
    )


if __name__ == "__main__":
    main()
