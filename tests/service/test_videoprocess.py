"""A clip that takes its process down fails its own job, and nothing else."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nearfar.errors import OutOfMemoryError
from nearfar.isolation.limits import Limits
from nearfar.isolation.process import Child
from nearfar.service.videos import inspect, process, query
from nearfar.video.renderers import Show
from nearfar.video.writer import COLOR
from tests.isolation import hostile
from tests.isolation.test_pool import is_gone, linux_only, until
from tests.service.clips import FRAMES, begin, ended, files
from tests.service.network import Network
from tests.service.served import Served, assert_problem
from tests.video.clips import picture, write_clip

if TYPE_CHECKING:
    from nearfar.service.videos.manager import VideoManager


@pytest.fixture
def pids(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the processes that clips got."""
    found: list[int] = []

    def noted(*arguments: Any) -> Any:
        child = Child(*arguments)
        found.append(child.pid)
        return child

    monkeypatch.setattr(process, "Child", noted)
    return found


@pytest.fixture
def service(module_service: Served, network: Network) -> Iterator[Served]:
    yield module_service
    for job in module_service.app.state.videos._store:
        module_service.client.delete(f"/v1/videos/{job.id}")
    until(lambda: files(module_service) == [])


def failed(service: Served, clip: bytes, **query: Any) -> str:
    """Send a clip that fails; give the slug of its problem."""
    told = ended(service, begin(service, clip, **query))
    assert told["state"] == "failed"
    assert "/" not in told["problem"]["detail"]
    kind: str = told["problem"]["type"]
    return kind.removeprefix("urn:nearfar:problem:")


def assert_nothing_is_left(service: Served, pids: list[int]) -> None:
    videos: VideoManager = service.app.state.videos
    folder = videos._folder
    assert folder is not None
    until(lambda: list(folder.iterdir()) == [])
    assert pids
    assert all(is_gone(pid) for pid in pids)


@pytest.mark.parametrize(
    ("function", "slug"),
    [
        ("killed", "decoder-crashed"),
        ("aborted", "decoder-crashed"),
        ("endless", "decoder-timeout"),
        pytest.param("greedy", "decoder-memory", marks=linux_only),
    ],
)
def test_a_clip_whose_process_dies_in_its_midst_fails_alone_and_leaves_nothing(
    *,
    service: Served,
    clip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    pids: list[int],
    function: str,
    slug: str,
) -> None:
    make = partial(hostile.in_child, os.getpid(), function)
    with monkeypatch.context() as patch:
        patch.setattr(query, "show", lambda *_: Show(make, COLOR, ".mp4"))
        patch.setattr(process, "_BASE_BYTES", 512 * 2**20)
        if function == "endless":
            patch.setattr(process, "STALL_S", 3.0)
        assert failed(service, clip, show="side") == slug
    assert_nothing_is_left(service, pids)
    assert service.client.get("/readyz").status_code == 200
    told = ended(service, begin(service, clip, show="side"))
    assert (told["state"], told["frames_done"]) == ("done", FRAMES)


@pytest.mark.parametrize(
    ("function", "slug"),
    [
        (hostile.nonsense, "internal"),
        (hostile.wide_run, "internal"),
        (hostile.silent, "decoder-timeout"),
        (hostile.chattering, "decoder-timeout"),
    ],
)
def test_what_a_process_says_is_not_believed(
    *,
    service: Served,
    clip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    pids: list[int],
    function: Any,
    slug: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(process, "render", function)
        if slug == "decoder-timeout":  # a new process needs longer than this on a busy machine
            patch.setattr(process, "STALL_S", 1.0)
        assert failed(service, clip) == slug
    assert_nothing_is_left(service, pids)


def test_a_clip_that_is_given_up_ends_at_once_whatever_its_process_does(
    service: Served, clip: bytes, monkeypatch: pytest.MonkeyPatch, pids: list[int]
) -> None:
    monkeypatch.setattr(process, "render", hostile.silent)
    place = begin(service, clip)
    until(lambda: bool(pids))
    assert service.client.delete(place).status_code == 204
    until(lambda: all(is_gone(pid) for pid in pids))
    assert_nothing_is_left(service, pids)


@pytest.mark.parametrize(
    ("function", "status", "slug"),
    [
        (hostile.killed, 422, "decoder-crashed"),
        pytest.param(hostile.greedy, 413, "decoder-memory", marks=linux_only),
    ],
)
def test_a_clip_that_takes_down_what_looks_at_it_is_refused(
    *,
    service: Served,
    clip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    function: Any,
    status: int,
    slug: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(inspect, "_read_header", function)
        assert_problem(service.client.post("/v1/videos", content=clip), status, slug)
    assert files(service) == []
    assert ended(service, begin(service, clip))["state"] == "done"


@linux_only
def test_a_failing_network_ends_the_clip_with_the_networks_error(
    service: Served, network: Network, clip: bytes, pids: list[int]
) -> None:
    network.error = OutOfMemoryError("onnxruntime ran out of memory")
    assert failed(service, clip) == "out-of-memory"
    assert_nothing_is_left(service, pids)
    network.error = None
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("function", [hostile.full_disk, hostile.full_disk_in_words])
def test_a_full_disk_in_the_clips_process_is_the_services_fault(
    service: Served,
    clip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    pids: list[int],
    function: Any,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(process, "render", function)
        problem = ended(service, begin(service, clip))["problem"]
    assert (problem["status"], problem["type"]) == (507, "urn:nearfar:problem:no-room")
    assert "secret" not in str(problem)
    assert_nothing_is_left(service, pids)


@linux_only
def test_a_file_beyond_the_limit_of_the_process_is_the_services_fault(
    service: Served, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(process, "Limits", lambda **given: Limits(**{**given, "file_bytes": 1000}))
        problem = ended(service, begin(service, clip))["problem"]
    assert (problem["status"], problem["type"]) == (507, "urn:nearfar:problem:no-room")
    assert "/" not in problem["detail"]


@pytest.mark.parametrize("function", [hostile.full_disk, hostile.full_disk_in_words])
def test_a_full_disk_while_a_clip_is_looked_at_is_the_answers_status(
    service: Served, clip: bytes, monkeypatch: pytest.MonkeyPatch, function: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(inspect, "_read_header", function)
        answer = service.client.post("/v1/videos", content=clip)
        assert_problem(answer, 507, "no-room")
    assert "secret" not in answer.text


def test_a_clip_in_flv_is_read(service: Served, tmp_path: Path) -> None:
    """FFmpeg's reader of it crashes where it is told which formats may be read."""
    path = tmp_path / "clip.flv"
    write_clip(path, [picture(each) for each in range(FRAMES)], codec="flv", sound="aac")
    told = ended(service, begin(service, path.read_bytes()))
    assert (told["state"], told["frames_done"]) == ("done", FRAMES)
