"""Weights out of a file, without running what the file says, and into one.

A `.pt` file is a pickle, and a pickle may hold code. Only `torch.load(weights_only=True)` is
used here, which reads tensors and plain containers and refuses everything else. A
`.safetensors` file holds tensors and texts and nothing else; it is what is written here. An
`.onnx` file that `nearfar.training.export` wrote holds them beside its graph.
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

_COUNTER: Final = "num_batches_tracked"  # of a normalisation; only training counts
_WRAPPINGS: Final = ("state_dict", "model")
_PARALLEL_PREFIX: Final = "module."  # what DataParallel puts before every name
_SHOWN: Final = 3


def load_midas_small(path: str | os.PathLike[str]) -> MidasSmall:
    """The official PyTorch checkpoint of MiDaS v2.1 small, ready to run.

    Args:
        path: `midas_v21_small_256.pt`, any file with the same tensors, or what
            `nearfar.training.export` made of the network.

    Raises:
        CheckpointError: as `read_state_dict`, or the tensors are not those of the network.
    """
    state = read_state_dict(path)
    network = MidasSmall()
    idle = {name for name in network.state_dict() if name.startswith(NEVER_RUN)}
    optional = idle | counters(network) if _is_onnx(path) else ()
    complaint = f"{os.fspath(path)} is no checkpoint of MiDaS v2.1 small"
    load_strictly(network, state, complaint, optional=optional)
    return network.eval()


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Name -> tensor, on the CPU.

    A PyTorch file holds them bare, or under `state_dict` or `model`; a file whose name ends in
    `.safetensors` or `.onnx` holds them bare. If every name begins with `module.`, that is taken
    off.

    Raises:
        CheckpointError: the file can't be opened, is of no such kind, holds more than tensors
            in plain containers (such a file could run code, and does not get to), or holds no
            state dict.
        MissingExtraError: it is a `.safetensors` file and that library is not installed.
    """
    content = read_weights(path)[0] if has_metadata(path) else _read(path)
    if isinstance(content, Mapping):
        for wrapping in _WRAPPINGS:
            if isinstance(content.get(wrapping), Mapping):
                content = content[wrapping]
                break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f"{os.fspath(path)} holds no state dict: save it with torch.save(net.state_dict(), ...)"
        )
    state: dict[str, Tensor] = {}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"{os.fspath(path)} holds no state dict: {str(name)[:80]!r} is no named tensor"
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
    """Write tensors as safetensors; the file stands only when it is whole.

    Args:
        state: name -> tensor, as `network.state_dict()` gives it.
        path: of the file to make; its name should end in `.safetensors`.
        metadata: texts that go with the tensors.
        overwrite: replace a file that is there.

    Raises:
        MissingExtraError: safetensors is not installed.
        OutputExistsError: `path` is there and `overwrite` is False.
        WriteError: the system refused.
    """
    require("safetensors")
    from safetensors.torch import save

    # the format knows neither strides nor tensors that share memory
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in state.items()
    }
    content = save(plain, None if metadata is None else dict(metadata))
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def read_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Name -> tensor, on the CPU, and the texts that go with them, whatever the file's name is.

    Raises:
        CheckpointError: the file can't be opened, or is not of that kind.
        MissingExtraError: safetensors is not installed.
    """
    require("safetensors")
    from safetensors import SafetensorError, safe_open

    try:
        with Path(path).open("rb"):  # the library's own errors don't say why it can't
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
            f"{os.fspath(path)} is no safetensors file, or is damaged or cut off: "
            "get the file again, or save it with nearfar"
        ) from error


def read_onnx(model: bytes | str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Name -> tensor, on the CPU, in float32 where it was stored as float16, and the texts.

    What `nearfar.training.export` writes holds the network's parameters and buffers by their own
    names, except for counters of batches and for what never runs. Of the graph nothing is looked
    at or run.

    Args:
        model: an ONNX file, or its content.

    Raises:
        CheckpointError: the file can't be opened, is no ONNX, is damaged, or keeps its weights
            elsewhere.
    """
    told = "the network" if isinstance(model, bytes) else os.fspath(model)
    try:
        content = model if isinstance(model, bytes) else Path(model).read_bytes()
        proto = onnx.load_model_from_string(content)
        tensors = [
            tensor
            for tensor in proto.graph.initializer
            if not tensor.name.startswith(CONSTANT_PREFIX)
        ]
        elsewhere = any(map(uses_external_data, tensors))
        state = {} if elsewhere else {tensor.name: _tensor(tensor) for tensor in tensors}
    except OSError as error:
        raise CheckpointError(f"can't open {told}: {error.strerror or 'not readable'}") from error
    except Exception as error:  # damaged messages and tensors raise nearly anything
        raise CheckpointError(
            f"{told} is no ONNX file, or is damaged or cut off: get the file again, or export it"
            " anew"
        ) from error
    if elsewhere:
        raise CheckpointError(
            f"{told} keeps its weights in a second file: save it as one, with"
            " onnx.save(onnx.load(FILE), FILE)"
        )
    return state, {entry.key: entry.value for entry in proto.metadata_props}


def has_metadata(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is, by its name, of a kind that holds texts: safetensors or ONNX."""
    return Path(path).suffix.lower() == ".safetensors" or _is_onnx(path)


def read_weights(
    model: bytes | str | os.PathLike[str],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Name -> tensor and the texts, of ONNX or of safetensors.

    Args:
        model: content of an ONNX file; or a file, which is ONNX if it is called so, and
            safetensors otherwise.

    Raises:
        CheckpointError: the file can't be opened, or is not of that kind.
        MissingExtraError: safetensors is not installed.
    """
    if isinstance(model, bytes) or _is_onnx(model):
        return read_onnx(model)
    return read_safetensors(model)


def counters(network: nn.Module) -> set[str]:
    """Name the counters of batches: no ONNX file holds them, and nothing depends on them."""
    return {name for name in network.state_dict() if name.endswith(_COUNTER)}


def load_strictly(
    network: nn.Module,
    state: Mapping[str, Tensor],
    complaint: str,
    *,
    optional: Collection[str] = (),
) -> None:
    """Put every tensor of `state` into `network`: all of them, and no others.

    Args:
        network: changed in place, and only if everything fits.
        state: as `read_state_dict` gives it.
        complaint: how the error begins.
        optional: names that may be missing; the network keeps its own values of these.

    Raises:
        CheckpointError: names missing, unexpected or of the wrong shape; it counts each kind
            and gives the first few.
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
    unusable = [
        f"{name} {state[name].dtype}"
        for name, tensor in wanted.items()
        if name in state and not _castable(state[name], tensor)
    ]
    kinds = (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of the wrong shape", misshapen),
        ("of the wrong kind", unusable),
    )
    found = [f"{len(names)} {kind} ({_some(names)})" for kind, names in kinds if names]
    if found:
        raise CheckpointError(f"{complaint}: {'; '.join(found)}")
    network.load_state_dict(state)


def _read(path: str | os.PathLike[str]) -> object:
    try:
        with warnings.catch_warnings():
            # said before a TorchScript archive is refused; our own error says it better
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
            f"{os.fspath(path)} is no PyTorch checkpoint of plain tensors "
            "(text, damaged, cut off, a whole pickled network, or a pickle that would run code): "
            "get the file again, or save net.state_dict()"
        ) from error


def _is_onnx(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() == ".onnx"


def _tensor(proto: onnx.TensorProto) -> Tensor:
    values = np.array(numpy_helper.to_array(proto))
    return torch.from_numpy(values.astype(np.float32) if values.dtype == np.float16 else values)


def _castable(given: Tensor, wanted: Tensor) -> bool:
    return (
        given.layout == torch.strided
        and not given.is_quantized
        and not given.is_meta
        and not given.is_complex()
        and given.is_floating_point() == wanted.is_floating_point()
    )


def _some(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
