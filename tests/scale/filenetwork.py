"""A network whose runs are held up and made to fail from another process, by files."""

import pickle
import time
import uuid
from pathlib import Path

from nearfar.runtimes.base import Batch, RawDepth
from tests.fakes import FakeSession
from tests.service.network import PATIENCE_S

_TICK_S = 0.01


class FileNetwork:
    """What `tests.service.network.Network` is, between processes.

    Args:
        folder: that both sides know.
    """

    def __init__(self, folder: Path) -> None:
        self._held, self._error = folder / "held", folder / "error"
        self._runs = folder / "runs"
        self._runs.mkdir(parents=True, exist_ok=True)
        self._seen = 0

    @property
    def calls(self) -> int:
        return sum(1 for _ in self._runs.iterdir())

    @property
    def begun(self) -> int:
        """Runs that began since `hold`, and were not waited for."""
        return self.calls - self._seen

    @property
    def error(self) -> BaseException | None:
        try:
            content = self._error.read_bytes()
        except FileNotFoundError:
            return None
        error: BaseException = pickle.loads(content)  # noqa: S301 - ours, see the setter
        return error

    @error.setter
    def error(self, error: BaseException | None) -> None:
        self._error.unlink(missing_ok=True)
        if error is not None:
            whole = self._error.with_suffix(".new")
            whole.write_bytes(pickle.dumps(error))
            whole.rename(self._error)

    def run(self, batch: Batch) -> RawDepth:
        (self._runs / uuid.uuid4().hex).touch()
        end_s = time.monotonic() + PATIENCE_S
        while self._held.exists():
            assert time.monotonic() < end_s, "nobody opened the gate"
            time.sleep(_TICK_S)
        if (error := self.error) is not None:
            raise error
        return FakeSession().run(batch)

    def hold(self) -> None:
        """Let no run end from now on."""
        self._seen = self.calls
        self._held.touch()

    def let_go(self) -> None:
        """Let runs end."""
        self._held.unlink(missing_ok=True)

    def wait_until_held(self, count: int = 1) -> None:
        """Wait until `count` more runs have begun since `hold`."""
        self._seen += count
        end_s = time.monotonic() + PATIENCE_S
        while self.calls < self._seen:
            assert time.monotonic() < end_s, "no run began"
            time.sleep(_TICK_S)
