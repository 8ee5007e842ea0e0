import io
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

from nearfar.errors import ImageNotFoundError, InferenceError, UsageError, VideoError
from nearfar.estimator import Estimator
from nearfar.io.images import Image
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.service.stream import mjpeg
from nearfar.service.stream.mjpeg import Newest, Show, make_live_app, serve_live
from nearfar.video.capture import live_frames
from tests.fakes import FakeSession
from tests.video.clips import picture, write_clip
from tests.video.conftest import SPEC


def client_of(pictures: Newest[bytes]) -> TestClient:
    return TestClient(make_live_app(pictures), base_url="http://127.0.0.1")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", [picture(number) for number in range(5)])


def test_the_newest_wins() -> None:
    newest: Newest[str] = Newest()
    for item in "abc":
        newest.put(item)
    assert newest.after(0) == (3, "c")
    assert newest.after(3, 0.01) == (3, None)
    newest.close()
    assert newest.after(0) == (3, "c")
    assert newest.after(3) == (3, None)


def test_a_show_ends_with_its_clip(clip: Path) -> None:
    ended = threading.Event()
    show = Show(str(clip), Estimator(SPEC, FakeSession()), ended=ended.set)
    show.start()
    assert ended.wait(10)
    show.stop()

    assert show.error is None
    _, last = show.pictures.after(0)
    assert last is not None
    assert PillowImage.open(io.BytesIO(last)).size == (128, 48)


def test_frames_that_come_too_fast_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    session, is_over = FakeSession(), threading.Event()

    def fast(_source: str, _stop: threading.Event) -> Iterator[Image]:
        for number in range(1000):
            yield picture(number)
        is_over.set()

    class SlowSession(FakeSession):
        def run(self, batch: Batch) -> RawDepth:
            is_over.wait(10)
            return session.run(batch)

    monkeypatch.setattr(mjpeg, "live_frames", fast)
    ended = threading.Event()
    show = Show("0", Estimator(SPEC, SlowSession()), ended=ended.set)
    show.start()
    assert ended.wait(10)
    show.stop()
    assert session.calls <= 2


@pytest.mark.parametrize("fault", ["source", "network"])
def test_what_fails_ends_the_show(clip: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = InferenceError("tired") if fault == "network" else None
    source = str(clip) if fault == "network" else "none.mp4"
    ended = threading.Event()
    show = Show(source, Estimator(SPEC, FakeSession(error=error)), ended=ended.set)
    show.start()
    assert ended.wait(10)
    show.stop()
    assert isinstance(show.error, InferenceError if error else ImageNotFoundError)


def test_page_stream_and_picture() -> None:
    pictures: Newest[bytes] = Newest()
    with client_of(pictures) as client:
        assert client.get("/frame.jpg").status_code == 503
        pictures.put(b"jpeg")
        pictures.close()
        page = client.get("/")
        assert "/stream.mjpeg" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert client.get("/frame.jpg").content == b"jpeg"
        stream = client.get("/stream.mjpeg")
    assert stream.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
    assert stream.content == (
        b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\njpeg\r\n"
    )


def test_no_other_name_leads_here() -> None:
    app = make_live_app(Newest())
    with TestClient(app, base_url="http://evil.example") as client:
        assert client.get("/").status_code == 400


def test_serve_live_until_the_clip_ends(clip: Path) -> None:
    told: list[str] = []
    serve_live(str(clip), Estimator(SPEC, FakeSession()), port=0, report=told.append)
    assert "http://127.0.0.1:" in told[0]


def test_serve_live_tells_of_a_missing_file() -> None:
    with pytest.raises(ImageNotFoundError):
        serve_live("none.mp4", Estimator(SPEC, FakeSession()), port=0, report=lambda _: None)


def test_a_port_that_is_no_port() -> None:
    with pytest.raises(UsageError):
        serve_live("0", Estimator(SPEC, FakeSession()), port=99_999, report=lambda _: None)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(VideoError, match="camera 99"):
        next(live_frames("99", threading.Event()))


def test_a_password_is_not_told() -> None:
    url = "rtsp://me:secret@127.0.0.1:9/stream"
    with pytest.raises(VideoError, match=r"rtsp://127\.0\.0\.1:9/stream") as caught:
        next(live_frames(url, threading.Event()))
    assert "secret" not in str(caught.value)


def test_a_file_is_played_at_its_own_pace(tmp_path: Path) -> None:
    class Clock(threading.Event):
        waits: list[float]

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout or 0)
            return False

    stop = Clock()
    stop.waits = []
    path = write_clip(tmp_path / "a.mkv", [picture(n) for n in range(3)], times_ms=[0, 5000, 9000])

    frames = list(live_frames(str(path), stop))

    assert len(stop.waits) == len(frames) == 3
    assert 4 < stop.waits[1] <= 5
    assert 8 < stop.waits[2] <= 9
    assert frames[0].dtype == np.uint8
