"""A network whose runs can be held up and made to fail, in the place of ONNX Runtime."""

import threading

from nearfar.runtimes.base import Batch, RawDepth
from tests.fakes import FakeSession

PATIENCE_S = 30
"""How long a test waits for what must happen, before it fails."""


class Network(FakeSession):
    """`FakeSession`, with a gate before each run.

    Attributes:
        error: raised by every run, if set.
    """

    def __init__(self) -> None:
        super().__init__()
        self._gate = threading.Event()
        self._gate.set()
        self._begun = threading.Semaphore(0)

    def run(self, batch: Batch) -> RawDepth:
        self._begun.release()
        assert self._gate.wait(PATIENCE_S), "nobody opened the gate"
        return super().run(batch)

    def hold(self) -> None:
        """Let no run end from now on."""
        while self._begun.acquire(blocking=False):
            pass
        self._gate.clear()

    def let_go(self) -> None:
        """Let runs end."""
        self._gate.set()

    def wait_until_held(self, count: int = 1) -> None:
        """Wait until `count` more runs have begun since `hold`."""
        for _ in range(count):
            assert self._begun.acquire(timeout=PATIENCE_S), "no run began"
