"""Show examples of each command below its help."""

from collections.abc import Sequence
from typing import Final

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "estimate": (
        "nearfar estimate photo.jpg",
        "nearfar estimate photo.jpg depth.exr",
        "nearfar estimate holiday -r -o maps --color --format png16",
        "nearfar estimate - < photo.jpg > depth.png",
    ),
    "batch": (
        "nearfar batch photos depth",
        "nearfar batch list.txt depth --to parquet",
        "nearfar batch s3://bucket/photos depth --retry-failed",
    ),
    "probe": (
        "nearfar probe photo.jpg 120,80 400,1000",
        "nearfar probe photo.jpg 400,1000=1.5m 500,450=4m 600,700",
    ),
    "serve": (
        "nearfar serve",
        "nearfar serve --open",
        "nearfar serve --host 0.0.0.0 --port 8080",
        "nearfar serve --host 0.0.0.0 --tls",
        "nearfar serve --ray",
    ),
    "effect": (
        "nearfar effect bokeh photo.jpg --aperture 3",
        "nearfar effect cutout photo.jpg subject.png",
        "nearfar effect fog - < photo.jpg > fog.jpg",
    ),
    "cloud": (
        "nearfar cloud photo.jpg",
        "nearfar cloud photo.jpg -o photo.glb --near 1m --far 8m",
        "nearfar cloud photo.jpg --known 400,1000=1.5m 500,450=4m",
    ),
    "mesh": (
        "nearfar mesh photo.jpg",
        "nearfar mesh photo.jpg -o photo.obj --camera-height 1.6m",
    ),
    "video": (
        "nearfar video clip.mp4",
        "nearfar video clip.mp4 --show side",
        "nearfar video clip.mp4 --show bokeh --set aperture=3",
        "nearfar video clip.mp4 --show png16 -o frames",
    ),
    "live": ("nearfar live 0", "nearfar live rtsp://camera.local/stream --port 8080"),
    "models": (
        "nearfar models list",
        "nearfar models pull midas-small",
        "nearfar models add mine network.onnx --width 384 --height 384",
    ),
    "train": (
        "nearfar train my-photos --out mine --val my-check",
        "nearfar train indoor=2 outdoor --out mine --init nearfar-lite --hours 8",
        "nearfar train my-photos --out mine --resume",
    ),
    "evaluate": ("nearfar evaluate my-check -m mine -m nearfar-lite",),
    "export": (
        "nearfar export midas_v21_small_256.pt",
        "nearfar export midas_v21_small_256.pt --size 256x192 --half --no-add",
    ),
    "quantize": ("nearfar quantize mine --calibrate my-photos/rgb --validate my-check",),
    "bench": ("nearfar bench", "nearfar bench -m nearfar-lite --threads 2"),
    "doctor": ("nearfar doctor", "nearfar doctor --json"),
    "completion": (
        'eval "$(nearfar completion bash)"',
        "nearfar completion zsh > ~/.zfunc/_nearfar",
        "nearfar completion --install",
    ),
}
"""Command -> command lines, each of which its parser takes."""


def epilogue(lines: Sequence[str]) -> str:
    """Return the end of a command's help, in Markdown."""
    listed = "\n".join(lines)
    word = "Example" if len(lines) == 1 else "Examples"
    return f"{word}:\n\n```text\n{listed}\n```"
