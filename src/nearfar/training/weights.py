"""Load and save network weights without running pickled code.

A `.pt` file is a pickle, which may contain code. It is read with `torch.load(weights_only=True)`
only, which accepts tensors and plain containers and rejects everything else. A `.safetensors`
file contains tensors and metadata strings only; it is the format written here. An `.onnx` file
from `nearfar.training.export` contains the weights beside its graph.
"""

import os
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.external_data_helper import uses_external_data
from torch import Tensor, nn

from nearfar.errors import CheckpointError
from nearfar.io.atomic import replacing
from nearfar.optional import require
from nearfar.training.export import CONSTANT_PREFIX
from nearfar.training.nets.midas_small import NEVER_RUN, MidasSmall

_COUNTER: Final = "num_batches_tracked"  # of batch normalization; only training uses it
_WRAPPER_KEYS: Final = ("state_dict", "model")
_PARALLEL_PREFIX: Final = "module."  # DataParallel prepends it to every name
_LISTED: Final = 3


def load_midas_small(path: str | os.PathLike[str]) -> MidasSmall:
    """Load MiDaS v2.1 small from its official PyTorch checkpoint, in evaluation mode.

    Args:
        path: `midas_v21_small_256.pt`, any file with the same tensors, or the network's export by
            `nearfar.training.export`.

    Raises:
        CheckpointError: see `read_state_dict`, or the tensors are not those of the network.
    """
    state = read_state_dict(path)
    network = MidasSmall()
    unused = {name for name in network.state_dict() if name.startswith(NEVER_RUN)}
    optional = unused | batch_counters(network) if _is_onnx(path) else ()
    error_prefix = f"{os.fspath(path)} is not a checkpoint of MiDaS v2.1 small"
    load_strictly(network, state, error_prefix, optional=optional)
    return network.eval()


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a state dict, name -> tensor, on the CPU.

    A PyTorch file contains it directly, or under `state_dict` or `model`; `.safetensors` and
    `.onnx` files contain it directly. The prefix `module.` is removed if every name has it.

    Raises:
        CheckpointError: the file can't be opened, has another format, contains anything but
            tensors in plain containers (such a pickle could run code; it is rejected before), or
            contains no state dict.
        MissingExtraError: it is a `.safetensors` file and that library is not installed.
    """
    content = read_weights(path)[0] if has_metadata(path) else _read_checkpoint(path)
    if isinstance(content, Mapping):
        for key in _WRAPPER_KEYS:
            if isinstance(content.get(key), Mapping):
                content = content[key]
                break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f"{os.fspath(path)} contains no state dict: save it with"
            " torch.save(net.state_dict(), ...)"
        )
    state: dict[str, Tensor] = {}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"{os.fspath(path)} contains no state dict: {str(name)[:80]!r} is not a named"
                " tensor"
            )
        state[name] = value
    if all(name.startswith(_PARALLEL_PREFIX) for name in state):
        return {name.removeprefix(_PARALLEL_PREFIX): value for name, value in state.items()}
    return state


def write_safetensors(
    state: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    *,
    overwrite: bool = True,
) -> None:
    """Write tensors as a safetensors file, atomically.

    Args:
        state: name -> tensor, from `network.state_dict()`.
        path: of the new file; its name should end in `.safetensors`.
        metadata: strings to store beside the tensors.
        overwrite: replace an existing file.

    Raises:
        MissingExtraError: safetensors is not installed.
        OutputExistsError: `path` exists and `overwrite` is False.
        WriteError: the file can't be written.
    """
    require("safetensors")
    from safetensors.torch import save

    # the format supports neither strides nor tensors that share memory
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in state.items()
    }
    content = save(plain, None if metadata is None else dict(metadata))
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def read_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file, with any suffix: its tensors by name, on the CPU, and its metadata.

    Raises:
        CheckpointError: the file can't be opened, or is not a safetensors file.
        MissingExtraError: safetensors is not installed.
    """
    require("safetensors")
    from safetensors import SafetensorError, safe_open

    try:
        with Path(path).open("rb"):  # the library's own errors lack the reason
            pass
        with safe_open(path, framework="pt") as file:
            names: list[str] = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except OSError as error:
        raise CheckpointError(
            f"can't open {os.fspath(path)}: {error.strerror or 'not readable'}"
        ) from error
    except SafetensorError as error:
        raise CheckpointError(
            f"{os.fspath(path)} is not a safetensors file, or is damaged or truncated: "
            "get the file again, or save it with nearfar"
        ) from error


def read_onnx(model: bytes | str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read an ONNX file's initializers, name -> float32 tensor on the CPU, and its metadata.

    A file from `nearfar.training.export` contains the network's parameters and buffers under
    their own names, except batch counters and unused parameters. The graph is not evaluated.

    Args:
        model: an ONNX file, or its content.

    Raises:
        CheckpointError: the file can't be opened, is not ONNX, is damaged, or stores its weights
            in a second file.
    """
    label = "the network" if isinstance(model, bytes) else os.fspath(model)
    try:
        content = model if isinstance(model, bytes) else Path(model).read_bytes()
        proto = onnx.load_model_from_string(content)
        tensors = [
            tensor
            for tensor in proto.graph.initializer
            if not tensor.name.startswith(CONSTANT_PREFIX)
        ]
        external = any(map(uses_external_data, tensors))
        state = {} if external else {tensor.name: _to_tensor(tensor) for tensor in tensors}
    except OSError as error:
        raise CheckpointError(f"can't open {label}: {error.strerror or 'not readable'}") from error
    except Exception as error:  # damaged messages and tensors raise nearly anything
        raise CheckpointError(
            f"{label} is not an ONNX file, or is damaged or truncated: get the file again, or"
            " export it again"
        ) from error
    if external:
        raise CheckpointError(
            f"{label} stores its weights in a second file: save it as one file, with"
            " onnx.save(onnx.load(FILE), FILE)"
        )
    return state, {entry.key: entry.value for entry in proto.metadata_props}


def has_metadata(path: str | os.PathLike[str]) -> bool:
    """Return whether a file's suffix is that of a format with metadata: safetensors or ONNX."""
    return Path(path).suffix.lower() == ".safetensors" or _is_onnx(path)


def read_weights(
    model: bytes | str | os.PathLike[str],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors by name and the metadata from an ONNX or safetensors file.

    Args:
        model: content of an ONNX file; or a path, read as ONNX if its suffix is `.onnx` and as
            safetensors otherwise.

    Raises:
        CheckpointError: the file can't be opened, or has another format.
        MissingExtraError: safetensors is not installed.
    """
    if isinstance(model, bytes) or _is_onnx(model):
        return read_onnx(model)
    return read_safetensors(model)


def batch_counters(network: nn.Module) -> set[str]:
    """Return the names of the batch counters, which ONNX files lack and inference does not use."""
    return {name for name in network.state_dict() if name.endswith(_COUNTER)}


def load_strictly(
    network: nn.Module,
    state: Mapping[str, Tensor],
    error_prefix: str,
    *,
    optional: Collection[str] = (),
) -> None:
    """Load every tensor of `state` into `network`; the names must match exactly.

    Args:
        network: modified in place, and only if everything matches.
        state: from `read_state_dict`.
        error_prefix: start of the error message.
        optional: names that may be missing; the network keeps its values of these.

    Raises:
        CheckpointError: names are missing, unexpected, or of the wrong shape or dtype; the message
            counts each kind and lists the first names.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    state = {name: wanted[name] for name in optional if name in wanted} | {**state}
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    misshapen = [
        f"{name} {tuple(state[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    wrong_dtype = [
        f"{name} {state[name].dtype}"
        for name, tensor in wanted.items()
        if name in state and not _castable(state[name], tensor)
    ]
    kinds = (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of the wrong shape", misshapen),
        ("of the wrong dtype", wrong_dtype),
    )
    found = [f"{len(names)} {kind} ({_list_names(names)})" for kind, names in kinds if names]
    if found:
        raise CheckpointError(f"{error_prefix}: {'; '.join(found)}")
    network.load_state_dict(state)


def _read_checkpoint(path: str | os.PathLike[str]) -> object:
    try:
        with warnings.catch_warnings():
            # torch warns before it rejects a TorchScript archive; our own error is clearer
            warnings.filterwarnings(
                "ignore", "'torch.load' received a zip file that looks like a TorchScript"
            )
            content: object = torch.load(path, map_location="cpu", weights_only=True)
            return content
    except OSError as error:
        raise CheckpointError(
            f"can't open {os.fspath(path)}: {error.strerror or 'not readable'}"
        ) from error
    except Exception as error:  # damaged pickles and archives raise nearly anything
        raise CheckpointError(
            f"{os.fspath(path)} is not a PyTorch checkpoint of plain tensors "
            "(text, damaged, truncated, a whole pickled network, or a pickle that would run code): "
            "get the file again, or save net.state_dict()"
        ) from error


def _is_onnx(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() == ".onnx"


def _to_tensor(proto: onnx.TensorProto) -> Tensor:
    values = np.array(numpy_helper.to_array(proto))
    return torch.from_numpy(values.astype(np.float32) if values.dtype == np.float16 else values)


def _castable(tensor: Tensor, wanted: Tensor) -> bool:
    return (
        tensor.layout == torch.strided
        and not tensor.is_quantized
        and not tensor.is_meta
        and not tensor.is_complex()
        and tensor.is_floating_point() == wanted.is_floating_point()
    )


def _list_names(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
