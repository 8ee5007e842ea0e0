import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from nearfar.errors import InferenceError, UsageError
from nearfar.io.images import read_image
from nearfar.models.preprocess import prepare
from nearfar.models.registry import ModelRegistry
from nearfar.service.engine import Prediction
from nearfar.service.settings import ServiceOptions
from nearfar.service.stream.protocol import (
    FORMAT_CODES,
    NEW_SCENE,
    Header,
    StreamFormat,
    StreamOptions,
)
from nearfar.service.stream.session import UNSENT, Frame, StreamRange, StreamSession
from nearfar.service.worker import Reservation, Timing
from tests.service.network import PATIENCE_S, Network
from tests.service.served import Served, served, until
from tests.service.test_http_load import Listening

CLIENT = Path(__file__).parent.parent.parent / "docs" / "stream_client.py"


@contextmanager
def streaming(service: Listening, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    """A live stream; its connection."""
    address = f"ws://127.0.0.1:{service.port}/v1/stream{query}"
    with connect(address, open_timeout=PATIENCE_S, proxy=None, **options) as stream:
        yield stream


def message(stream: ClientConnection) -> dict[str, Any]:
    told = stream.recv(PATIENCE_S)
    assert isinstance(told, str), "an answer came where a message should"
    read: dict[str, Any] = json.loads(told)
    return read


def answer(stream: ClientConnection) -> tuple[Header, bytes]:
    told = stream.recv(PATIENCE_S)
    assert isinstance(told, bytes), told
    header = Header.read(told)
    return header, told[header.size :]


def choose(stream: ClientConnection, **options: Any) -> None:
    stream.send(json.dumps(options))
    assert message(stream)["type"] == "urn:nearfar:stream:options"


def close_code(stream: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        stream.recv(PATIENCE_S)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def counted(service: Served, what: str) -> float:
    lines = service.client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(what))


def decoded(data: bytes) -> NDArray[Any]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def test_a_frame_comes_back_as_a_map(service: Served, photo: bytes) -> None:
    with streaming(service) as stream:
        stream.send(photo)
        header, data = answer(stream)
    assert (header.magic, header.version, header.frame, header.size) == (b"NFS", 1, 0, 32)
    assert header.format == FORMAT_CODES["grey8"]
    assert header.flags == NEW_SCENE
    assert max(header.width_px, header.height_px) <= StreamOptions().input_size_px
    assert 0 < header.infer_ms < header.total_ms
    levels = np.frombuffer(data, np.uint8).reshape(header.height_px, header.width_px)
    assert levels[:8].mean() < 100
    assert levels[-8:].mean() > 155


def test_frames_are_numbered_and_the_scene_goes_on(service: Served, photo: bytes) -> None:
    with streaming(service) as stream:
        for number in range(3):
            stream.send(photo)
            header, _ = answer(stream)
            assert header.frame == number
            assert bool(header.flags & NEW_SCENE) == (number == 0)


@pytest.mark.parametrize(
    ("format_", "shape"), [("png16", ()), ("jpeg", (3,)), ("webp", (3,))], ids=str
)
def test_formats(
    service: Served, photo: bytes, format_: StreamFormat, shape: tuple[int, ...]
) -> None:
    with streaming(service) as stream:
        choose(stream, format=format_, colormap="viridis")
        stream.send(photo)
        header, data = answer(stream)
    assert header.format == FORMAT_CODES[format_]
    picture = decoded(data)
    assert picture.shape == (header.height_px, header.width_px, *shape)
    if not shape:
        assert picture.dtype == np.uint16
        assert picture.max() == 65535
    else:
        assert np.percentile(picture[..., 0], 99) < 180, "viridis has no strong blue"


def test_limits_lead_back_to_the_values_of_the_network(
    service: Served, network: Network, photo: bytes
) -> None:
    with streaming(service) as stream:
        choose(stream, format="png16")
        stream.send(photo)
        header, data = answer(stream)
    level = decoded(data).astype(np.float64) / 65535
    values = header.low + level * (header.high - header.low)
    spec = ModelRegistry().spec("nearfar-lite")
    raw = network.run(prepare(read_image(photo), spec.input, input_size_px=256))[0]
    inside = (level > 0) & (level < 1)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(values[inside], raw[inside], atol=0.02 * (header.high - header.low))


def test_options_hold_from_the_next_frame_on_and_one_by_one(service: Served, photo: bytes) -> None:
    with streaming(service) as stream:
        stream.send('{"input_size_px": 128}')
        assert message(stream)["options"]["format"] == "grey8"
        stream.send(photo)
        small, _ = answer(stream)
        stream.send('{"format": "jpeg"}')
        assert message(stream)["options"]["input_size_px"] == 128
        stream.send(photo)
        jpeg, _ = answer(stream)
    assert max(small.width_px, small.height_px) == 128
    assert (jpeg.width_px, jpeg.format) == (small.width_px, FORMAT_CODES["jpeg"])


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("hello", "bad-option"),
        ("[1]", "bad-option"),
        ("[" * 4000, "bad-option"),
        (" " * 5000, "bad-option"),
        ('{"format": "gif"}', "bad-option"),
        ('{"input_size_px": 1}', "bad-option"),
        ('{"speed": 1}', "bad-option"),
        ('{"model": "none-such"}', "unknown-model"),
    ],
)
def test_a_bad_message_is_told_and_changes_nothing(
    service: Served, photo: bytes, text: str, slug: str
) -> None:
    with streaming(service) as stream:
        stream.send(text)
        told = message(stream)
        assert told["type"] == f"urn:nearfar:problem:{slug}"
        assert told["status"] == 422
        assert told["detail"]
        stream.send(photo)
        assert answer(stream)[0].format == FORMAT_CODES["grey8"]


def test_a_bad_frame_is_told_and_the_stream_goes_on(service: Served, photo: bytes) -> None:
    with streaming(service) as stream:
        stream.send(b"no picture at all")
        told = message(stream)
        assert (told["type"], told["frame"]) == ("urn:nearfar:problem:not-a-picture", 0)
        stream.send(photo)
        assert answer(stream)[0].frame == 1


def test_a_model_that_fails_is_told_without_its_words(
    service: Served, network: Network, photo: bytes
) -> None:
    with streaming(service) as stream:
        network.error = InferenceError("secret of the house")
        stream.send(photo)
        told = message(stream)
        assert told["type"] == "urn:nearfar:problem:internal"
        assert "secret" not in json.dumps(told)
        network.error = None
        stream.send(photo)
        assert answer(stream)[0].frame == 1


def test_stream_newest_frame_wins(service: Served, network: Network, photo: bytes) -> None:
    before = counted(service, 'nearfar_frames_total{outcome="dropped"}')
    network.hold()
    with streaming(service) as stream:
        for _ in range(2):
            stream.send(photo)
            network.wait_until_held()
        for _ in range(8):
            stream.send(photo)
        until(lambda: counted(service, 'nearfar_frames_total{outcome="dropped"}') - before == 7)
        assert service.engine.waiting == 0, "only the stream holds a frame back, not the queue"
        network.let_go()
        assert [answer(stream)[0].frame for _ in range(3)] == [0, 1, 9]


def test_no_place_drops_the_frame_and_tells(network: Network, photo: bytes) -> None:
    with served(per_client=1) as service, streaming(service) as stream:
        network.hold()
        stream.send(photo)
        network.wait_until_held()
        stream.send(photo)
        until(lambda: counted(service, 'nearfar_frames_total{outcome="dropped"}') == 1)
        network.let_go()
        assert answer(stream)[0].frame == 0
        told = message(stream)
        assert (told["type"], told["frame"]) == ("urn:nearfar:problem:queue-full", 1)
        stream.send(photo)
        assert answer(stream)[0].frame == 2


def test_a_client_that_leaves_costs_nothing_more(network: Network, photo: bytes) -> None:
    with served(workers=1) as service:
        network.hold()
        calls = network.calls
        with streaming(service) as stream:
            stream.send(photo)
            network.wait_until_held()
            stream.send(photo)
            until(lambda: service.engine.waiting == 1)
        until(lambda: service.engine.waiting == 0)
        network.let_go()
        until(lambda: service.engine.running == 0)
        assert network.calls == calls + 1
        until(lambda: counted(service, "nearfar_streams_open") == 0)


def test_one_stream_too_many_is_sent_away(network: Network, photo: bytes) -> None:
    with served(streams=1) as service, streaming(service) as first:
        first.send(photo)
        answer(first)
        with streaming(service) as second:
            assert close_code(second) == 1013
        first.send(photo)
        answer(first)


def test_a_silent_stream_loses_its_place(network: Network) -> None:
    with served(timeout_s=0.3) as service, streaming(service) as stream:
        assert close_code(stream) == 1000


def test_a_stopping_service_answers_what_it_took(network: Network, photo: bytes) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(served())
        with streaming(service) as stream:
            network.hold()
            stream.send(photo)
            network.wait_until_held()
            stopping = threading.Thread(target=stack.close)
            stopping.start()
            until(lambda: not service.engine.ready)
            network.let_go()
            assert answer(stream)[0].frame == 0
            assert close_code(stream) == 1012
        stopping.join(PATIENCE_S)


def introduce(stream: ClientConnection) -> None:
    stream.send('{"token": "abc", "quality": 9}')
    assert message(stream)["options"]["quality"] == 9


def test_a_token_comes_as_header_query_or_first_message(network: Network, photo: bytes) -> None:
    ways: list[tuple[str, dict[str, Any], Callable[[ClientConnection], None]]] = [
        ("", {"additional_headers": {"Authorization": "Bearer abc"}}, lambda _: None),
        ("?token=abc", {}, lambda _: None),
        ("", {}, introduce),
    ]
    with served_with_token() as service:
        for query, options, first in ways:
            with streaming(service, query, **options) as stream:
                first(stream)
                stream.send(photo)
                answer(stream)


@pytest.mark.parametrize("first", ['{"token": "abd"}', '{"token": 3}', "{}", "?", b"photo"])
def test_without_the_token_a_stream_ends(network: Network, first: str | bytes) -> None:
    with served_with_token() as service, streaming(service, "?token=abb") as stream:
        stream.send(first)
        assert close_code(stream) == 1008


@contextmanager
def served_with_token() -> Iterator[Served]:
    with served(token="abc") as service:  # noqa: S106 - of this test alone
        service.client.headers["Authorization"] = "Bearer abc"
        yield service


def test_a_page_of_another_site_is_kept_out(service: Served) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        streaming(service, origin="https://elsewhere.example"),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_the_client_of_the_docs_works(service: Served, street: Path) -> None:
    done = subprocess.run(
        [sys.executable, CLIENT, f"ws://127.0.0.1:{service.port}/v1/stream", street, street],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert f"{street}: 256 x " in done.stdout


def test_the_client_of_the_docs_is_short() -> None:
    assert len(CLIENT.read_text("utf-8").splitlines()) <= 40


def test_strange_bytes_are_no_answer() -> None:
    with pytest.raises(UsageError, match="not a response"):
        Header.read(b"NFS\x02" + bytes(40))


class SlowDesk:
    """A desk whose answers come when the test says so."""

    def __init__(self) -> None:
        self.options = ServiceOptions(workers=2)
        self.begun: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    def reserve(self, client: str) -> Reservation:
        return Reservation(client, lambda _: None)

    async def raw(self, _: bytes, *, make: Callable[[Any], Any], **__: Any) -> Prediction[Any]:
        may_end = asyncio.Event()
        self.begun.put_nowait(may_end)
        await may_end.wait()
        ramp = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
        return Prediction(make(ramp), "fake", "fake", 4, 3, Timing(0, 0, 1, 0), (4, 3))


def test_answers_keep_the_order_of_the_frames() -> None:
    async def play() -> list[int]:
        engine, shared = SlowDesk(), StreamRange()
        pump = StreamSession(engine, "me", lambda: None)  # type: ignore[arg-type]  # all that it needs
        running = asyncio.create_task(pump.run())
        ends = []
        for number in range(2):
            pump.offer(Frame(number, b"", StreamOptions(), shared))
            ends.append(await engine.begun.get())
        numbers = []
        for end in reversed(ends):
            end.set()
            await asyncio.sleep(0)
        for _ in ends:
            outcome = await pump.next()
            assert outcome is not None
            assert isinstance(outcome.message, bytes)
            numbers.append(Header.read(outcome.message).frame)
        running.cancel()
        return numbers

    assert asyncio.run(play()) == [0, 1]


def test_frames_that_come_at_once_are_all_taken_where_there_is_room() -> None:
    async def play() -> tuple[list[int], int]:
        engine, shared, dropped = SlowDesk(), StreamRange(), []
        pump = StreamSession(engine, "me", lambda: dropped.append(1))  # type: ignore[arg-type]  # as above
        for number in range(3):
            pump.offer(Frame(number, b"", StreamOptions(), shared))
        running = asyncio.create_task(pump.run())
        numbers = []
        for _ in range(2):
            (await engine.begun.get()).set()
            outcome = await pump.next()
            assert outcome is not None
            assert isinstance(outcome.message, bytes)
            numbers.append(Header.read(outcome.message).frame)
        running.cancel()
        return numbers, len(dropped)

    assert asyncio.run(play()) == ([1, 2], 1)


def test_nothing_is_begun_for_a_client_that_takes_no_answers() -> None:
    async def play() -> int:
        engine, shared = SlowDesk(), StreamRange()
        pump = StreamSession(engine, "me", lambda: None)  # type: ignore[arg-type]  # as above
        running = asyncio.create_task(pump.run())
        for begun in range(2 + UNSENT):
            pump.offer(Frame(begun, b"", StreamOptions(), shared))
            (await engine.begun.get()).set()
        pump.offer(Frame(9, b"", StreamOptions(), shared))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(engine.begun.get(), 0.2)
        assert await pump.next() is not None
        pump.sent()
        await engine.begun.get()
        running.cancel()
        return engine.begun.qsize()

    assert asyncio.run(play()) == 0


def test_an_overtaken_frame_takes_the_limits_that_are_there() -> None:
    shared = StreamRange()
    ramp = np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40)
    newest = shared.follow(5, 0.1, ramp)
    assert newest.is_new
    assert shared.follow(4, 0.0, ramp * 100) == newest._replace(is_new=False)
    assert shared.follow(6, 0.2, ramp) == newest._replace(is_new=False)
