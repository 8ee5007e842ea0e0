"""All connections of a server: how many there may be, and who has to go."""

import sys
import time
from dataclasses import dataclass
from typing import Final, Protocol

from nearfar.service.settings import ServiceOptions

MOST: Final = 2048
"""Connections where nothing else is said; each costs a descriptor and some kilobytes."""

_KEPT_DESCRIPTORS: Final = 256
"""For files and for whatever else is opened."""


class Connection(Protocol):
    """What is looked after."""

    client: tuple[str, int] | None

    @property
    def is_idle(self) -> bool:
        """Whether nothing was asked that is not answered."""

    @property
    def waits_since_s(self) -> float | None:
        """Since when it is idle."""

    def drop(self) -> None:
        """End it."""

    def look_after(self, now_s: float) -> None:
        """End it if it takes too long."""


@dataclass(frozen=True)
class Limits:
    """What one connection may do.

    Attributes:
        head_bytes: of a request's head, and of what is not body behind it.
        head_timeout_s: within which a head must be here.
        read_timeout_s: within which the end of an answer must be read.
    """

    head_bytes: int
    head_timeout_s: float
    read_timeout_s: float


class Connections:
    """Lets connections in, and ends those that take too long. Used from one event loop.

    When there are as many as there may be, the one that has been silent the longest makes room;
    only when none is, the new one is refused. One client has half of the room at most.

    Args:
        options: of the service.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self.limits = Limits(options.head_bytes, options.head_timeout_s, options.read_timeout_s)
        self.most = options.connections or by_descriptors()
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Let a connection in; False where there is no room for it."""
        client = connection.client[0] if connection.client else None
        same = [each for each in self._open if each.client and each.client[0] == client]
        has_room = self._make_room(same, max(1, self.most // 2))
        has_room = has_room and self._make_room(list(self._open), self.most)
        self._open[connection] = None
        return has_room

    def add(self, connection: Connection) -> None:
        """Note a connection that was let in as another one."""
        self._open[connection] = None

    def holds(self, connection: Connection) -> bool:
        """Whether a connection is here still."""
        return connection in self._open

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def look_after(self) -> None:
        """End what takes too long."""
        now_s = time.monotonic()
        for each in tuple(self._open):
            each.look_after(now_s)

    def _make_room(self, among: list[Connection], most: int) -> bool:
        if len(among) < most:
            return True
        silent = [each for each in among if each.is_idle]
        if not silent:
            return False
        oldest = min(silent, key=lambda each: each.waits_since_s or 0.0)
        oldest.drop()
        self._open.pop(oldest, None)
        return True


def by_descriptors() -> int:
    """Say how many connections this process has descriptors for, `MOST` at most.

    As many as the system lets it have are asked for first.
    """
    if sys.platform == "win32":
        return MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _KEPT_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(8, min(MOST, soft - min(_KEPT_DESCRIPTORS, soft // 2)))
