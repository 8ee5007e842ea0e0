"""The one table of runtimes, and of the devices that each can use.

The choices of the command line, the settings of the service and the candidates of `auto` are made
from it. Importing it loads no runtime and no NumPy.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from nearfar.errors import UsageError


@dataclass(frozen=True)
class Device:
    """A kind of processor, as one runtime offers it.

    Attributes:
        name: what a user calls it.
        provider: what the runtime calls it: an execution provider of ONNX Runtime, a device of
            OpenVINO.
        remedy: what to do where it is missing or does not start.
        options: of the provider.
        is_serial: one session takes one run at a time, and keeps no memory pattern.
    """

    name: str
    provider: str
    remedy: str
    options: Mapping[str, str] = field(default_factory=dict)
    is_serial: bool = False


@dataclass(frozen=True)
class RuntimeRow:
    """One row of the table.

    Attributes:
        name: of the runtime; its module is imported under this name too.
        module: that holds its class.
        class_name: of the class; see `nearfar.runtimes.base.SessionClass`.
        devices: that it can use, the CPU first.
    """

    name: str
    module: str
    class_name: str
    devices: tuple[Device, ...]

    def session_class(self) -> Any:
        """Import the class; the runtime's own library is imported when a session is opened.

        Returns:
            A `nearfar.runtimes.base.SessionClass`.
        """
        return getattr(importlib.import_module(self.module), self.class_name)

    def is_installed(self) -> bool:
        """Return whether the runtime's library is installed, without importing it."""
        return importlib.util.find_spec(self.name) is not None

    def device(self, name: str) -> Device:
        """Return a device by name.

        Raises:
            UsageError: the runtime can't use such a device.
        """
        for device in self.devices:
            if device.name == name:
                return device
        known = ", ".join(device.name for device in self.devices)
        others = ", ".join(row.name for row in RUNTIMES.values() if row.has(name))
        hint = f"{others} has it" if others else "choose one of these"
        raise UsageError(f"{self.name} has no device {name}, only {known}: {hint}")

    def has(self, name: str) -> bool:
        """Return whether the runtime can use a device of this name."""
        return any(device.name == name for device in self.devices)

    def offered(self) -> tuple[str, ...]:
        """Name the devices that the installed library offers; this imports it.

        A device may be offered and yet fail to start, for want of a driver.
        """
        providers = self.session_class().providers()
        return tuple(device.name for device in self.devices if device.provider in providers)


CPU: Final = "cpu"
_WITHOUT: Final = "or choose the device cpu"
_PACKAGE: Final = "in place of onnxruntime"

RUNTIMES: Final[Mapping[str, RuntimeRow]] = MappingProxyType(
    {
        row.name: row
        for row in (
            RuntimeRow(
                "onnxruntime",
                "nearfar.runtimes.onnx",
                "OnnxSession",
                (
                    Device(CPU, "CPUExecutionProvider", "reinstall onnxruntime"),
                    Device(
                        "cuda",
                        "CUDAExecutionProvider",
                        f"install an NVIDIA driver, and onnxruntime-gpu[cuda,cudnn] {_PACKAGE},"
                        f" {_WITHOUT}",
                        # EXHAUSTIVE, the default, tries all algorithms for each new size of photo;
                        # TF32, on by default, keeps 10 bits of each factor
                        {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
                    ),
                    Device(
                        "coreml",
                        "CoreMLExecutionProvider",
                        f"use onnxruntime on macOS, {_WITHOUT}",
                    ),
                    Device(
                        "directml",
                        "DmlExecutionProvider",
                        f"install onnxruntime-directml {_PACKAGE}, on Windows, {_WITHOUT}",
                        # its documentation: no memory patterns, no two calls of run at a time
                        is_serial=True,
                    ),
                    Device(
                        "migraphx",
                        "MIGraphXExecutionProvider",
                        f"install an AMD driver with ROCm, and onnxruntime-migraphx {_PACKAGE},"
                        f" {_WITHOUT}",
                    ),
                ),
            ),
            RuntimeRow(
                "openvino",
                "nearfar.runtimes.openvino",
                "OpenvinoSession",
                (
                    Device(CPU, "CPU", "reinstall openvino"),
                    Device(
                        "intel-gpu",
                        "GPU",
                        f"install the OpenCL driver of the Intel GPU, {_WITHOUT}",
                    ),
                ),
            ),
        )
    }
)
"""Every runtime by name; `auto` keeps the first unless another is measured to be faster."""

DEVICES: Final = tuple(
    dict.fromkeys(device.name for row in RUNTIMES.values() for device in row.devices)
)
"""Every device by name, the CPU first."""

RUNTIME_CHOICES: Final = ("auto", *RUNTIMES)
DEVICE_CHOICES: Final = ("auto", *DEVICES)

if TYPE_CHECKING:  # mypy takes no Literal that is made from a table
    Runtime: TypeAlias = str
    RuntimeName: TypeAlias = str
    DeviceName: TypeAlias = str
else:
    Runtime = Literal[tuple(RUNTIMES)]
    RuntimeName = Literal[RUNTIME_CHOICES]
    DeviceName = Literal[DEVICE_CHOICES]


def available() -> tuple[str, ...]:
    """Name the runtimes that are installed; none is imported."""
    first, *others = RUNTIMES.values()  # the first is no extra
    return (first.name, *(row.name for row in others if row.is_installed()))


def allowed(runtime: RuntimeName = "auto", device: DeviceName = "auto") -> tuple[RuntimeRow, ...]:
    """List the runtimes that may be taken; none is imported.

    Args:
        runtime: the only one; `auto` is every one that is installed.
        device: the only one; `auto` is every one.

    Returns:
        At least one row. Where no installed runtime has the device, those that have it: opening a
        session says what is to be installed.

    Raises:
        UsageError: no such runtime or device, or the runtime has no such device.
    """
    if runtime not in RUNTIME_CHOICES:
        raise UsageError(f"runtime must be auto or one of {', '.join(RUNTIMES)}, not {runtime!r}")
    if device not in DEVICE_CHOICES:
        raise UsageError(f"device must be auto or one of {', '.join(DEVICES)}, not {device!r}")
    if runtime != "auto":
        row = RUNTIMES[runtime]
        if device != "auto":
            row.device(device)
        return (row,)
    rows = [row for row in RUNTIMES.values() if device == "auto" or row.has(device)]
    here = available()
    return tuple(row for row in rows if row.name in here) or tuple(rows)
