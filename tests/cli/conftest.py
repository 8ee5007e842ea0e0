"""Running a command as a user does, but in this process."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from nearfar.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_command(*tokens: object) -> Ran:
        with pytest.raises(SystemExit) as left:
            main([str(token) for token in tokens])
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Ran(left.value.code, printed.out, printed.err)

    return run_command
