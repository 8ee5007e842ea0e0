"""Results as files: names, formats, and all or nothing."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from nearfar.depth import DepthMap
from nearfar.effects import EFFECTS, Clip, NavigationPlan, Picture, Sound, find
from nearfar.effects._ground.occupancy_grid import OccupancyGrid
from nearfar.effects._ground.phrases import plan_in_words
from nearfar.effects.base import fitted
from nearfar.effects.export import (
    FORMATS,
    default_suffix,
    encode_result,
    kinds_of,
    result_stem,
    suffixes_of,
    write_result,
)
from nearfar.effects.navigate import Sector
from nearfar.effects.stereo import StereoOptions
from nearfar.errors import OutputExistsError, UsageError


def plan(*, heading_deg: float | None = -12.0, floor: bool = True) -> NavigationPlan:
    sectors = (Sector(-30, 0, 0.2, 5.0, 7.5, True), Sector(0, 30, 0.9, 1.0, 1.5, False))
    grid = OccupancyGrid(np.zeros((4, 6), np.int8), 0.05, (0.0, -0.1))
    pixels = np.zeros((8, 10, 3), np.uint8)
    return NavigationPlan(sectors, heading_deg, floor, 0.4, 3.0, grid, pixels)


def test_every_effect_has_its_formats_and_its_name() -> None:
    assert len({effect.name for effect in EFFECTS}) == len(EFFECTS) == 13
    for effect in EFFECTS:
        assert find(effect.name) is effect
        assert set(kinds_of(effect)) <= FORMATS.keys()
        assert suffixes_of(effect)
    with pytest.raises(UsageError, match="bokeh, rack-focus"):
        find("blur")


def test_defaults_and_names() -> None:
    assert default_suffix(Picture(np.zeros((2, 2, 3), np.uint8))) == ".jpg"
    assert default_suffix(Picture(np.zeros((2, 2, 4), np.uint8))) == ".png"
    assert default_suffix(Clip(iter(()), 0, 25.0)) == ".mp4"
    assert default_suffix(Sound(np.zeros((2, 2), np.float32), 8000)) == ".wav"
    assert default_suffix(plan()) == ".json"
    stereo = find("stereo")
    assert result_stem("a", stereo, StereoOptions(layout="tb")) == "a-stereo_TBF_fulltb"
    assert result_stem("a", find("fog"), find("fog").options()) == "a-fog"


def test_plan_becomes_files_that_belong_together(tmp_path: Path) -> None:
    paths = write_result(plan(), tmp_path / "a.json")
    assert [path.name for path in paths] == ["a.json", "a.jpg", "a.pgm", "a.yaml"]
    assert json.loads(paths[0].read_text())["heading_deg"] == -12
    with PIL.Image.open(paths[2]) as grid:
        assert grid.size == (6, 4)
    assert "image: a.pgm\n" in paths[3].read_text()
    for path in paths[:-1]:
        path.unlink()
    with pytest.raises(OutputExistsError, match="yaml"):
        write_result(plan(), tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_plan_in_one_file() -> None:
    assert len(json.loads(encode_result(plan(), ".json"))["grid"]["cells"]) == 4
    names = zipfile.ZipFile(io.BytesIO(encode_result(plan(), ".zip"))).namelist()
    assert names == [f"navigate.{suffix}" for suffix in ("json", "jpg", "pgm", "yaml")]
    with pytest.raises(UsageError, match=r"\.mp4.*\.json"):
        encode_result(plan(), ".mp4")


def test_plan_in_words() -> None:
    words = plan_in_words(plan())
    assert (
        words["en"]
        == "turn 12° to the left; -30° to +0°: free, 7.5 m; +0° to +30°: blocked, 1.5 m;"
        " flat water, ice, glass and steps down can look like floor"
    )
    assert words["zh"].startswith("向左转 12°；")
    assert plan_in_words(plan(heading_deg=None))["en"].startswith("no way is free: stop")
    assert plan_in_words(plan(heading_deg=1.0))["zh"].startswith("直行")
    assert plan_in_words(plan(floor=False))["en"].startswith("no floor")
    assert "water" not in plan_in_words(plan(floor=False))["en"]


@pytest.mark.parametrize("longest_px", [None, 5, 40])
def test_photo_and_map_fit_each_other(longest_px: int | None) -> None:
    photo, depth = np.zeros((6, 10, 3), np.uint8), DepthMap(np.ones((12, 20), np.float32), "m")
    small, shallow = fitted(photo, depth, longest_px)
    assert small.shape[:2] == shallow.inverse_depth.shape
    assert shallow.size_px == ((5, 3) if longest_px == 5 else (20, 12))
