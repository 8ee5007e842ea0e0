"""Mutated clips through `nearfar video`: each ends by itself, in time, with a film or one line."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.video.clips import picture, write_clip

CASES = 1_040
LIMIT_S = 30.0
WORKERS = 2
ROOT = Path(__file__).parents[2]

KINDS: dict[str, dict[str, Any]] = {
    "a.mp4": {"codec": "libx264", "sound": "aac"},
    "a.mov": {"codec": "mpeg4", "sound": "pcm_s16le"},
    "a.mkv": {"codec": "ffv1", "pixels": "yuv444p", "sound": "flac"},
    "a.webm": {"codec": "libvpx-vp9", "sound": "libopus", "options": {"deadline": "realtime"}},
    "a.avi": {"codec": "mjpeg", "pixels": "yuvj420p", "sound": "libmp3lame"},
    "a.ts": {"codec": "mpeg2video", "sound": "mp2"},
    "a.flv": {"codec": "flv", "sound": "aac"},
    "a.gif": {"codec": "gif", "pixels": "rgb8"},
}
"""Name -> what is in it: eight containers, each with codecs of its own."""


def mutated(content: bytes, dice: random.Random) -> bytes:
    """Damage a file as transfers, disks and strangers do."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(min(len(data), dice.choice([256, 2048, len(data)])))
        run = min(len(data) - at, dice.choice([1, 2, 4, 16, 64, 512]))
        match dice.randrange(7):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                data[at : at + run] = dice.randbytes(run)
            case 2:
                data[at : at + run] = bytes([dice.choice([0, 0xFF])]) * run
            case 3:
                del data[at : at + run]
            case 4:
                data[at:at] = data[at : at + run] * dice.randint(1, 3)
            case 5:
                del data[max(64, at) :]
            case _:  # a length or a number of some header, made extreme
                number = dice.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000])
                data[at : at + 4] = number.to_bytes(4, dice.choice(["big", "little"]))
    return bytes(data)


class Server:
    """One `tests.video.fuzzchild`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.video.fuzzchild", str(LIMIT_S)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def ask(self, path: Path) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(LIMIT_S)
        self.process.stdout.close()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        begun = []
        for _ in range(WORKERS):
            begun.append(Server())
            stack.callback(begun[-1].close)
        yield begun


def clips(folder: Path) -> dict[str, bytes]:
    pictures = [picture(number) for number in range(6)]
    return {
        name: write_clip(folder / name, pictures, **how).read_bytes() for name, how in KINDS.items()
    }


def fault_of(answer: dict[str, Any], folder: Path) -> str | None:
    """Say what is wrong about how a child ended; None where it is as it must be."""
    if answer["is_late"]:
        return "late"
    if answer["status"] not in {0, 1}:
        return f"status {answer['status']}"
    if "Traceback" in answer["said"]:
        return "traceback"
    lines = [line for line in answer["said"].splitlines() if line.startswith("nearfar: ")]
    complaints = [line for line in lines if not line.startswith("nearfar: warning: ")]
    if len(complaints) != answer["status"]:
        return f"{len(complaints)} lines"
    films = [each.name for each in folder.iterdir() if each.stem.endswith("-out")]
    return None if len(films) == 1 - answer["status"] else f"files {films}"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="pidfd_open is Linux's")
def test_a_thousand_mutated_clips_end_by_themselves_and_in_time(
    tmp_path: Path, servers: list[Server]
) -> None:
    good = clips(tmp_path)
    names = [*good, *(list(good) * (CASES // len(good)))]

    def work(share: int) -> list[str]:
        faults = []
        for number in range(share, len(names), WORKERS):
            dice, name = random.Random(number), names[number]  # noqa: S311 - no secret
            folder = tmp_path / f"{number}"
            folder.mkdir()
            is_whole = number < len(good)
            content = good[name] if is_whole else mutated(good[name], dice)
            (folder / name).write_bytes(content)
            answer = servers[share].ask(folder / name)
            fault = fault_of(answer, folder)
            if is_whole and answer["status"]:
                fault = "a whole clip is refused"
            if fault is not None:
                faults.append(f"{number} {name}: {fault}: {answer['said'][-500:]}")
        return faults

    with ThreadPoolExecutor(WORKERS) as pool:
        faults = [each for share in pool.map(work, range(WORKERS)) for each in share]

    assert all(server.process.poll() is None for server in servers)
    assert not faults, "\n".join([f"{len(faults)} of {len(names)}", *faults])
