"""Table of the runtimes and their devices.

The choices of the command line, the settings of the service and the candidates of `auto` are
derived from it. Importing it loads neither a runtime nor NumPy.
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
    """A type of processor, as supported by one runtime.

    Attributes:
        name: name in options.
        provider: name in the runtime: an execution provider of ONNX Runtime, a device of OpenVINO.
        remedy: what to do if it is missing or does not start.
        options: of the provider.
        is_serial: one session allows one run at a time, and no memory pattern.
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
        name: of the runtime; also the import name of its library.
        module: that contains its class.
        class_name: of the class; see `nearfar.runtimes.base.SessionClass`.
        devices: that it supports, the CPU first.
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
            UsageError: the runtime does not support such a device.
        """
        for device in self.devices:
            if device.name == name:
                return device
        known = ", ".join(device.name for device in self.devices)
        others = ", ".join(row.name for row in RUNTIMES.values() if row.has(name))
        hint = f"{others} has it" if others else "choose one of these"
        raise UsageError(f"{self.name} has no device {name}, only {known}: {hint}")

    def has(self, name: str) -> bool:
        """Return whether the runtime supports a device of this name."""
        return any(device.name == name for device in self.devices)

    def offered(self) -> tuple[str, ...]:
        """Return the names of the devices that the installed library offers; this imports it.

        A device may be offered and still fail to start, if a driver is missing.
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
                        # EXHAUSTIVE, the default, tries all algorithms for each new input size;
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
                        # according to its documentation: no memory patterns, no concurrent calls of
                        # run
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
"""Every runtime by name; `auto` uses the first unless another is measured to be faster."""

DEVICES: Final = tuple(
    dict.fromkeys(device.name for row in RUNTIMES.values() for device in row.devices)
)
"""Every device by name, the CPU first."""

RUNTIME_CHOICES: Final = ("auto", *RUNTIMES)
DEVICE_CHOICES: Final = ("auto", *DEVICES)

if TYPE_CHECKING:  # mypy does not support a Literal made from a table
    Runtime: TypeAlias = str
    RuntimeName: TypeAlias = str
    DeviceName: TypeAlias = str
else:
    Runtime = Literal[tuple(RUNTIMES)]
    RuntimeName = Literal[RUNTIME_CHOICES]
    DeviceName = Literal[DEVICE_CHOICES]


def available() -> tuple[str, ...]:
    """Return the names of the installed runtimes; none is imported."""
    first, *others = RUNTIMES.values()  # the first is a core dependency
    return (first.name, *(row.name for row in others if row.is_installed()))


def allowed(runtime: RuntimeName = "auto", device: DeviceName = "auto") -> tuple[RuntimeRow, ...]:
    """List the runtimes that may be used; none is imported.

    Args:
        runtime: the only one allowed; `auto` allows every installed one.
        device: the only one required; `auto` allows every one.

    Returns:
        At least one row. If no installed runtime supports the device, the rows that do: opening a
        session then reports what to install.

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
