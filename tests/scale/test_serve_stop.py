"""A service on Ray that is told to stop finishes what it took, and leaves nothing behind."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.scale.filenetwork import FileNetwork
from tests.scale.onray import OnRay, occupied, until
from tests.service.served import assert_problem
from tests.service.test_stream import close_code, streaming


def children(root: int) -> set[int]:
    """Every process that descends from one, by Linux's account."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {root}} - found:
        found |= more
    return found


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def replicas(service: OnRay) -> set[int]:
    names = {each: Path(f"/proc/{each}/cmdline") for each in children(service.popen.pid)}
    return {each for each, path in names.items() if b"ServeReplica" in path.read_bytes()}


def test_a_replica_that_dies_loses_what_it_had_and_is_replaced(
    service: OnRay, network: FileNetwork, photo: bytes
) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = occupied(service, network, pool, photo)
        before = replicas(service)
        killed, kept = before
        os.kill(killed, signal.SIGKILL)
        until(lambda: any(each.done() for each in taken))
        network.let_go()
        answers = [each.result() for each in taken]
    assert {each.status_code for each in answers} == {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert_problem(answer, 503, "not-ready")
    for _ in range(5):
        assert service.depth(photo).status_code == 200
    until(lambda: len(replicas(service) - before) == 1, patience_s=120)
    assert kept in replicas(service)
    until(lambda: in_scrape(service) == 2)


def in_scrape(service: OnRay) -> int:
    lines = service.client.get("/metrics").text.splitlines()
    return sum(line.startswith("nearfar_running{") for line in lines)


@pytest.mark.slow  # Ray's own process aborts at its exit in some runs, after all was answered
def test_shutdown_drains(service: OnRay, network: FileNetwork, photo: bytes) -> None:
    processes = children(service.popen.pid)
    assert len(processes) > 4
    with ThreadPoolExecutor(8) as pool, streaming(service) as stream:
        taken = occupied(service, network, pool, photo)
        taken += [pool.submit(service.depth, photo) for _ in range(2)]
        until(lambda: service.waiting + service.running == len(taken))
        service.popen.send_signal(signal.SIGTERM)
        until(lambda: service.client.get("/readyz").status_code == 503)
        assert_problem(service.depth(photo), 503, "not-ready")
        assert not any(each.done() for each in taken)
        network.let_go()
        assert {each.result().status_code for each in taken} == {200}
        assert close_code(stream) == 1012
    assert service.popen.wait(60) == 0
    until(lambda: not any(map(is_there, processes)))
