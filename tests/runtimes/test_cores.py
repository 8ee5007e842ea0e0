from pathlib import Path

import pytest

from nearfar.errors import UsageError
from nearfar.runtimes import cpu


def test_physical_cores_are_counted_once(tmp_path: Path) -> None:
    for number, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    assert cpu.count_cores({0, 1, 2, 3}, tmp_path) == 2
    assert cpu.count_cores({0, 2}, tmp_path) == 1
    assert cpu.count_cores({0, 9}, tmp_path) == 2


def test_this_machine_has_a_core_and_a_name() -> None:
    assert cpu.physical() >= 1
    assert cpu.cpu_name().strip()


def test_threads_are_those_asked_for() -> None:
    assert cpu.threads_or_physical(3) == 3
    assert cpu.threads_or_physical(None) == cpu.physical()
    with pytest.raises(UsageError):
        cpu.threads_or_physical(0)
