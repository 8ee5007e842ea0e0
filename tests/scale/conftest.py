"""A service on Ray that all tests of a session share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.picturefiles import noise, saved
from tests.scale.filenetwork import FileNetwork
from tests.scale.onray import OnRay, on_ray

OPTIONS = ("--replicas", "2", "--workers", "1", "--queue", "8", "--per-client", "100")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("onray")


@pytest.fixture(scope="session")
def session_service(folder: Path) -> Iterator[OnRay]:
    pytest.importorskip("ray.serve")
    with on_ray(folder, *OPTIONS) as service:
        yield service


@pytest.fixture
def network(folder: Path) -> Iterator[FileNetwork]:
    """What runs in the place of ONNX Runtime, in every replica; as new for each test."""
    network = FileNetwork(folder)
    yield network
    network.error = None
    network.let_go()


@pytest.fixture
def service(session_service: OnRay, network: FileNetwork) -> OnRay:
    """A service of two replicas with one worker each."""
    return session_service


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A small JPEG."""
    return saved(noise(48, 64), "JPEG")
