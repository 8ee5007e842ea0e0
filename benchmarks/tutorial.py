"""The tutorial's way to depth, its advice one by one, and nearfar."""

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.folder_rate import bare
from benchmarks.paired import calls_in_turn, spread
from benchmarks.result import Ratio, Table, write
from nearfar.io.images import Image, read_image
from nearfar.loading import load
from nearfar.models.catalog import IMAGENET_MEAN, IMAGENET_STD
from nearfar.runtimes.base import Batch

ROUNDS: Final = 15
SIDE_PX: Final = 256
PHOTO_PX: Final = (640, 480)

Depth = NDArray[np.float32]

NOTE: Final = (
    "nearfar-lite is a smaller network than MiDaS small (1.0 G against 4.6 G multiply-adds for"
    " this photo), which alone explains the difference between rows of the same runtime."
)

LOADED_EACH = "MiDaS small, PyTorch, built and loaded on every call"
OURS = "nearfar-lite in nearfar, onnxruntime"


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rgb = read_image(photos.photo(folder / "photo.jpg"))
        ways = _ways(folder)
        calls: dict[str, Callable[[], object]] = {
            name: _bound(way, rgb) for name, way in ways.items()
        }
        times = calls_in_turn(calls, rounds=ROUNDS, warmup=2)
    medians = {name: spread(row).median for name, row in times.items()}
    ours = {name: s for name, s in medians.items() if "in nearfar" in name}
    write(
        "tutorial",
        title="Against the tutorial's way",
        question="How much faster is a photo in nearfar than the way that tutorials show, and"
        " than each step of their advice?",
        data="A photo of 640 x 480 already decoded, to a map of its size. MiDaS v2.1 small has"
        f" random weights and is fed {SIDE_PX} x {SIDE_PX}: speed only.",
        ratios=[
            Ratio(what=f"time of {name}, over {our}", value=s / our_s)
            for our, our_s in ours.items()
            for name, s in medians.items()
            if name not in ours
        ],
        tables=[
            Table(
                title="One call",
                columns=("way", "ms"),
                rows=tuple((name, spread(row, 1e3)) for name, row in times.items()),
            )
        ],
        notes=(NOTE,),
    )


def _bound(way: Callable[[Image], object], rgb: Image) -> Callable[[], object]:
    return lambda: way(rgb)


def _ways(folder: Path) -> dict[str, Callable[[Image], object]]:
    import torch

    from nearfar.training.export import export_onnx
    from nearfar.training.nets.midas_small import MidasSmall

    checkpoint, graph = folder / "midas.pt", folder / "midas.onnx"
    torch.manual_seed(0)
    network = MidasSmall().eval()
    torch.save(network.state_dict(), checkpoint)
    export_onnx(network, graph, size_px=(SIDE_PX, SIDE_PX))
    model = graph.read_bytes()

    def eager(network: Any, rgb: Image) -> Depth:
        with torch.no_grad():
            answer = network(torch.from_numpy(transform(rgb)))
            sized = torch.nn.functional.interpolate(
                answer[:, None], PHOTO_PX[::-1], mode="bicubic", align_corners=False
            )
        return np.asarray(sized[0, 0].numpy(), np.float32)

    def from_file(rgb: Image) -> Depth:
        fresh = MidasSmall()
        fresh.load_state_dict(torch.load(checkpoint, weights_only=True))
        return eager(fresh.eval(), rgb)

    def run_by(infer: Callable[[Batch], Any]) -> Callable[[Image], Depth]:
        def run(rgb: Image) -> Depth:
            answer = np.asarray(infer(transform(rgb))[0], np.float32)[0]
            sized = cv2.resize(answer, PHOTO_PX, interpolation=cv2.INTER_CUBIC)
            return np.asarray(sized, np.float32)

        return run

    ways: dict[str, Callable[[Image], object]] = {
        LOADED_EACH: from_file,
        "MiDaS small, PyTorch, loaded once": lambda rgb: eager(network, rgb),
        "MiDaS small, ONNX in onnxruntime": run_by(bare("onnxruntime", model)),
    }
    has_openvino = importlib.util.find_spec("openvino") is not None
    if has_openvino:
        ways["MiDaS small, ONNX in openvino"] = run_by(bare("openvino", model))
    ways[OURS] = load(MODEL, runtime="onnxruntime")
    if has_openvino:
        ways["nearfar-lite in nearfar, openvino"] = load(MODEL, runtime="openvino")
    return ways


def transform(rgb: Image) -> Batch:
    """Resize to a square of 256 and normalise, as the tutorials do for the small network.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (1, 3, 256, 256) float32.
    """
    picture = rgb.astype(np.float32) / np.float32(255)
    small = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    normal = (small - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)


if __name__ == "__main__":
    main()
