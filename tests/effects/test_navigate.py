import json
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.effects._ground.occupancy_grid import FREE, OCCUPIED, UNKNOWN, OccupancyGrid
from nearfar.effects.navigate import EFFECT, NavigateOptions, NavigationPlan, navigate
from nearfar.errors import UsageError

WIDTH, HEIGHT = 320, 320
FOCAL = WIDTH / 2 / math.tan(math.radians(30))


def room(
    *, box: tuple[float, float, float] | None, wall_m: float = 9.0, pitch_deg: float = 0.0
) -> DepthMap:
    """A floor 1 m below the camera, a wall ahead, and a box: left end, right end, distance.

    The box is 0.8 m high. The map is in arbitrary units, with an arbitrary shift.
    """
    x = (np.arange(WIDTH)[None] + 0.5 - WIDTH / 2) / FOCAL
    y = (np.arange(HEIGHT)[:, None] + 0.5 - HEIGHT / 2) / FOCAL
    pitch = math.radians(pitch_deg)
    down = y * math.cos(pitch) + math.sin(pitch) + 0 * x
    ahead = math.cos(pitch) - y * math.sin(pitch) + 0 * x
    inverse = np.maximum(down, ahead / wall_m)  # 1 / Z of the floor and of the wall
    if box is not None:
        left, right, far = box
        z = far / ahead  # Z of the box's front along each ray
        there = (x * z >= left) & (x * z <= right) & (down * z >= 0.2) & (down * z <= 1)
        inverse = np.where(there, 1 / z, inverse)
    return DepthMap((5 * inverse + 3).astype(np.float32))


def plan_of(depth: DepthMap, **values: object) -> NavigationPlan:
    photo = np.full((*depth.inverse_depth.shape, 3), 128, np.uint8)
    return navigate(photo, depth, NavigateOptions.of(**values))


def test_an_empty_floor_is_free_straight_ahead() -> None:
    plan = plan_of(room(box=None))
    assert plan.floor_found
    assert plan.heading_deg == pytest.approx(0, abs=0.1)
    assert all(sector.is_free for sector in plan.sectors)
    assert plan.pitch_deg == pytest.approx(0, abs=0.5)
    assert plan.grid is None


@pytest.mark.parametrize(("left", "right", "side"), [(-0.9, 0.2, 1), (-0.2, 0.9, -1)])
def test_the_heading_leads_past_an_obstacle(left: float, right: float, side: int) -> None:
    plan = plan_of(room(box=(left, right, 2.4)), sectors=5, camera_height_m=1.0)
    assert plan.heading_deg is not None
    rim_deg = side * math.degrees(math.atan(0.2 / 2.4))
    assert side * plan.heading_deg > side * rim_deg  # past the box's nearer corner
    assert not plan.sectors[2].is_free
    assert plan.sectors[2].reach_m == pytest.approx(2.4, rel=0.05)
    assert plan.sectors[4 if side > 0 else 0].is_free


def test_a_wall_close_by_leaves_no_way() -> None:
    plan = plan_of(room(box=(-5, 5, 2.6)))
    assert plan.floor_found
    assert plan.heading_deg is None
    assert not any(sector.is_free for sector in plan.sectors)


@pytest.mark.parametrize("height_m", [0.5, 1.0])
def test_cells_lie_at_the_right_metres(height_m: float) -> None:
    # lengths of the scene are in heights of the camera
    plan = plan_of(room(box=(-0.8, 0.2, 2.4)), camera_height_m=height_m, cell_m=0.05)
    grid = plan.grid
    assert grid is not None
    rows, columns = np.nonzero(grid.cells == OCCUPIED)
    x_m = (columns + 0.5) * grid.resolution_m + grid.origin_m[0]
    y_m = (rows + 0.5) * grid.resolution_m + grid.origin_m[1]
    box = x_m < 4 * height_m
    assert np.abs(x_m[box] - 2.4 * height_m).max() <= 0.075
    assert y_m[box].max() == pytest.approx(0.8 * height_m, abs=0.1)  # y is to the left
    assert y_m[box].min() == pytest.approx(-0.2 * height_m, abs=0.1)
    assert grid.at(2.0 * height_m, 0.0) == FREE
    assert grid.at(2.0 * height_m, 0.5 * height_m) == FREE
    assert grid.at(3.0 * height_m, -0.8 * height_m) == FREE
    assert grid.at(3.2 * height_m, 0.0) == UNKNOWN  # behind the box
    assert grid.at(0.2 * height_m, 0.0) == UNKNOWN  # below the picture


def test_a_camera_that_looks_down_measures_as_well() -> None:
    depth = room(box=(-0.5, 0.5, 2.5), pitch_deg=20)
    plan = plan_of(depth, camera_height_m=1.0, pitch_deg=20.0, sectors=3)
    assert plan.sectors[1].reach_m == pytest.approx(2.5, rel=0.05)
    assert plan.grid is not None
    x_m = (np.nonzero(plan.grid.cells == OCCUPIED)[1] + 0.5) * plan.grid.resolution_m
    assert np.abs(x_m - 2.5).min() <= 0.05


def test_without_a_floor_it_says_so() -> None:
    depth = np.full((HEIGHT, WIDTH), 1, np.float32)
    depth[:, 220:] = 2
    plan = plan_of(DepthMap(depth), camera_height_m=1.0, sectors=3)
    assert not plan.floor_found
    assert plan.heading_deg is None
    assert plan.grid is None
    assert plan.floor_share == 0
    assert [sector.is_free for sector in plan.sectors] == [True, True, False]
    assert all(sector.reach is None for sector in plan.sectors)
    assert plan.values()["missing"] == "hidden"


@pytest.mark.parametrize(
    ("depth", "missing"),
    [
        (np.ones((60, 80)), "flat"),
        (np.tile(np.linspace(2, 1, 60)[:, None], (1, 80)), "upside_down"),
    ],
)
def test_it_says_why_no_floor_is_found(depth: NDArray[np.float64], missing: str) -> None:
    assert plan_of(DepthMap(depth.astype(np.float32))).missing == missing


def test_floor_is_found_beside_a_box_that_hides_most_of_it() -> None:
    scene = room(box=None).inverse_depth.copy()
    scene[100:, 90:] = scene[-1, 0] + 1  # an upright thing, nearer than all floor
    plan = plan_of(DepthMap(scene), sectors=4)
    assert plan.floor_found
    assert plan.floor_share == pytest.approx(90 * 160 / 320**2, rel=0.3)
    assert not plan.sectors[-1].is_free


def test_values_are_json() -> None:
    plan = plan_of(room(box=(-0.5, 0.5, 2.5)), camera_height_m=0.3)
    values = json.loads(json.dumps(plan.values()))
    assert values["floor_found"] is True
    assert values["missing"] is None
    assert "water" in values["cannot_tell"]
    assert len(values["sectors"]) == 5
    assert values["sectors"][0]["from_deg"] == -30
    assert values["sectors"][-1]["to_deg"] == 30


def test_the_overlay_shows_the_floor_and_leaves_the_photo() -> None:
    depth = room(box=None)
    photo = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    plan = navigate(photo, depth, NavigateOptions())
    assert np.all(photo == 128)
    assert np.array_equal(plan.pixels[:60], photo[:60])  # wall
    red, green, _ = plan.pixels[250, 40].astype(int)
    assert green > 128 > red


def test_the_map_is_what_map_server_reads() -> None:
    cells = np.array([[FREE, OCCUPIED, UNKNOWN], [UNKNOWN, UNKNOWN, FREE]], np.int8)
    grid = OccupancyGrid(cells, 0.1, (0.0, -0.1))
    picture = cv2.imdecode(np.frombuffer(grid.pgm(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    # map_server: p = (255 - value) / 255; over 0.65 occupied, under 0.196 free; y grows upwards
    p = (255 - picture[::-1].astype(float)) / 255
    assert np.array_equal(np.where(p > 0.65, 100, np.where(p < 0.196, 0, -1)), cells)
    lines = dict(line.split(": ", 1) for line in grid.yaml("room.pgm").splitlines())
    assert lines == {
        "image": "room.pgm",
        "resolution": "0.1",
        "origin": "[0, -0.1, 0]",
        "negate": "0",
        "occupied_thresh": "0.65",
        "free_thresh": "0.196",
    }


def test_a_map_of_too_many_cells_is_refused() -> None:
    with pytest.raises(UsageError, match="raise cell_m"):
        NavigateOptions(cell_m=0.005, range_m=100)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 7), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_size_and_depth(height: int, width: int, sectors: int, rough: bool) -> None:
    shape = height, width
    values = np.random.default_rng(1).random(shape) if rough else np.ones(shape)
    plan = EFFECT.apply(
        np.zeros((height, width, 3), np.uint8),
        DepthMap(values.astype(np.float32)),
        NavigateOptions(sectors=sectors, camera_height_m=1.0),
    )
    assert plan.pixels.shape == (height, width, 3)
    assert len(plan.sectors) == sectors
    json.dumps(plan.values(), allow_nan=False)
