import errno
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from nearfar.errors import DownloadError, WriteError
from nearfar.models import download
from nearfar.models.download import fetch
from tests.models.helpers import CHUNK, names, pull
from tests.models.server import Answer, Server


def test_truncation_goes_on_where_it_stopped(server: Server, target: Path) -> None:
    server.answers = [Answer(break_after=2 * CHUNK), Answer(break_after=CHUNK)]
    pull(target, server.content, server.url)
    assert target.read_bytes() == server.content
    assert [request.range for request in server.requests] == [
        None,
        f"bytes={2 * CHUNK}-",
        f"bytes={3 * CHUNK}-",
    ]


def test_truncation_without_a_length_is_noticed(server: Server, target: Path) -> None:
    cut = Answer(break_after=100_000, headers={"Content-Length": ""})
    server.answers = [cut]
    pull(target, server.content, server.url)
    assert server.requests[1].range == "bytes=100000-"


def test_a_transfer_that_drips_is_given_up_and_gone_on_with(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.Transfer, "_limit_s", lambda *_: 0.5)
    server.answers = [Answer(hold_after=CHUNK)]
    server.second_request_opens_gate = True
    pull(target, server.content, server.url)
    assert target.read_bytes() == server.content
    assert server.requests[0].range is None
    assert len(server.requests) == 2


def test_a_server_without_ranges_starts_anew(server: Server, target: Path) -> None:
    server.answers = [Answer(break_after=CHUNK), Answer(ranges=False)]
    pull(target, server.content, server.url)
    assert target.read_bytes() == server.content


@pytest.mark.parametrize(
    "refusal",
    [
        Answer(status=416),
        Answer(status=206, headers={"Content-Range": "bytes 5-9/10"}),
        Answer(status=206),
    ],
)
def test_a_range_that_is_not_given_starts_anew(
    server: Server, target: Path, refusal: Answer
) -> None:
    server.answers = [Answer(break_after=CHUNK), refusal]
    pull(target, server.content, server.url)
    assert target.read_bytes() == server.content
    assert [request.range for request in server.requests] == [None, f"bytes={CHUNK}-", None]


def test_a_part_that_is_too_long_is_thrown_away(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("model.onnx.part").write_bytes(server.content + b"x")
    pull(target, server.content, server.url)
    assert server.requests[0].range is None
    assert target.read_bytes() == server.content


def test_a_complete_part_needs_no_server(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("model.onnx.part").write_bytes(content)
    pull(target, content, "http://example.invalid/model.onnx")
    assert target.read_bytes() == content


@pytest.mark.parametrize("status", [403, 404])
def test_not_found_is_not_asked_twice(server: Server, target: Path, status: int) -> None:
    server.answers = [Answer(status=status)]
    pull(target, server.content, f"{server.address}/a", f"{server.address}/b")
    assert [request.url for request in server.requests] == ["/a", "/b"]
    assert target.read_bytes() == server.content


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(server: Server, target: Path, status: int) -> None:
    server.answers = [Answer(status=status), Answer(status=status)]
    pull(target, server.content, server.url)
    assert len(server.requests) == 3
    assert target.read_bytes() == server.content


def test_retry_after_is_obeyed_within_reason(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("nearfar.models.download.time.sleep", pauses.append)
    server.answers = [
        Answer(status=429, headers={"Retry-After": "7"}),
        Answer(status=503, headers={"Retry-After": "86400"}),
        Answer(status=503, headers={"Retry-After": "soon"}),
    ]
    pull(target, server.content, server.url)
    assert pauses == [0.0, 7.0, download.PATIENCE_S, 0.0]


def test_a_lasting_failure_names_each_host_in_one_line(server: Server, target: Path) -> None:
    server.answers = [Answer(status=500)] * 5
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"http://user:secret@localhost:{nobody.getsockname()[1]}/m"
        with pytest.raises(DownloadError) as caught:
            pull(target, server.content, server.url, closed)
    message = str(caught.value)
    assert "127.0.0.1 answered 500" in message
    assert "localhost can't be reached" in message
    assert "nearfar models add tiny model.onnx" in message
    assert "secret" not in message
    assert "\n" not in message
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    "lie",
    [
        Answer(headers={"Content-Length": "999999999"}),
        Answer(content=b"<html>please log in</html>"),
    ],
)
def test_a_file_of_another_size_is_refused_unread(
    server: Server, target: Path, lie: Answer
) -> None:
    server.answers = [lie]
    with pytest.raises(DownloadError, match="bytes, not of"):
        pull(target, server.content, server.url)
    assert names(target.parent) == []
    assert len(server.requests) == 1


def test_a_range_of_another_file_is_refused(server: Server, target: Path) -> None:
    server.answers = [Answer(break_after=CHUNK), Answer(content=server.content + b"more")]
    with pytest.raises(DownloadError, match="bytes, not of"):
        pull(target, server.content, server.url)


def test_a_body_without_end_is_left_at_the_last_byte(server: Server, target: Path) -> None:
    size, seen = len(server.content), []
    server.answers = [Answer(content=bytes(size + 5_000_000), headers={"Content-Length": ""})]
    with pytest.raises(DownloadError, match=f"more than {size} bytes"):
        fetch(
            [server.url], target, "0" * 64, size, name="tiny", progress=lambda n, _: seen.append(n)
        )
    assert size - CHUNK < max(seen) <= size
    assert names(target.parent) == []


def test_a_disk_without_room_is_told_before(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = SimpleNamespace(free=len(server.content) - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _: left)
    with pytest.raises(WriteError, match="make room"):
        pull(target, server.content, server.url)
    assert server.requests == []


def test_a_disk_that_fills_up_keeps_no_part(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nearfar.models.download.os.fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        pull(target, server.content, server.url)
    assert names(target.parent) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk at hand")
def test_a_write_that_fails_keeps_no_part(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("model.onnx.part").symlink_to("/dev/full")
    with pytest.raises(WriteError, match="No space left on device"):
        pull(target, server.content, server.url)
    assert names(target.parent) == []


def test_a_redirect_to_another_kind_of_address_is_refused(server: Server, target: Path) -> None:
    server.answers = [Answer(status=302, headers={"Location": "file:///etc/hosts"})]
    with pytest.raises(DownloadError, match="InvalidSchema"):
        pull(target, server.content, server.url)
