import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nearfar.errors import ChecksumError, DownloadError, OfflineError, WriteError
from nearfar.models.download import fetch
from tests.models.helpers import CHUNK, digest, names, pull
from tests.models.server import Answer, Server, serving

CHILD = """
import logging, sys
from pathlib import Path
from nearfar.models.download import fetch

def say(text):
    print(text, flush=True)

class Lines(logging.Handler):
    def emit(self, record):
        say(record.getMessage())

logging.getLogger("filelock").addHandler(Lines())
logging.getLogger("filelock").setLevel(logging.DEBUG)
url, target, sha256, size = sys.argv[1:]
progress = lambda done, total: say(f"done {done}")
fetch([url], Path(target), sha256, int(size), name="tiny", progress=progress)
"""


def child(server: Server, target: Path) -> "subprocess.Popen[str]":
    content = server.content
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, server.url, target, digest(content), str(len(content))],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_download_arrives_whole(
    server: Server, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = []
    fetch(
        [server.url],
        target,
        digest(server.content),
        len(server.content),
        name="tiny",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert target.read_bytes() == server.content
    assert names(target.parent) == ["model.onnx"]
    assert seen == sorted(seen)
    assert seen[-1] == (len(server.content), len(server.content))
    assert capfd.readouterr() == ("", "")


def test_a_right_file_is_not_fetched_again(server: Server, target: Path) -> None:
    pull(target, server.content, server.url)
    pull(target, server.content, server.url)
    assert len(server.requests) == 1


def test_a_wrong_file_is_replaced(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"wrong")
    pull(target, server.content, server.url)
    assert target.read_bytes() == server.content


@pytest.mark.parametrize("before", [None, b"older and wrong"])
def test_wrong_checksum_leaves_no_file(server: Server, target: Path, before: bytes | None) -> None:
    if before:
        target.parent.mkdir(parents=True)
        target.write_bytes(before)
    other = bytes(len(server.content))
    with pytest.raises(ChecksumError, match=r"tiny from 127\.0\.0\.1 .* pull again"):
        pull(target, other, server.url)
    assert names(target.parent) == []
    assert len(server.requests) == 1


def test_two_pulls_at_once(server: Server, target: Path) -> None:
    server.answers = [Answer(hold_after=2 * CHUNK)]
    server.second_request_opens_gate = True
    with child(server, target) as first:
        assert first.stdout
        while "done" not in first.stdout.readline():
            assert first.poll() is None
        with child(server, target) as second:
            assert second.stdout
            lines = iter(second.stdout.readline, "")
            assert any("not acquired" in line for line in lines), "the second did not wait"
            server.gate.set()
            assert "done" not in second.stdout.read()
        first.stdout.read()
    assert (first.returncode, second.returncode) == (0, 0)
    assert target.read_bytes() == server.content
    assert names(target.parent) == ["model.onnx"]
    assert [request.sent for request in server.requests] == [len(server.content)]


def test_killed_pull_can_go_on(server: Server, target: Path) -> None:
    sent = 3 * CHUNK
    server.answers = [Answer(hold_after=sent)]
    with child(server, target) as killed:
        assert killed.stdout
        assert any(line == f"done {sent}\n" for line in iter(killed.stdout.readline, ""))
        killed.kill()
    server.gate.set()
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "model.onnx.lock",
        "model.onnx.part",
    ]

    pull(target, server.content, server.url)
    assert server.requests[1].range == f"bytes={sent}-"
    assert server.requests[1].sent == len(server.content) - sent
    assert target.read_bytes() == server.content
    assert names(target.parent) == ["model.onnx"]


def test_a_pull_killed_before_the_move_is_tidied_up(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    (target.parent / "tmpab12_cd3").write_bytes(server.content)
    pull(target, server.content, server.url)
    assert names(target.parent) == ["model.onnx"]


@pytest.mark.parametrize("yes", ["1", "true", "YES", " on "])
def test_offline_opens_no_socket(target: Path, monkeypatch: pytest.MonkeyPatch, yes: str) -> None:
    opened = []
    monkeypatch.setattr(socket, "socket", lambda *args, **_: opened.append(args))
    monkeypatch.setenv("NEARFAR_OFFLINE", yes)
    monkeypatch.setenv("NEARFAR_MIRROR", "http://mirror.invalid")
    with pytest.raises(OfflineError, match=r"unset it, or .* nearfar models add tiny model\.onnx"):
        pull(target, b"x", "http://example.invalid/model.onnx")
    assert opened == []
    assert not target.parent.exists()


@pytest.mark.parametrize("no", ["", "0", "false", "No", "off"])
def test_offline_can_be_said_no_to(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, no: str
) -> None:
    monkeypatch.setenv("NEARFAR_OFFLINE", no)
    pull(target, server.content, server.url)
    assert target.exists()


@pytest.mark.parametrize("kept", [CHUNK, None])
def test_a_bad_part_costs_one_more_transfer(server: Server, target: Path, kept: int | None) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("model.onnx.part").write_bytes(bytes(len(server.content))[:kept])
    pull(target, server.content, server.url)
    assert target.read_bytes() == server.content
    assert server.requests[-1].range is None


def test_the_mirror_is_first(
    server: Server, target: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(content) as mirror:
        monkeypatch.setenv("NEARFAR_MIRROR", f"{mirror.address}/depth/")
        pull(target, content, server.url)
        assert [request.url for request in mirror.requests] == ["/depth/model.onnx"]
    assert server.requests == []


def test_a_mirror_without_the_file_is_passed_by(
    server: Server, target: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(content) as mirror:
        mirror.answers = [Answer(status=404)]
        monkeypatch.setenv("NEARFAR_MIRROR", mirror.address)
        pull(target, content, server.url)
    assert target.read_bytes() == content


def test_a_folder_that_can_not_be_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models").write_bytes(b"a file, no folder")
    with pytest.raises(WriteError, match="can't write"):
        pull(tmp_path / "models" / "tiny" / "model.onnx", server.content, server.url)


def test_the_proxy_is_used(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.address)
    pull(target, server.content, "http://models.invalid/model.onnx")
    assert [request.url for request in server.requests] == ["http://models.invalid/model.onnx"]
    assert target.read_bytes() == server.content


@pytest.mark.parametrize(
    "url", ["ftp://models.invalid/m", "file:///etc/hosts", "models/m", "http://[", "http://"]
)
def test_other_addresses_are_refused(target: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="must begin with http"):
        pull(target, b"x", url)


def test_a_bad_mirror_is_named(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_MIRROR", "mirror.invalid/depth")
    with pytest.raises(DownloadError, match="NEARFAR_MIRROR must begin with http"):
        pull(target, b"x", "http://models.invalid/m")


def test_no_address_at_all_is_told(target: Path) -> None:
    with pytest.raises(DownloadError, match="has no address"):
        pull(target, b"x")
