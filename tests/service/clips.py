"""Clips that tests send to a service, and what becomes of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.service.served import Served, until

if TYPE_CHECKING:
    from nearfar.service.videos.manager import VideoManager

FRAMES = 12


def begin(service: Served, clip: bytes, **query: Any) -> str:
    """Send a clip; give where it is."""
    answer = service.client.post("/v1/videos", content=clip, params=query)
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    assert place == f"/v1/videos/{answer.json()['id']}"
    return place


def ended(service: Served, place: str) -> dict[str, Any]:
    """Wait for the end of a clip; give what is told of it then."""
    told: dict[str, Any] = {}

    def is_ended() -> bool:
        told.update(service.client.get(place).json())
        return told["state"] not in {"waiting", "running"}

    until(is_ended)
    return told


def files(service: Served) -> list[Path]:
    """All files of clips that the service has."""
    videos: VideoManager = service.app.state.videos
    folder = videos._folder
    return [] if folder is None else [path for path in folder.rglob("*") if path.is_file()]
