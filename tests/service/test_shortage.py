"""A shortage of memory is told by /readyz until it is over."""

import pytest

from nearfar.errors import UsageError
from nearfar.service import memory_pressure
from nearfar.service.memory_pressure import MemoryPressure
from tests.service.network import Network
from tests.service.served import Served, assert_problem, until


def test_a_shortage_lasts_until_there_is_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    short = MemoryPressure()
    short.note(UsageError("another matter"))
    assert not short.is_there()
    short.note(MemoryError())
    assert short.is_there()
    monkeypatch.setattr(memory_pressure, "HELD_S", 0.0)
    monkeypatch.setattr(memory_pressure, "NEEDED_BYTES", 2**60)
    assert short.is_there()
    monkeypatch.setattr(memory_pressure, "NEEDED_BYTES", 2**20)
    assert not short.is_there()


def test_readyz_tells_of_a_shortage(
    service: Served, network: Network, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.error = MemoryError()  # type: ignore[assignment]
    assert_problem(service.depth(photo), 503, "out-of-memory")
    network.error = None
    assert_problem(service.client.get("/readyz"), 503, "out-of-memory")
    assert service.client.get("/healthz").status_code == 200
    monkeypatch.setattr(memory_pressure, "HELD_S", 0.0)
    until(lambda: service.client.get("/readyz").status_code == 200)
