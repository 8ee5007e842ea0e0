"""Import the runtimes with their telemetry turned off.

nearfar must not connect to the network by itself. Recent onnxruntime
reports its use to Microsoft unless a variable is set (its Privacy.md), and openvino reports every
import to Google Analytics (openvino/tools/ovc/__init__.py).
"""

import os
import sys
from types import ModuleType
from typing import Final, cast

from nearfar.optional import require

_REPORTER: Final = "openvino_telemetry"


def onnxruntime() -> ModuleType:
    """Import onnxruntime; `ORT_DISABLE_TELEMETRY` is set unless the user has set it."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read once, while the library loads
    import onnxruntime as module

    return cast("ModuleType", module)


def openvino() -> ModuleType:
    """Import openvino; its telemetry package is hidden during the first import.

    openvino then uses its stub for machines without that package.

    Raises:
        MissingExtraError: it is not installed; the message has the pip line.
    """
    if "openvino" in sys.modules or _REPORTER in sys.modules:
        return require("openvino")
    sys.modules[_REPORTER] = cast("ModuleType", None)  # None in `sys.modules` makes an import fail
    try:
        return require("openvino")
    finally:
        sys.modules.pop(_REPORTER, None)
