"""Import the runtimes with their telemetry turned off.

nearfar runs without a network, so no part of it may open one by itself. Recent onnxruntime
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
    """Import openvino; where it is new to the process, its reporter is hidden during the import.

    openvino has a stub for machines without the reporter, which it then uses.

    Raises:
        MissingExtraError: it is not installed; the message has the pip line.
    """
    if "openvino" in sys.modules or _REPORTER in sys.modules:
        return require("openvino")
    sys.modules[_REPORTER] = cast("ModuleType", None)  # None: Python's mark for "not there"
    try:
        return require("openvino")
    finally:
        sys.modules.pop(_REPORTER, None)
