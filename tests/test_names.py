"""Names of results are never longer than a file system takes."""

import os
from pathlib import Path

import pytest

from nearfar.config import OutputOptions
from nearfar.effects import EFFECTS
from nearfar.effects.export import result_stem, suffixes_of
from nearfar.errors import UsageError
from nearfar.io.paths import beside, fit_stem
from nearfar.jobs import place

STEMS = ["a" * 251, "照" * 83, "é" * 125, "a" * 239, "b" * 240, "\udcff" * 250, "照" * 80 + "x"]


@pytest.mark.parametrize("stem", STEMS)
def test_a_long_name_is_cut_and_marked(stem: str) -> None:
    options = OutputOptions(color=True, side_by_side=True)
    outputs = place(Path(f"{stem}.jpg"), None, options, many=True)
    for path in outputs.paths():
        assert len(os.fsencode(path.name)) <= 255
        assert path.name.startswith(stem[:70])
    other = place(Path(f"{stem}y.jpg"), None, options, many=True)
    assert not set(other.paths()) & set(outputs.paths())
    assert place(Path(f"{stem}.png"), None, options, many=True) == outputs


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert fit_stem("a" * 239, 16) == "a" * 239
    assert fit_stem("a" * 240, 16) == "a" * 230 + "-" + fit_stem("a" * 240, 16)[-8:]
    assert beside("trip/a.b.jpg", "-cloud.ply") == Path("trip/a.b-cloud.ply")


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: str(effect.name))
def test_results_of_effects_fit_too(effect: object) -> None:
    for stem in STEMS:
        name = result_stem(stem, effect, effect.options())  # type: ignore[arg-type, attr-defined]
        for suffix in suffixes_of(effect):  # type: ignore[arg-type]
            assert len(os.fsencode(name + suffix)) <= 255


@pytest.mark.parametrize("source", ["", ".", "/", "..", "a/.."])
def test_what_has_no_name_is_told_in_a_line(source: str) -> None:
    with pytest.raises(UsageError, match="is not a photo: use the path of a file"):
        beside(source, "-mesh.glb")
