"""Which commands want the model of photos, and which that of streams."""

import shutil
from pathlib import Path

import pytest

from nearfar.errors import ModelMissingError
from nearfar.models.catalog import Purpose
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from tests.cli.conftest import Run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Purpose]]:
    """What models were asked for; none is given, so that each command ends there."""
    asked: list[tuple[str, Purpose]] = []

    def candidates(_: ModelRegistry, name: str, purpose: Purpose) -> tuple[ModelSpec, ...]:
        asked.append((name, purpose))
        raise ModelMissingError("no model for this test")

    monkeypatch.setattr(ModelRegistry, "candidates", candidates)
    return asked


@pytest.fixture
def here(tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two photos, and a data set, as the working directory."""
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "trip").mkdir(exist_ok=True)
        shutil.copy(examples / "pet.jpg", tmp_path / "trip" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "estimate trip/a.jpg",
        "effect bokeh trip/a.jpg",
        "cloud trip/a.jpg",
        "mesh trip/a.jpg",
        "probe trip/a.jpg 3,4",
        "serve --port 0",
    ],
)
@pytest.mark.usefixtures("here")
def test_one_photo_gets_the_model_of_photos(
    run: Run, asked: list[tuple[str, Purpose]], words: str
) -> None:
    assert run(*words.split()).status == 1
    assert asked == [("auto", "photo")]


@pytest.mark.parametrize(
    "words",
    [
        "estimate trip",
        "estimate trip/a.jpg trip/b.jpg",
        "estimate trip/*.jpg",
        "effect bokeh trip",
        "effect bokeh trip/a.jpg trip/b.jpg",
        "video trip/clip.mp4",
        "live 0",
        "batch trip maps",
    ],
)
@pytest.mark.usefixtures("here")
def test_many_pictures_get_the_model_of_streams(
    run: Run, asked: list[tuple[str, Purpose]], words: str
) -> None:
    if words.startswith("batch"):
        pytest.importorskip("ray")
    assert run(*words.split()).status == 1
    assert asked == [("auto", "stream")]


@pytest.mark.usefixtures("here")
def test_a_model_that_is_named_is_that_one(run: Run, asked: list[tuple[str, Purpose]]) -> None:
    run("estimate", "trip", "-m", "midas-small")
    assert asked == [("midas-small", "stream")]
