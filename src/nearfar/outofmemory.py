"""Tell a lack of memory from every other failure, whichever library meets it."""

import re
from typing import Final

_TOLD: Final = re.compile(
    r"bad[ _]?alloc"
    r"|out[ _]of[ _]memory"
    r"|(insufficient|not enough|no more) memory"
    r"|(fail(ed|s|ure)?|can'?t|cannot|can not|could not|couldn'?t|unable|not able)( to)? alloc",
    re.IGNORECASE,
)
"""What C++ and its libraries say: `std::bad_alloc` (GCC, Clang), `bad allocation` (MSVC),
`Failed to allocate memory for requested buffer` (ONNX Runtime), `Insufficient memory` (OpenCV),
`can't allocate memory` (PyTorch), `Cannot allocate memory` (errno ENOMEM)."""


def lacks_memory(error: BaseException | None) -> bool:
    """Return whether an error, or one that it was raised from, says that memory ran out.

    Args:
        error: of any library; `MemoryError`, or one whose text says so.
    """
    while error is not None:
        if isinstance(error, MemoryError) or _TOLD.search(str(error)):
            return True
        error = error.__cause__
    return False
