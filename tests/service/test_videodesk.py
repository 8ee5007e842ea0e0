"""Clips that wait, that are too much, that nobody wants, and that the service's end overtakes."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.service.clips import FRAMES, begin, ended, files
from tests.service.network import Network
from tests.service.served import assert_problem, until

if TYPE_CHECKING:
    from nearfar.service.videos.manager import VideoManager


def test_clips_wait_their_turn(small: Callable[..., Any], clip: bytes, network: Network) -> None:
    with small(clip_queue=1, clips_per_client=5) as service:
        network.hold()
        first, second = begin(service, clip), begin(service, clip)
        told = service.client.get(second).json()
        assert (told["state"], told["ahead"]) == ("waiting", 1)
        refused = service.client.post("/v1/videos", content=clip)
        assert_problem(refused, 429, "queue-full")
        assert int(refused.headers["retry-after"]) >= 1
        assert service.client.delete(second).status_code == 204
        third = begin(service, clip)
        network.let_go()
        assert ended(service, first)["state"] == ended(service, third)["state"] == "done"


def test_one_client_has_only_so_many(
    small: Callable[..., Any], clip: bytes, network: Network
) -> None:
    with small(clips_per_client=1) as service:
        network.hold()
        begin(service, clip)
        refused = service.client.post("/v1/videos", content=clip)
        assert_problem(refused, 429, "queue-full")
        assert "you have" in refused.json()["detail"]
        network.let_go()


@pytest.mark.parametrize(
    ("settings", "status", "slug"),
    [
        ({"clip_bytes": 1000}, 413, "clip-too-large"),
        ({"clip_pixels": 3000}, 413, "clip-too-large"),
        ({"clip_frames": FRAMES - 1}, 413, "clip-too-large"),
        ({"clip_disk_bytes": 2000}, 507, "no-room"),
    ],
)
def test_limits(
    small: Callable[..., Any], clip: bytes, settings: dict[str, int], status: int, slug: str
) -> None:
    with small(**settings) as service:
        assert_problem(service.client.post("/v1/videos", content=clip), status, slug)

        def pieces() -> Iterator[bytes]:
            yield clip

        assert_problem(service.client.post("/v1/videos", content=pieces()), status, slug)
        assert files(service) == []


def test_clip_may_be_larger_than_a_photo(small: Callable[..., Any], clip: bytes) -> None:
    with small(max_bytes=1000) as service:
        assert ended(service, begin(service, clip))["state"] == "done"
        assert_problem(service.depth(clip), 413, "too-large")


def test_result_goes_after_its_time(small: Callable[..., Any], clip: bytes) -> None:
    with small(clip_keep_s=0.2) as service:
        place = begin(service, clip)
        until(lambda: service.client.get(place).status_code == 404)
        assert files(service) == []


def test_abandoned_clip_is_given_up(
    small: Callable[..., Any], clip: bytes, network: Network
) -> None:
    with small(clip_patience_s=0.2) as service:
        network.hold()
        place = begin(service, clip)
        videos: VideoManager = service.app.state.videos
        (job,) = videos._store
        until(job.cancelled.is_set)
        network.let_go()
        until(lambda: not job.is_open)
        assert service.client.get(place).json()["state"] == "cancelled"
        until(lambda: files(service) == [])


def test_shutdown_ends_clips_and_leaves_no_file(
    small: Callable[..., Any], clip: bytes, network: Network
) -> None:
    with small(drain_s=10.0, clips_per_client=5) as service:
        done = begin(service, clip)
        ended(service, done)
        network.hold()
        begin(service, clip)
        begin(service, clip)
        network.wait_until_held()
        videos: VideoManager = service.app.state.videos
        folder = videos._folder
        assert folder is not None
        assert folder.stat().st_mode & 0o077 == 0
        service.stop()
        until(lambda: videos._is_draining)
        network.let_go()
        until(lambda: not folder.exists())


def test_token_is_needed(small: Callable[..., Any], clip: bytes) -> None:
    with small(token="let-me-in") as service:  # noqa: S106 - of a test
        assert_problem(service.client.post("/v1/videos", content=clip), 401, "token-needed")
        assert_problem(service.client.get("/v1/videos/x"), 401, "token-needed")
        service.client.headers["Authorization"] = "Bearer let-me-in"
        assert ended(service, begin(service, clip))["state"] == "done"
