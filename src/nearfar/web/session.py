"""The page's sessions: state of limited size, deleted after the visitor has left."""

import asyncio
import time
from collections import Counter
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final

import gradio as gr
from gradio.components import State
from gradio.state_holder import SessionState, StateHolder

from nearfar.web.files import LIFETIME_S
from nearfar.web.uploads import Uploads

MOST: Final = 500
"""Maximum of stored sessions; the least recently used is dropped."""

UNHEARD_S: Final = 15.0
"""Time for which an event may wait or run without a listener for its result."""

TICK_S: Final = 5.0


class Visit(SessionState):
    """State of a session, without Gradio's copy of the whole page.

    Gradio stores that for links into a session, which are not used here.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = LIFETIME_S

    def __setitem__(self, key: int, value: Any) -> None:
        """Store the value of a state, or a changed component."""
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, State):
            self._state_ttl[key] = (block.time_to_live, datetime.now())  # noqa: DTZ005 - as Gradio
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing."""


class Visits(StateHolder):
    """The states of all sessions."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Gradio gives it no types

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session's state; create it if necessary."""
        if session_id not in self.session_data:
            self.session_data[session_id] = Visit(self.blocks)
        return super().__getitem__(session_id)

    def set_blocks(self, blocks: gr.Blocks) -> None:
        """Set the page."""
        super().set_blocks(blocks)
        self.capacity = MOST

    def forget(self, session: str) -> None:
        """Delete a session's state."""
        self.session_data.pop(session, None)
        self.time_last_used.pop(session, None)


class Sessions:
    """Connected visitors, and clean-up after the others. For one event loop.

    Args:
        page: of the sessions.
        visits: the states.
        uploads: the files.
    """

    def __init__(self, page: gr.Blocks, visits: Visits, uploads: Uploads) -> None:
        self._page, self._visits, self._uploads = page, visits, uploads
        self._listening: Counter[str] = Counter()
        self._heard_s: dict[str, float] = {}
        self._watch: asyncio.Task[None] | None = None

    def begin(self, session: str) -> None:
        """Record an event of a session; its listener is expected soon."""
        self._heard_s[session] = time.monotonic()
        self.watch()

    def arrive(self, session: str) -> None:
        """Record a listener."""
        self._listening[session] += 1

    def leave(self, session: str) -> None:
        """Record that a listener has disconnected."""
        self._listening[session] -= 1
        if self._listening[session] <= 0:
            del self._listening[session]
            self._heard_s[session] = time.monotonic()

    def is_open(self, session: str) -> bool:
        """Whether there is a listener, or was one recently."""
        return session in self._listening or session in self._heard_s

    def watch(self) -> None:
        """Start the clean-up task, which ends when there is nothing left."""
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._look_after())

    async def _look_after(self) -> None:
        while self._heard_s or self._listening or len(self._uploads) or self._visits.session_data:
            await asyncio.sleep(TICK_S)
            await self.clear()

    async def clear(self) -> None:
        """Cancel events without a listener; delete old sessions and files."""
        now_s = time.monotonic()
        for session, heard_s in tuple(self._heard_s.items()):
            if session not in self._listening and heard_s + UNHEARD_S < now_s:
                del self._heard_s[session]
                await self._end(session)
        oldest = datetime.now() - timedelta(seconds=LIFETIME_S)  # noqa: DTZ005 - as Gradio
        for session, used in tuple(self._visits.time_last_used.items()):
            if used < oldest and session not in self._listening:
                self._visits.forget(session)
        await self._uploads.clear(is_open=lambda each: each in self._listening)

    async def _end(self, session: str) -> None:
        queue = self._page._queue  # noqa: SLF001 - Gradio offers no other way
        await queue.clean_events(session_hash=session)
        for event in queue.pending_event_ids_session.pop(session, ()):
            queue.event_ids_to_events.pop(event, None)
        queue.pending_messages_per_session.pop(session, None)
