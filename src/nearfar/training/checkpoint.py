"""Weights out of a file, without running what the file says, and into one.

A `.pt` file is a pickle, and a pickle may hold code. Only `torch.load(weights_only=True)` is
used here, which reads tensors and plain containers and refuses everything else. A
`.safetensors` file holds tensors and texts and nothing else; it is what is written here.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from nearfar.errors import CheckpointError
from nearfar.io.atomic import replacing
from nearfar.optional import require
from nearfar.training.network import MidasSmall

_WRAPPINGS: Final = ("state_dict", "model")
_PARALLEL_PREFIX: Final = "module."  # what DataParallel puts before every name
_SHOWN: Final = 3


def load_midas_small(path: str | os.PathLike[str]) -> MidasSmall:
    """The official PyTorch checkpoint of MiDaS v2.1 small, ready to run.

    Args:
        path: `midas_v21_small_256.pt`, or any file with the same tensors.

    Raises:
        CheckpointError: as `read_state_dict`, or the tensors are not those of the network.
    """
    state = read_state_dict(path)
    network = MidasSmall()
    load_strictly(network, state, f"{os.fspath(path)} is no checkpoint of MiDaS v2.1 small")
    return network.eval()


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Name -> tensor, on the CPU.

    A PyTorch file holds them bare, or under `state_dict` or `model`; a file whose name ends in
    `.safetensors` holds them bare. If every name begins with `module.`, that is taken off.

    Raises:
        CheckpointError: the file can't be opened, is of neither kind, holds more than tensors
            in plain containers (such a file could run code, and does not get to), or holds no
            state dict.
        MissingExtraError: it is a `.safetensors` file and that library is not installed.
    """
    content = read_safetensors(path)[0] if _is_safetensors(path) else _read(path)
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


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts in a `.safetensors` file; empty if it has none.

    Raises:
        CheckpointError: the file can't be opened, or is not of that kind.
        MissingExtraError: safetensors is not installed.
    """
    return read_safetensors(path)[1]


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], complaint: str) -> None:
    """Put every tensor of `state` into `network`: all of them, and no others.

    Args:
        network: changed in place, and only if everything fits.
        state: as `read_state_dict` gives it.
        complaint: how the error begins.

    Raises:
        CheckpointError: names missing, unexpected or of the wrong shape; it counts each kind
            and gives the first few.
    """
    wanted: dict[str, Tensor] = network.state_dict()
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


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() == ".safetensors"


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
