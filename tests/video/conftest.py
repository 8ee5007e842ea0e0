"""A model without a runtime, and the size that it is fed."""

import pytest

from nearfar.estimator import Estimator
from nearfar.models.spec import InputSpec, ModelSpec, OutputSpec
from tests.fakes import FakeSession

SPEC = ModelSpec(
    name="fake",
    file="fake.onnx",
    sha256="0" * 64,
    size_bytes=1,
    licence="MIT",
    origin="tests",
    urls=(),
    input=InputSpec(32, 32, 8, "lower_bound", interpolation="area"),
    output=OutputSpec(zero="free", interpolation="linear"),
)


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def estimator(session: FakeSession) -> Estimator:
    return Estimator(SPEC, session)
