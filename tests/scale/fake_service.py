"""Run as a program: `nearfar serve --ray`, whose network is a `FileNetwork`.

The first argument is the network's folder; what follows are the command's options.
"""

import sys
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from nearfar.cli import main
from nearfar.scale import serve
from nearfar.scale.serve import build
from nearfar.service.settings import ServiceOptions


def build_with(folder: Path, options: ServiceOptions) -> FastAPI:
    """Make the application of one replica."""
    from nearfar.runtimes.onnx import OnnxSession
    from tests.scale.filenetwork import FileNetwork

    network = FileNetwork(folder)
    setattr(OnnxSession, "run", lambda _, batch: network.run(batch))  # noqa: B010 - mypy takes no other
    return build(options)


if __name__ == "__main__":
    serve.run = partial(serve.run, make=partial(build_with, Path(sys.argv[1])))
    main(["serve", "--ray", "--runtime", "onnxruntime", *sys.argv[2:]])
