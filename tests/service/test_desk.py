"""The desk gives what the library gives, loads each model once, and refuses in time."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import nearfar
from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap
from nearfar.errors import (
    BusyError,
    DrainingError,
    ImageError,
    ImageTooLargeError,
    InferenceError,
    ModelMissingError,
    NotAnImageError,
    TimedOutError,
    UnknownModelError,
)
from nearfar.estimator import Estimator
from nearfar.io.images import ImageFile
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes import autotune, cpu
from nearfar.runtimes.base import RawDepth
from nearfar.service import engine as desk_room
from nearfar.service.engine import KEPT, InferenceEngine, Prediction
from nearfar.service.settings import ServiceOptions
from tests.fakes import FakeSession, tiny_onnx
from tests.picturefiles import noise, saved
from tests.service.gated import PATIENCE_S, GatedSession, Seen, settle
from tests.stores import INPUT, bundled_store, two_networks
from tests.test_estimator import SPEC

PHOTO = saved(noise(48, 64), "PNG")


class Loads:
    """Stands in for `nearfar.loading.load`: every model is a fake, and loading is noted.

    Attributes:
        names: of what was loaded, in order.
        session: of every model.
        gate: loading waits for it.
        error: what the next load raises.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.session: FakeSession = FakeSession()
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.arguments: dict[str, Any] = {}

    def __call__(self, name: str, **arguments: Any) -> Estimator:
        assert threading.current_thread() is not threading.main_thread()
        self.names.append(name)
        self.arguments = arguments
        assert self.gate.wait(PATIENCE_S)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return Estimator(replace(SPEC, name=name), self.session)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    loads = Loads()
    monkeypatch.setattr(desk_room, "load", loads)
    return loads


def options_of(**changes: Any) -> ServiceOptions:
    return ServiceOptions.of(**{"model": "nearfar-lite", "workers": 1, **changes})


async def depth_of(
    engine: InferenceEngine, photo: Any = PHOTO, **arguments: Any
) -> Prediction[Any]:
    with engine.reserve("a") as reservation:
        return await engine.depth(
            photo, **{"reservation": reservation, "make": lambda depth: depth, **arguments}
        )


async def looked_at(engine: InferenceEngine) -> None:
    """Wait until all that was asked so far has gone through the one thread that looks at it."""
    await settle()
    await asyncio.get_running_loop().run_in_executor(engine._executor, int)
    await settle()


def is_ready(engine: InferenceEngine) -> bool:
    return engine.ready


def in_desk(
    scene: Callable[[InferenceEngine], Any], *, observer: Seen | None = None, **changes: Any
) -> Any:
    """Play a scene at a desk that has started, and see that nothing is left of it."""

    async def play() -> Any:
        engine = InferenceEngine(options_of(**changes), observer=observer)
        await engine.start()
        result = await scene(engine)
        assert (engine.waiting, engine.running) == (0, 0)
        assert await engine.drain()
        return result

    return asyncio.run(play())


def test_same_map_as_from_the_library(examples: Path) -> None:
    path = examples / "street.jpg"
    many = autotune.MANY_PHOTOS  # as the service expects: for one photo, int8 may be another choice
    estimator = nearfar.load(runtime="onnxruntime", threads=1, expected_photos=many)

    async def scene(engine: InferenceEngine) -> tuple[Prediction[DepthMap], Prediction[DepthMap]]:
        return (
            await depth_of(engine, path.read_bytes()),
            await depth_of(engine, nearfar.read_image(path)),
        )

    encoded, decoded = in_desk(scene, model="auto", runtime="onnxruntime")
    with ImageFile(path) as file:
        wanted = estimator.from_file(file).inverse_depth
    np.testing.assert_allclose(encoded.value.inverse_depth, wanted, atol=1e-4)
    wanted = estimator(nearfar.read_image(path)).inverse_depth
    np.testing.assert_allclose(decoded.value.inverse_depth, wanted, atol=1e-4)
    for answer in (encoded, decoded):
        assert answer.model == answer.value.model == estimator.spec.name
        assert answer.runtime == "onnxruntime"
        assert (answer.width_px, answer.height_px) == answer.value.size_px
        assert answer.timing.infer_ms > 0


def test_options_of_a_request_use_the_one_loaded_network(loads: Loads) -> None:
    photo = noise(60, 200)

    async def scene(engine: InferenceEngine) -> list[DepthMap]:
        each = (EstimateOptions(), EstimateOptions(refine=True), EstimateOptions(input_size_px=96))
        return [(await depth_of(engine, photo, options=options)).value for options in each]

    plain, refined, small = in_desk(scene)
    assert loads.names == ["nearfar-lite"]
    warming, *fed = loads.session.shapes
    assert warming[0] == 1
    assert fed == [(1, 3, 64, 224), (1, 3, 64, 224), (1, 3, 32, 96)]
    for map_, options in (
        (plain, EstimateOptions()),
        (refined, EstimateOptions(refine=True)),
        (small, EstimateOptions(input_size_px=96)),
    ):
        wanted = Estimator(SPEC, FakeSession(), options)(photo)
        np.testing.assert_allclose(map_.inverse_depth, wanted.inverse_depth, atol=1e-6)


def test_big_jpeg_is_decoded_small_and_answered_large(loads: Loads) -> None:
    photo = saved(noise(1200, 1600), "JPEG")

    async def scene(engine: InferenceEngine) -> Prediction[DepthMap]:
        return await depth_of(engine, photo)

    answer = in_desk(scene)
    assert answer.value.size_px == (answer.width_px, answer.height_px) == (1600, 1200)
    with ImageFile(photo) as file:
        wanted = Estimator(SPEC, FakeSession()).from_file(file)
    np.testing.assert_allclose(answer.value.inverse_depth, wanted.inverse_depth, atol=1e-6)


def test_settings_reach_the_loader_and_opencv(loads: Loads) -> None:
    before = cv2.getNumThreads()

    async def scene(_: InferenceEngine) -> int:
        return int(cv2.getNumThreads())

    inside = in_desk(scene, workers=64, threads=2, runtime="onnxruntime")
    assert loads.arguments["threads"] == 2
    assert loads.arguments["callers"] == 64
    assert loads.arguments["runtime"] == "onnxruntime"
    assert loads.session.calls == 1  # it was warmed
    assert inside == max(1, cpu.physical() // 64) == 1
    assert cv2.getNumThreads() == before


def test_work_is_done_in_a_worker_thread(loads: Loads) -> None:
    async def scene(engine: InferenceEngine) -> Any:
        name = await depth_of(engine, make=lambda _: threading.current_thread().name)
        return name.value

    assert in_desk(scene) == "nearfar-worker-1"


def test_it_takes_nothing_before_it_is_ready_or_when_it_stops(loads: Loads) -> None:
    seen = Seen()

    async def play() -> None:
        engine = InferenceEngine(options_of(), observer=seen)
        loads.gate.clear()
        starting = asyncio.create_task(engine.start())
        await settle()
        assert not is_ready(engine)
        with pytest.raises(DrainingError, match="starting"):
            engine.reserve("a")
        loads.gate.set()
        await starting
        assert is_ready(engine)
        await depth_of(engine)
        assert await engine.drain()
        assert not is_ready(engine)
        with pytest.raises(DrainingError, match="stopping"):
            engine.reserve("a")

    asyncio.run(play())
    assert seen.refusals == Counter({"not-ready": 1, "draining": 1})


def test_start_that_fails_can_be_tried_again(loads: Loads) -> None:
    loads.error = InferenceError("too hot")

    async def play() -> None:
        engine = InferenceEngine(options_of())
        with pytest.raises(InferenceError, match="too hot"):
            await engine.start()
        assert not is_ready(engine)
        await engine.start()
        assert is_ready(engine)
        assert await engine.drain()

    asyncio.run(play())


def test_wrong_default_model_is_told_at_once() -> None:
    with pytest.raises(UnknownModelError, match="nearfar-lite"):
        InferenceEngine(options_of(model="nearfar-light"))

    async def play() -> None:
        engine = InferenceEngine(options_of(model="midas-small"))
        with pytest.raises(ModelMissingError, match="models pull"):
            await engine.start()
        assert await engine.drain()

    asyncio.run(play())


def test_only_installed_models_are_offered_and_others_are_refused() -> None:
    async def scene(engine: InferenceEngine) -> None:
        installed = [spec.name for spec in engine.models()]
        assert {"nearfar-lite", "nearfar-lite-int8"} <= set(installed)
        # whichever was measured to be faster
        assert engine.default_model("photo") in installed
        with pytest.raises(UnknownModelError):
            await depth_of(engine, model="../../etc/passwd")
        with pytest.raises(ModelMissingError):
            await depth_of(engine, model="midas-small")
        assert (await depth_of(engine, model="auto")).model == engine.default_model("photo")

    in_desk(scene, model="auto", runtime="onnxruntime")


class Recorded:
    """Loads for real from a store, and notes what, with what runtime."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loaded: list[str] = []
        monkeypatch.setattr(desk_room, "load", self)

    def __call__(self, name: str, **arguments: Any) -> Estimator:
        estimator = nearfar.load(name, **arguments)
        self.loaded.append(estimator.spec.name)
        return estimator


async def raw_of(engine: InferenceEngine, model: str | None = None) -> str:
    with engine.reserve("a") as reservation:
        return (
            await engine.raw(PHOTO, reservation=reservation, make=lambda raw: raw, model=model)
        ).model


def at_desk(store: ModelRegistry, scene: Callable[[InferenceEngine], Any], **changes: Any) -> None:
    async def play() -> None:
        engine = InferenceEngine(options_of(runtime="onnxruntime", **changes), store=store)
        await engine.start()
        await scene(engine)
        assert await engine.drain()

    asyncio.run(play())


def test_photos_get_one_model_and_streams_another_loaded_when_first_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(monkeypatch)

    async def scene(engine: InferenceEngine) -> None:
        assert (engine.default_model("photo"), engine.default_model("stream")) == ("base", "lite")
        for name in (None, "auto"):
            assert (await depth_of(engine, model=name)).model == "base"
        assert recorded.loaded == ["base"], "nothing streamed yet"
        assert (
            await asyncio.gather(*(raw_of(engine, name) for name in (None, "auto", "lite")))
            == ["lite"] * 3
        )
        assert (await engine.model(None, "stream")).spec.name == "lite"
        assert await raw_of(engine, "base") == "base"
        assert (await depth_of(engine, model="lite")).model == "lite"
        assert recorded.loaded == ["base", "lite"], "each once, by whatever name"

    at_desk(two_networks(tmp_path), scene, model="auto")


def test_a_model_that_is_set_is_the_own_choice_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(monkeypatch)

    async def scene(engine: InferenceEngine) -> None:
        for name in (None, "auto", "lite"):
            assert (await depth_of(engine, model=name)).model == "lite"
            assert await raw_of(engine, name) == "lite"
        assert (engine.default_model("photo"), engine.default_model("stream")) == ("lite", "lite")
        assert recorded.loaded == ["lite"]

    at_desk(two_networks(tmp_path), scene, model="lite")


def test_where_both_purposes_have_the_same_candidates_one_file_serves_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    recorded = Recorded(monkeypatch)

    async def scene(engine: InferenceEngine) -> None:
        chosen = engine.default_model("photo")
        assert chosen in {"lite", "lite-int8"}
        assert await raw_of(engine) == chosen
        assert recorded.loaded == [chosen]

    at_desk(bundled_store(tmp_path), scene, model="auto")


def test_the_stream_model_is_among_those_that_go_when_others_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(monkeypatch)
    store = two_networks(tmp_path)
    for name in ("own-1", "own-2"):
        file = tmp_path / f"{name}.onnx"
        file.write_bytes(tiny_onnx())
        store.add(name, file, input=INPUT)
    assert KEPT == 2

    async def scene(engine: InferenceEngine) -> None:
        assert await raw_of(engine) == "lite"
        for name in ("own-1", "own-2"):
            assert (await depth_of(engine, model=name)).model == name
        assert await raw_of(engine) == "lite"

    at_desk(store, scene, model="auto")
    assert recorded.loaded == ["base", "lite", "own-1", "own-2", "lite"]


def test_first_requests_for_a_model_load_it_once(loads: Loads) -> None:
    async def scene(engine: InferenceEngine) -> None:
        loads.gate.clear()
        asked = [asyncio.create_task(depth_of(engine, model="midas-small")) for _ in range(5)]
        await looked_at(engine)  # the photos
        await looked_at(engine)  # the models' names
        asked[0].cancel()  # who leaves takes the model from nobody
        assert (await depth_of(engine)).model == "nearfar-lite"  # others are not held up
        loads.gate.set()
        answers = await asyncio.gather(*asked[1:])
        assert {answer.model for answer in answers} == {"midas-small"}
        with pytest.raises(asyncio.CancelledError):
            await asked[0]

    in_desk(scene)
    assert loads.names == ["nearfar-lite", "midas-small"]


def test_failed_load_reaches_all_who_wait_and_is_tried_again(loads: Loads) -> None:
    async def scene(engine: InferenceEngine) -> None:
        loads.gate.clear()
        loads.error = InferenceError("too hot")
        asked = [asyncio.create_task(depth_of(engine, model="midas-small")) for _ in range(3)]
        await looked_at(engine)  # the photos
        await looked_at(engine)  # the models' names
        loads.gate.set()
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(end) for end in ends] == ["too hot"] * 3
        assert (await depth_of(engine, model="midas-small")).model == "midas-small"

    in_desk(scene)
    assert loads.names == ["nearfar-lite", "midas-small", "midas-small"]


def test_models_not_asked_for_the_longest_go_and_the_default_stays(
    loads: Loads, tmp_path: Path
) -> None:
    names = ["own-1", "own-2", "own-3"]
    rows = tuple(replace(SPEC, name=name) for name in ("nearfar-lite", *names))
    store = ModelRegistry(tmp_path, catalog=rows)
    assert len(names) == KEPT + 1

    async def play() -> None:
        engine = InferenceEngine(options_of(), store=store)
        await engine.start()
        for name in ("own-1", "own-2", "own-1", "own-3", "own-1", "nearfar-lite", "own-2"):
            assert (await depth_of(engine, model=name)).model == name
        assert await engine.drain()

    asyncio.run(play())
    assert loads.names == ["nearfar-lite", "own-1", "own-2", "own-3", "own-2"]


@pytest.mark.parametrize(
    ("photo", "error"),
    [
        (b"GIF? no", NotAnImageError),
        (b"", ImageError),
        (saved(noise(101, 100), "PNG"), ImageTooLargeError),
        (noise(101, 100), ImageTooLargeError),
        (b"\xff\xd8" + bytes(20_000), ImageTooLargeError),
        (np.zeros((5, 5), np.uint8), ImageError),
        (np.zeros((0, 5, 3), np.uint8), ImageError),
    ],
)
def test_what_is_no_picture_is_refused_without_waiting(
    photo: Any, error: type[Exception], loads: Loads
) -> None:
    async def scene(engine: InferenceEngine) -> None:
        session = GatedSession(is_open=False)
        desk_session, loads.session = loads.session, session
        slow = asyncio.create_task(depth_of(engine, model="midas-small"))
        session.let_go()
        await slow
        session.hold()
        slow = asyncio.create_task(depth_of(engine, model="midas-small"))
        await session.entered()
        with pytest.raises(error):  # while the only worker is busy
            await depth_of(engine, photo)
        assert not slow.done()
        session.let_go()
        await slow
        assert desk_session.calls == 1

    in_desk(scene, max_pixels=10_000, max_bytes=20_000)


def test_request_that_takes_too_long_is_given_up(loads: Loads) -> None:
    session = GatedSession()
    loads.session = session

    async def scene(engine: InferenceEngine) -> None:
        await session.entered()  # the warming
        session.hold()
        with pytest.raises(TimedOutError, match="smaller picture"):
            await depth_of(engine)
        assert engine.waiting == 0
        session.let_go()

    async def play() -> None:
        engine = InferenceEngine(options_of(timeout_s=0.05))
        await engine.start()
        await scene(engine)
        assert await engine.drain()

    asyncio.run(play())


def test_timeout_of_the_work_itself_is_not_taken_for_ours(loads: Loads) -> None:
    def fail(_: DepthMap) -> None:
        raise TimeoutError("the disk")

    async def scene(engine: InferenceEngine) -> None:
        with pytest.raises(TimeoutError, match="the disk") as caught:
            await depth_of(engine, make=fail)
        assert not isinstance(caught.value, TimedOutError)
        assert (await depth_of(engine)).model == "nearfar-lite"

    in_desk(scene)


def test_client_that_leaves_while_it_waits_costs_nothing(loads: Loads) -> None:
    session = GatedSession()
    loads.session = session
    made: list[DepthMap] = []

    async def scene(engine: InferenceEngine) -> None:
        await session.entered()  # the warming
        session.hold()
        slow = asyncio.create_task(depth_of(engine))
        await session.entered()
        gone = asyncio.create_task(depth_of(engine, noise(9, 9), make=made.append))
        await looked_at(engine)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert engine.waiting == 0
        session.let_go()
        await slow

    in_desk(scene)
    assert session.calls == 2
    assert made == []


def test_full_desk_refuses(loads: Loads) -> None:
    seen = Seen()

    async def scene(engine: InferenceEngine) -> None:
        with engine.reserve("a"), engine.reserve("b"), pytest.raises(BusyError):
            engine.reserve("c")

    in_desk(scene, observer=seen, queue=1)
    assert seen.refusals == {"queue-full": 1}


def test_raw_is_what_the_network_answered(loads: Loads) -> None:
    async def scene(engine: InferenceEngine) -> Prediction[RawDepth]:
        with engine.reserve("a") as reservation:
            return await engine.raw(
                PHOTO, reservation=reservation, make=lambda raw: raw, input_size_px=96
            )

    answer = in_desk(scene)
    assert (answer.width_px, answer.height_px) == (64, 48)
    estimator = Estimator(SPEC, FakeSession(), EstimateOptions(input_size_px=96))
    with ImageFile(PHOTO) as file:
        wanted = FakeSession().run(estimator.prepare(estimator.decode(file)))[0]
    np.testing.assert_array_equal(answer.value, wanted)


def test_answer_that_is_no_number_is_an_error_also_when_raw(loads: Loads) -> None:
    async def scene(engine: InferenceEngine) -> None:
        loads.session.nan = True
        with engine.reserve("a") as reservation:
            with pytest.raises(InferenceError, match="NaN or infinity"):
                await engine.raw(PHOTO, reservation=reservation, make=lambda raw: raw)
            with pytest.raises(InferenceError, match="NaN or infinity"):
                await engine.depth(PHOTO, reservation=reservation, make=lambda depth: depth)

    in_desk(scene)
