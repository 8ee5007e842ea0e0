"""Implement `nearfar live`: the depth of a camera, live."""

from typing import Annotated

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.config import ColormapName
from nearfar.loading import load
from nearfar.optional import require


def live(
    source: str,
    *,
    port: Annotated[int, Parameter(name=["--port", "-p"])] = 7860,
    colormap: ColormapName = "inferno",
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    device: args.Device = "auto",
    threads: args.Threads = None,
) -> None:
    """Show the depth of a camera, a network stream or a clip, live.

    The page is at http://127.0.0.1:7860, the MJPEG alone at /stream.mjpeg. Frames are dropped
    when they arrive faster than the model runs. Ctrl+C stops it.

    Args:
        source: A camera's number, such as 0; an address, such as rtsp://...; or a file.
        port: Port to listen on; 0 is any free one.
        colormap: Colors of the map, near = warm.
    """
    for module in ("fastapi", "uvicorn", "prometheus_client", "python_multipart"):
        require(module)
    if not source.isdecimal():
        require("av")
    from nearfar.service.stream.mjpeg import serve_live

    estimator = load(model, purpose="stream", runtime=runtime, device=device, threads=threads)
    serve_live(
        source, estimator, port=port, colormap=colormap, report=lambda line: print(line, flush=True)
    )
