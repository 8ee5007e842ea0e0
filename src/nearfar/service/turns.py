"""A queue in which clients take turns."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """A line for each client, served round robin: who has much waiting holds nobody up.

    Not safe between threads by itself.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, client: str, item: Item) -> None:
        """Put an item at the end of its client's line."""
        self._lines.setdefault(client, deque()).append(item)
        self._count += 1

    def take(self) -> Item:
        """Take the first of the client whose turn it is; who is next in turn, goes next.

        Raises:
            LookupError: nothing waits.
        """
        for client, line in self._lines.items():
            return self._taken(client, line[0])
        raise LookupError("nothing waits")

    def take_like(self, wanted: Callable[[Item], bool]) -> Item | None:
        """Take the first that is wanted, in the order of turns; None when none is."""
        for client, line in self._lines.items():
            for item in line:
                if wanted(item):
                    return self._taken(client, item)
        return None

    def remove(self, client: str, item: Item) -> bool:
        """Take an item out, wherever it stands; False when it is not here."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        self._out(client, item)
        return True

    def clear(self) -> list[Item]:
        """Take everything out."""
        items = [item for line in self._lines.values() for item in line]
        self._lines.clear()
        self._count = 0
        return items

    def _taken(self, client: str, item: Item) -> Item:
        self._out(client, item)
        if client in self._lines:
            self._lines.move_to_end(client)
        return item

    def _out(self, client: str, item: Item) -> None:
        line = self._lines[client]
        line.remove(item)
        self._count -= 1
        if not line:
            del self._lines[client]
