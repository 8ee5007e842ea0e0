"""What a browser asks of the page's queue: read, checked and made plain before Gradio sees it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from nearfar.errors import UsageError
from nearfar.web.uploads import NotUploadedError, Uploads

SESSION: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""What Gradio's page calls itself; a new name whenever it is loaded."""

MOST_LETTERS: Final = 1000
"""Of a text that has no limit of its own."""

FILES: Final = (
    *(gr.Image, gr.Video, gr.Audio, gr.File, gr.Gallery, gr.Model3D),
    *(gr.DownloadButton, gr.UploadButton),
)
"""Components whose value is a file: nothing but an upload passes for one."""


@dataclass(frozen=True)
class Join:
    """One event.

    Attributes:
        session: of the page that asks.
        content: what Gradio is given, as JSON.
    """

    session: str
    content: bytes


def read_join(content: bytes, page: gr.Blocks, uploads: Uploads) -> Join:
    """Read a request to join the queue.

    Wherever a file is named, it must be one that this session has brought, or else nothing of the
    request is passed on: in every component's value, in the event's own data, however deep, with
    or without what Gradio marks its files by. Gradio itself checks some of these, and none where
    it is mounted.

    Args:
        content: the body.
        page: whose events there are.
        uploads: the files that were brought.

    Raises:
        UsageError: it is none.
        NotUploadedError: it names a file that this session has not brought.
    """
    asked = _parsed(content)
    session, index, values = (asked.get(name) for name in ("session_hash", "fn_index", "data"))
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise UsageError("session_hash must be the name of a session")
    if type(index) is not int or index not in page.fns:
        raise UsageError("fn_index must be the number of an event")
    blocks = page.fns[index].inputs
    if not isinstance(values, list) or len(values) != len(blocks):
        raise UsageError(f"data must be a list of {len(blocks)} values")
    checked = [
        _checked(value, block, uploads, session)
        for value, block in zip(values, blocks, strict=True)
    ]
    event_data, trigger = asked.get("event_data"), asked.get("trigger_id")
    for path in _paths(event_data):
        uploads.claim(path, session)
    plain = {
        "session_hash": session,
        "fn_index": index,
        "data": checked,
        "event_data": event_data,
        "trigger_id": trigger if type(trigger) is int else None,
    }
    return Join(session, json.dumps(plain).encode())


def _checked(value: Any, block: Any, uploads: Uploads, session: str) -> Any:
    """Give a value as Gradio may have it."""
    if getattr(block, "stateful", False):
        return None  # it is kept here, whatever a browser says
    if not isinstance(block, FILES):
        for named in _paths(value):
            uploads.claim(named, session)
        limit = getattr(block, "max_length", None) or MOST_LETTERS
        if isinstance(value, str) and len(value) > limit:
            raise UsageError(f"a text has more than {limit} letters")
        return value
    if value is None:
        return None
    path = value.get("path") if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(value.get("video"), dict):
        path = value["video"].get("path")
    for named in _paths(value):
        uploads.claim(named, session)
    if not isinstance(path, str):
        raise NotUploadedError("a file is named by what its upload was answered with")
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _paths(value: Any) -> Iterator[str]:
    """Find whatever could be taken for a file."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "path" in each:
                if not isinstance(each["path"], str):
                    raise NotUploadedError("a path is a text")
                yield each["path"]
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _parsed(content: bytes) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise UsageError(f"{name} is no number of JSON")

    try:
        text = content.decode()
        asked = json.loads(text, parse_constant=refuse)
        json.dumps(asked, ensure_ascii=False).encode()  # half of a pair is no letter
    except UsageError:
        raise
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is no JSON") from error
    if not isinstance(asked, dict):
        raise UsageError("the body is no object")
    return asked
