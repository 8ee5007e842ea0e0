"""Validation of requests to Gradio's queue, before they are passed to Gradio."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from nearfar.errors import UsageError
from nearfar.web.uploads import NotUploadedError, Uploads

SESSION: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""Form of a session's name, which Gradio's page creates on each load."""

MOST_LETTERS: Final = 1000
"""Maximum length of a text without its own limit."""

FILES: Final = (
    *(gr.Image, gr.Video, gr.Audio, gr.File, gr.Gallery, gr.Model3D),
    *(gr.DownloadButton, gr.UploadButton),
)
"""Components whose value is a file: only uploads are accepted."""


@dataclass(frozen=True)
class Join:
    """One event.

    Attributes:
        session: of the page.
        content: request for Gradio, as JSON.
    """

    session: str
    content: bytes


def read_join(content: bytes, page: gr.Blocks, uploads: Uploads) -> Join:
    """Parse a request to join the queue.

    Every path in it, in values of components and in the event's data, at any depth, with or without
    Gradio's marker of files, must be an upload of this session; otherwise the request is refused.
    Gradio itself checks only some of these, and none when it is mounted.

    Args:
        content: the body.
        page: with the events.
        uploads: the uploaded files.

    Raises:
        UsageError: it is invalid.
        NotUploadedError: it contains a file that this session has not uploaded.
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
    """Return a validated value for Gradio."""
    if getattr(block, "stateful", False):
        return None  # it is stored on the server, and the browser's value is ignored
    if not isinstance(block, FILES):
        for named in _paths(value):
            uploads.claim(named, session)
        limit = getattr(block, "max_length", None) or MOST_LETTERS
        if isinstance(value, str) and len(value) > limit:
            raise UsageError(f"a text has more than {limit} characters")
        return value
    if value is None:
        return None
    path = value.get("path") if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(value.get("video"), dict):
        path = value["video"].get("path")
    for named in _paths(value):
        uploads.claim(named, session)
    if not isinstance(path, str):
        raise NotUploadedError("a file must be a path from the response to its upload")
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _paths(value: Any) -> Iterator[str]:
    """Yield everything that Gradio could interpret as a file."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "path" in each:
                if not isinstance(each["path"], str):
                    raise NotUploadedError("a path must be a text")
                yield each["path"]
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _parsed(content: bytes) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise UsageError(f"{name} is not a number in JSON")

    try:
        text = content.decode()
        asked = json.loads(text, parse_constant=refuse)
        json.dumps(asked, ensure_ascii=False).encode()  # a lone surrogate is not a character
    except UsageError:
        raise
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is not JSON") from error
    if not isinstance(asked, dict):
        raise UsageError("the body is not an object")
    return asked
