"""What the commands print, on a standard output of any encoding.

A file's name may hold what the output's encoding has not, and bytes that are no text at all.
"""

import codecs
import json
import sys
from typing import Any, Final

_ERRORS: Final = "nearfar-escape"


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give bytes of a file's name back as they are, and write the rest as backslash escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(_ERRORS, _escape)


def never_fail() -> None:
    """Have standard output and error write what their encoding lacks, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERRORS)


def print_json(row: Any) -> None:
    """Print one line of JSON; in ASCII where the output's encoding would not hold it."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(row)
    print(text, flush=True)
