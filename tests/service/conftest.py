"""A service whose network is a fake, shared by the tests of a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nearfar.runtimes.onnx import OnnxSession
from tests.picturefiles import noise, saved
from tests.service.clips import FRAMES
from tests.service.network import Network
from tests.service.served import Served, served
from tests.video.clips import picture, write_clip


@pytest.fixture(scope="module")
def module_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    network = Network()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFAR_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(OnnxSession, "run", lambda _, batch: network.run(batch))
        yield network


@pytest.fixture
def network(module_network: Network) -> Iterator[Network]:
    """What runs in the place of ONNX Runtime; as new for each test."""
    yield module_network
    module_network.error = None
    module_network.let_go()


@pytest.fixture(scope="module")
def module_service(module_network: Network) -> Iterator[Served]:
    with served(workers=2) as service:
        yield service


@pytest.fixture
def service(
    module_service: Served, network: Network, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A service with two workers that all tests of a file share, none of them short of memory."""
    yield module_service
    monkeypatch.setattr("nearfar.service.memory_pressure.HELD_S", 0.0)
    assert not module_service.app.state.shortage.is_there()


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A small JPEG."""
    return saved(noise(48, 64), "JPEG")


@pytest.fixture
def street() -> Path:
    return Path(__file__).parent.parent.parent / "examples" / "street.jpg"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Half a second of 64 x 48 pixels, with sound."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return write_clip(path, [picture(each) for each in range(FRAMES)], sound="aac").read_bytes()


@pytest.fixture
def small(module_network: Network, network: Network) -> Callable[..., Any]:
    """Gives services with settings of their own."""
    return served
