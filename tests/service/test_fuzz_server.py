"""A server of its own, thousands of tampered files: it lives, and answers as it is documented."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from nearfar.service.errors import PROBLEMS
from tests.picturefiles import noise, saved
from tests.service.test_fuzz import seeds, tampered
from tests.video.clips import picture, write_clip

PHOTOS, CLIPS = 2000, 400
PATIENCE_S = 120
FRAMES = 6

CONTAINERS: dict[str, dict[str, Any]] = {
    ".mp4": {"codec": "libx264", "sound": "aac"},
    ".mov": {"codec": "mjpeg", "pixels": "yuvj420p", "sound": "pcm_s16le"},
    ".mkv": {"codec": "ffv1", "sound": "flac"},
    ".webm": {"codec": "libvpx", "sound": "libopus"},
    ".avi": {"codec": "mpeg4", "sound": "pcm_s16le"},
    ".ts": {"codec": "mpeg2video", "sound": "mp2"},
    ".flv": {"codec": "flv", "sound": "aac"},
    ".gif": {"codec": "gif", "pixels": "rgb8"},
}
EXPECTED_OF_A_PHOTO = {200, 413, 415, 422}
EXPECTED_OF_A_CLIP = {202, 413, 415, 422}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """Give a client, and the folder of the server's temporary files."""
    folder = tmp_path_factory.mktemp("server")
    program = "from nearfar.cli import main; main()"
    arguments = ["serve", "--port", "0", "--model", "nearfar-lite", "--runtime", "onnxruntime"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NEARFAR_HOME": str(folder / "home"),
        "TMPDIR": str(folder),
    }
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            (address,) = re.findall(r"http://\S+", line)
            # a connection of its own for each request: an idle one may be closed as it is used
            each = httpx.Limits(max_keepalive_connections=0)
            with httpx.Client(base_url=address, timeout=PATIENCE_S, limits=each) as client:
                end_s = time.monotonic() + PATIENCE_S
                while client.get("/readyz").status_code != 200:
                    assert time.monotonic() < end_s
                    time.sleep(0.1)
                yield client, folder
                assert client.get("/readyz").status_code == 200
                assert process.poll() is None, "the server is dead"
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def assert_documented(answer: httpx.Response, expected: set[int]) -> None:
    assert answer.status_code in expected, answer.text
    if answer.status_code not in {200, 202}:
        problem = answer.json()
        slug = problem["type"].removeprefix("urn:nearfar:problem:")
        assert PROBLEMS[slug].status == answer.status_code
        assert tempfile.gettempdir() not in answer.text


@pytest.mark.parametrize("part", range(4))
def test_tampered_photos_are_answered(server: tuple[httpx.Client, Path], part: int) -> None:
    client, _ = server
    chance = np.random.default_rng(100 + part)
    files = [*seeds(), saved(noise(40, 56), "AVIF"), saved(noise(300, 1200), "JPEG")]
    statuses = dict.fromkeys(EXPECTED_OF_A_PHOTO, 0)
    for _ in range(PHOTOS // 4):
        answer = client.post("/v1/depth", content=tampered(chance, files))
        assert_documented(answer, EXPECTED_OF_A_PHOTO)
        statuses[answer.status_code] += 1
    assert min(statuses[200], statuses[415], statuses[422]) > 0
    assert client.post("/v1/depth", content=files[0]).status_code == 200


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_tampered_clips_are_answered_and_leave_nothing(
    server: tuple[httpx.Client, Path], tmp_path: Path, suffix: str
) -> None:
    client, folder = server
    chance = np.random.default_rng(len(suffix) + ord(suffix[1]))
    path = tmp_path / f"clip{suffix}"
    good = write_clip(path, [picture(each) for each in range(FRAMES)], **CONTAINERS[suffix])
    content = good.read_bytes()
    states: dict[str, int] = {}
    for number in range(CLIPS // len(CONTAINERS)):
        sent = content if number == 0 else tampered(chance, [content])
        answer = client.post("/v1/videos", content=sent, params={"input_size_px": 64})
        assert_documented(answer, EXPECTED_OF_A_CLIP)
        state = "refused"
        if answer.status_code == 202:
            state = followed(client, answer.headers["location"])
        assert number or state == "done"
        states[state] = states.get(state, 0) + 1
    assert states["done"] > 1
    assert list(folder.glob("nearfar-*/clips-*/*")) == []


def followed(client: httpx.Client, place: str) -> str:
    """Wait for the end of a clip, and delete it."""
    end_s = time.monotonic() + PATIENCE_S
    while (told := client.get(place).json())["state"] in {"waiting", "running"}:
        assert time.monotonic() < end_s, told
        time.sleep(0.05)
    if told["state"] == "failed":
        slug = told["problem"]["type"].removeprefix("urn:nearfar:problem:")
        assert slug in {"damaged-clip", "clip-too-large", *(f"decoder-{each}" for each in _ENDS)}
    assert client.delete(place).status_code == 204
    state: str = told["state"]
    return state


_ENDS = ("crashed", "memory", "timeout")
