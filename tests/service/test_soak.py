"""Thousands of requests, a tenth of them hostile: only documented answers, and nothing is left."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.picturefiles import noise, saved
from tests.service.soak import FRIENDLY, HOSTILE, Caller, Kind

REQUESTS = int(os.environ.get("NEARFAR_TEST_REQUESTS", "10000"))
HOSTILE_SHARE = 0.1
CLIENTS = 8
START_S = 300
SETTLED_S = 60


@contextmanager
def running(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The service as a user starts it, with a folder of its own for what is temporary."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    temporary = folder / "tmp"
    temporary.mkdir()
    options = ("--port", str(port), "--model", "nearfar-lite", "--read-timeout-s", "5")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from nearfar.cli import main; main()", "serve", *options],
            stderr=log,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(temporary), "NEARFAR_HOME": str(folder / "home")},
        )
        try:
            end_s = time.monotonic() + START_S
            while not is_ready(port):
                assert process.poll() is None, "the service ended by itself"
                assert time.monotonic() < end_s, "the service did not become ready"
                time.sleep(0.5)
            yield process, port
        finally:
            process.kill()
            process.wait(60)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).is_success
    except httpx.TransportError:
        return False


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - no more than their number


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def ask(
    kinds: list[Kind], port: int, photo: bytes, clip: bytes, config: dict[str, Any]
) -> "Counter[str]":
    """Do them all, several at a time; give what was not documented."""
    own, wrong, callers = threading.local(), Counter[str](), list[Caller]()

    def do(kind: Kind) -> None:
        if not hasattr(own, "caller"):
            own.caller = Caller(port, photo, clip, config)
            callers.append(own.caller)
        try:
            allowed = kind(own.caller)
        except Exception as error:  # noqa: BLE001 - counted
            wrong[f"{kind.__name__}: {type(error).__name__} {error}"] += 1
            return
        if own.caller.status not in allowed | {429}:
            wrong[f"{kind.__name__}: {own.caller.status}"] += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(do, kinds))
    for each in callers:
        each.http.close()
    return wrong


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_nothing_is_lost_and_nothing_is_left(tmp_path: Path, clip: bytes) -> None:
    chance = random.Random(18)  # noqa: S311 - the same every time
    photo = saved(noise(96, 128), "JPEG")
    friendly = [kind for kind, weight in FRIENDLY for _ in range(weight)]
    kinds = [
        chance.choice(HOSTILE if chance.random() < HOSTILE_SHARE else friendly)
        for _ in range(REQUESTS)
    ]
    warming = [kind for kind, _ in FRIENDLY] + HOSTILE
    with running(tmp_path) as (process, port):
        config = httpx.get(f"http://127.0.0.1:{port}/config", timeout=60).json()
        assert ask(warming * 3, port, photo, clip, config) == Counter()
        third = len(kinds) // 3
        wrong = ask(kinds[:third], port, photo, clip, config)
        open_before, held_before = descriptors(process.pid), memory_mib(process.pid)
        wrong += ask(kinds[third:], port, photo, clip, config)
        assert wrong == Counter()
        end_s = time.monotonic() + SETTLED_S
        while descriptors(process.pid) > open_before and time.monotonic() < end_s:
            time.sleep(1)
        assert descriptors(process.pid) <= open_before
        assert memory_mib(process.pid) < 1.2 * held_before + 64
        assert list((tmp_path / "tmp").glob("nearfar-*/clips-*/*")) == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    left = [each for each in (tmp_path / "tmp").rglob("*") if each.is_file()]
    assert [each for each in left if each.suffix != ".lock" and each.name != "lock"] == []
    for line in (tmp_path / "log").read_text("utf-8").splitlines():
        json.loads(line)
