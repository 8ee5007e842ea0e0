"""What strangers ask of the page's own routes: no file is opened but what was uploaded here."""

import asyncio
import io
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.exceptions import InvalidPathError

from nearfar.errors import ImageTooLargeError, NotAnImageError
from nearfar.web.app import make_page, mount
from nearfar.web.files import page_folder, read_file
from nearfar.web.gradio_app import Page, refuse_files
from nearfar.web.queue_guard import FILES, read_join
from nearfar.web.security import MOST_BYTES
from nearfar.web.session import Sessions, Visits
from nearfar.web.uploads import MOST_OF_A_CLIENT, NotUploadedError, TooManyError, Uploads
from tests.web.made import FakeDoor, jpeg


@pytest.fixture(scope="module")
def backend() -> FakeDoor:
    return FakeDoor()


@pytest.fixture(scope="module")
def page(backend: FakeDoor) -> Page:
    return make_page(backend)


@pytest.fixture(scope="module")
def client(page: Page) -> Iterator[TestClient]:
    app = FastAPI()
    mount(app, page, max_bytes=100_000)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A photo on this machine that nobody has sent."""
    path = tmp_path / "private.jpg"
    path.write_bytes(jpeg())
    return path


def upload(client: TestClient, content: bytes = b"x", name: str = "toy.jpg") -> str:
    answer = client.post("/gradio_api/upload", files={"files": (name, io.BytesIO(content))})
    (path,) = answer.json()
    return str(path)


def events(page: Page) -> list[tuple[int, Any]]:
    """Every event, with its number."""
    return [(index, function) for index, function in page.fns.items()]


def join(
    client: TestClient, page: Page, index: int, values: list[Any], **more: Any
) -> tuple[int, str]:
    body = {"session_hash": "me", "fn_index": index, "data": values, **more}
    answer = client.post("/gradio_api/queue/join", json=body)
    return answer.status_code, answer.text


def wrappings(path: str) -> list[Any]:
    """The ways to name a file."""
    plain = {"path": path}
    marked = {**plain, "meta": {"_type": "gradio.FileData"}}
    return [
        plain,
        marked,
        {**marked, "url": f"/gradio_api/file={path}", "is_stream": True},
        {"video": marked, "subtitles": None},
        {"video": {"path": None}, "subtitles": plain},
        {"image": plain, "caption": None},
        [marked],
        [[plain, "caption"]],
        [{"image": marked}],
        {"value": plain},
        {"deep": [{"deeper": ({"path": path},)}]},
    ]


def test_no_event_opens_a_file_that_was_not_uploaded(page: Page, secret: Path) -> None:
    tried, uploads = 0, Uploads(file_bytes=1, disk_bytes=1)
    for index, function in events(page):
        for place, block in enumerate(function.inputs):
            if getattr(block, "stateful", False):
                continue
            for value in wrappings(str(secret)):
                values = [None] * len(function.inputs)
                values[place] = value
                body = json.dumps({"session_hash": "me", "fn_index": index, "data": values})
                with pytest.raises(NotUploadedError):
                    read_join(body.encode(), page, uploads)
                tried += 1
    assert tried > 1000


def test_a_text_passes_for_no_file(client: TestClient, page: Page, secret: Path) -> None:
    index, function = next(each for each in events(page) if _photo_place(each[1]) is not None)
    for value in (str(secret), 3, [str(secret)], {}, {"url": f"file://{secret}"}, True):
        values: list[Any] = [None] * len(function.inputs)
        values[_photo_place(function) or 0] = value
        assert join(client, page, index, values)[0] == 403, value


@pytest.mark.parametrize(
    "path",
    ["/dev/zero", "/etc/hostname", "http://127.0.0.1/x", "file:///etc/hostname", ".", "", "\0", 7],
)
def test_devices_addresses_and_nonsense_are_refused(
    client: TestClient, page: Page, path: Any
) -> None:
    index, function = next(each for each in events(page) if _photo_place(each[1]) is not None)
    values: list[Any] = [None] * len(function.inputs)
    values[_photo_place(function) or 0] = {"path": path}
    assert join(client, page, index, values)[0] == 403
    assert join(client, page, index, [None] * len(values), event_data={"path": path})[0] == 403


def test_every_component_that_takes_files_is_known(page: Page) -> None:
    for _, function in events(page):
        for block in function.inputs:
            model = getattr(block, "data_model", None)
            if model is not None and "FileData" in json.dumps(model.model_json_schema()):
                assert isinstance(block, FILES), block


def test_an_upload_belongs_to_the_session_that_names_it_first(
    client: TestClient, page: Page, backend: FakeDoor
) -> None:
    index, function = next(each for each in events(page) if _photo_place(each[1]) is not None)
    path, before = upload(client, jpeg()), len(backend.asked)
    values = [getattr(block, "value", None) for block in function.inputs]
    values = [
        None if getattr(block, "stateful", False) else value
        for block, value in zip(function.inputs, values, strict=True)
    ]
    values[_photo_place(function) or 0] = {"path": path}
    assert join(client, page, index, values)[0] == 200
    assert join(client, page, index, values, session_hash="other")[0] == 403
    with client.stream("GET", "/gradio_api/queue/data?session_hash=me") as answer:
        text = "".join(answer.iter_text())
    assert '"process_completed"' in text
    assert len(backend.asked) == before + 1  # the photo was opened, and estimated


def _photo_place(function: Any) -> int | None:
    names = [getattr(block, "elem_id", None) for block in function.inputs]
    return names.index("nf-upload") if "nf-upload" in names else None


def test_what_lies_beside_an_upload_is_not_one(client: TestClient, page: Page) -> None:
    path = Path(upload(client, jpeg()))
    twin = path.with_name("twin.jpg")
    twin.write_bytes(jpeg())
    link = path.with_name("link.jpg")
    link.symlink_to("/etc/hostname")
    index, function = next(each for each in events(page) if _photo_place(each[1]) is not None)
    for other in (twin, link, path.parent / ".." / path.parent.name / path.name, path.parent):
        values: list[Any] = [None] * len(function.inputs)
        values[_photo_place(function) or 0] = {"path": str(other)}
        assert join(client, page, index, values)[0] == 403
    assert client.get(f"/gradio_api/file={link}").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"session_hash": "a", "fn_index": 0, "data": [NaN]}',
        b'{"session_hash": "a", "fn_index": 0, "data": ["\\ud800"]}',
        b'{"session_hash": "", "fn_index": 0, "data": []}',
        b'{"session_hash": "a/b", "fn_index": 0, "data": []}',
        b'{"session_hash": "a", "fn_index": true, "data": []}',
        b'{"session_hash": "a", "fn_index": 99999, "data": []}',
        b'{"session_hash": "a", "fn_index": 0, "data": [1,2,3,4,5,6,7,8,9]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/gradio_api/queue/join", content=body).status_code == 400


def test_large_bodies_and_long_texts_are_refused(client: TestClient, page: Page) -> None:
    for path in ("queue/join", "cancel", "reset"):
        answer = client.post(f"/gradio_api/{path}", content=bytes(MOST_BYTES + 1))
        assert answer.status_code == 413
    index, function = next(
        each for each in events(page) if any(isinstance(one, gr.Textbox) for one in each[1].inputs)
    )
    values = ["x" * 10_000 if isinstance(one, gr.Textbox) else None for one in function.inputs]
    assert join(client, page, index, values)[0] == 400


def test_page_itself_opens_nothing_that_was_not_uploaded(page: Page, secret: Path) -> None:
    for value in wrappings(str(secret)):
        with pytest.raises(InvalidPathError):
            refuse_files([None, value])
        with pytest.raises(InvalidPathError):
            page._path(value)
    refuse_files([None, "http://in.a.text", 1.5, ["path"]])


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "it"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place = Path("/dev/zero")
    with pytest.raises((NotAnImageError, IsADirectoryError)):
        read_file(str(place), 1000)


def test_size_is_asked_before_a_file_is_read(tmp_path: Path) -> None:
    place = tmp_path / "huge"
    with place.open("wb") as file:
        file.truncate(3 * 2**30)
    with pytest.raises(ImageTooLargeError):
        read_file(str(place), 1000)


def test_aborted_uploads_leave_nothing(client: TestClient) -> None:
    before = sorted(page_folder().rglob("*"))
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (head + bytes(50_000), head, b"", b"--b\r\n", head + bytes(200_000)):
        answer = client.post("/gradio_api/upload", content=body, headers=kind)
        assert answer.status_code in {400, 413}
    other = head.replace(b'"files"', b'"other"') + bytes(1000) + b"\r\n--b--\r\n"
    assert client.post("/gradio_api/upload", content=other, headers=kind).status_code == 400
    assert client.post("/gradio_api/upload", content=b"x").status_code == 400
    assert sorted(page_folder().rglob("*")) == before


def test_upload_that_is_broken_off_leaves_nothing() -> None:
    uploads = Uploads(file_bytes=10**6, disk_bytes=10**9)
    before = sorted(page_folder().rglob("*"))

    class Broken:
        headers: dict[str, str] = {"content-type": "multipart/form-data; boundary=b"}  # noqa: RUF012
        query_params: dict[str, str] = {"upload_id": "x"}  # noqa: RUF012
        client = None

        async def stream(self) -> Any:
            yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
            yield bytes(1000)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(uploads.take(Broken()))  # type: ignore[arg-type]
    assert sorted(page_folder().rglob("*")) == before
    assert len(uploads) == 0
    assert uploads.progress("x") is None


def test_names_of_uploads_are_made_harmless(client: TestClient) -> None:
    for name in (
        "../../etc/passwd",
        "a\0b.jpg",
        ".",
        "..",
        "a/...",
        ".jpg",
        "coming",
        "x" * 500 + ".jpg",
        "图" * 300 + ".jpg",
    ):
        path = Path(upload(client, b"some", name))
        assert path.is_relative_to(page_folder())
        assert path.parent.parent == page_folder()
        assert path.read_bytes() == b"some"


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=0-3", 206, 4),
        ("bytes=5-2", 400, None),
        ("bytes=50-60", 416, None),
        ("bytes=x", 400, None),
        ("bytes=0-1,4-5", 206, None),
    ],
)
def test_parts_of_a_file_are_answered(
    client: TestClient, asked: str, status: int, length: int | None
) -> None:
    path = upload(client, b"0123456789", "a.bin")
    answer = client.get(f"/gradio_api/file={path}", headers={"Range": asked})
    assert answer.status_code == status
    assert length is None or len(answer.content) == length


def test_a_page_that_was_uploaded_is_not_shown(client: TestClient) -> None:
    for name in ("a.html", "a.svg", "a.js"):
        answer = client.get(f"/gradio_api/file={upload(client, b'<script>', name)}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")


def test_events_that_nobody_hears_are_ended_and_sessions_are_forgotten(
    client: TestClient, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = page._queue
    uploads = Uploads(file_bytes=1, disk_bytes=1)
    sessions = Sessions(page, Visits(), uploads)
    monkeypatch.setattr("nearfar.web.session.UNHEARD_S", -1.0)
    index, function = next(each for each in events(page) if not each[1].js)
    values: list[Any] = [None] * len(function.inputs)
    for number in range(20):
        assert join(client, page, index, values, session_hash=f"gone{number}")[0] == 200

    async def clear() -> None:
        for number in range(20):
            sessions._heard_s[f"gone{number}"] = 0.0
        await sessions.clear()

    asyncio.run(clear())
    assert not [each for each in queue.pending_messages_per_session if each.startswith("gone")]
    assert not [each for each in queue.pending_event_ids_session if each.startswith("gone")]


def test_a_session_takes_little_memory(page: Page) -> None:
    import tracemalloc

    visits = Visits()
    visits.set_blocks(page)
    visits["first"]
    tracemalloc.start()
    for number in range(100):
        visits[str(number)]
    held = tracemalloc.get_traced_memory()[0] / 100
    tracemalloc.stop()
    assert held < 100_000
    for number in range(2 * visits.capacity):
        visits[str(number)]
    assert len(visits.session_data) <= visits.capacity


def test_a_client_brings_only_so_many_files_at_a_time() -> None:
    uploads = Uploads(file_bytes=10, disk_bytes=10**6)
    with ExitStack() as coming:
        for _ in range(MOST_OF_A_CLIENT):
            coming.enter_context(uploads._reserved("a", 1))
        with pytest.raises(TooManyError), uploads._reserved("a", 1):
            pass
        with uploads._reserved("b", 1):
            pass
    with uploads._reserved("a", 1):
        pass
