"""Import optional libraries, with an error that names the package extra if they are missing."""

import importlib
from types import ModuleType
from typing import Final

from nearfar.errors import MissingExtraError

EXTRA_OF: Final = {
    "openvino": "openvino",
    "torch": "torch",
    "onnx": "torch",
    "safetensors": "torch",
    "matplotlib": "train",
    "pillow_heif": "heif",
    "open3d": "open3d",
    "h5py": "evaluation",
    "fastapi": "service",
    "uvicorn": "service",
    "prometheus_client": "service",
    "python_multipart": "service",
    "fastapi_swagger": "service",
    "cryptography": "tls",
    "gradio": "web",
    "av": "video",
    "soundfile": "sound",
    "ray": "ray",
    "pyarrow": "ray",
    "fsspec": "ray",
}
"""Import name -> extra of this package that installs it."""


def require(module: str) -> ModuleType:
    """Import an optional library.

    Args:
        module: import name, one of `EXTRA_OF`.

    Raises:
        MissingExtraError: it is not installed; the message has the pip command.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module:
            raise  # installed, but broken: the original error is more helpful
        extra = EXTRA_OF[module]
        raise MissingExtraError(
            f"{module} is not installed: pip install 'nearfar[{extra}]'"
        ) from error
