import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.calibration import Calibration, KnownPoint, fit_camera_height, fit_points, fit_range
from nearfar.depth import DepthMap
from nearfar.errors import CalibrationError, PointError


def floats(values: object) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def columns(*values: float, height_px: int = 9, wide_px: int = 9) -> DepthMap:
    """Make a map of upright bands, each wider than the window that points are read in."""
    return DepthMap(np.repeat(floats([values]), wide_px, axis=1).repeat(height_px, axis=0))


# Applying


def test_apply_by_hand() -> None:
    # 1 / metres = 0.5 d - 1
    metric = Calibration(0.5, -1.0, "by hand").apply(
        DepthMap(floats([[4, 3], [2, 0]]), "midas-small")
    )
    np.testing.assert_array_equal(metric.metres, floats([[1, 2], [np.inf, np.inf]]))
    assert metric.model == "midas-small"
    assert metric.assumption == "by hand"


@pytest.mark.parametrize(
    ("scale", "shift"), [(0, 1), (-1, 1), (math.nan, 0), (math.inf, 0), (1, math.inf)]
)
def test_a_calibration_never_turns_near_and_far_round(scale: float, shift: float) -> None:
    with pytest.raises(CalibrationError, match="scale must be over 0"):
        Calibration(scale, shift)


def test_a_calibration_serves_the_next_picture() -> None:
    first, second = columns(1, 3), columns(2, 5)
    calibration = fit_points(first, [KnownPoint(4, 4, 4), KnownPoint(13, 4, 1)])
    # 1/4 = s + t and 1 = 3 s + t: s = 0.375, t = -0.125
    assert calibration.apply(second).at(4, 4) == pytest.approx(1 / 0.625)
    assert calibration.apply(second).at(13, 4) == pytest.approx(1 / 1.75)


# Points


def test_two_points_by_hand() -> None:
    calibration = fit_points(columns(1, 3), [KnownPoint(4, 4, 4.0), KnownPoint(13, 4, 1.0)])
    assert calibration.scale == pytest.approx(0.375)
    assert calibration.shift == pytest.approx(-0.125)
    assert calibration.assumption == "2 points of known distance, 1 to 4 m"


def test_many_points_are_fitted_by_least_squares_in_inverse_distance() -> None:
    depth = columns(0, 1, 2)
    points = [KnownPoint(4, 4, 2.0), KnownPoint(13, 4, 1.0), KnownPoint(22, 4, 1 / 1.8)]
    # the line through (0, 0.5), (1, 1), (2, 1.8): slope 0.65, mean 1.1
    calibration = fit_points(depth, points)
    assert calibration.scale == pytest.approx(0.65)
    assert calibration.shift == pytest.approx(0.45)


@given(
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(0, 10),
    low=st.floats(0, 10),
    step=st.floats(0.1, 10),
)
def test_any_affine_map_is_undone(scale: float, shift: float, low: float, step: float) -> None:
    depth = columns(low, low + step)
    near, far = (1 / (scale * depth.at(x, 4) + shift + 1e-3) for x in (13, 4))
    metric = fit_points(depth, [KnownPoint(4, 4, far), KnownPoint(13, 4, near)]).apply(depth)
    assert metric.at(4, 4) == pytest.approx(far, rel=1e-3)
    assert metric.at(13, 4) == pytest.approx(near, rel=1e-3)


def test_a_noisy_pixel_at_a_point_does_no_harm() -> None:
    values = columns(1, 3).inverse_depth.copy()
    values[4, 4] = 100
    values[0, 17] = 50  # in a corner the window is smaller
    points = [KnownPoint(4, 4, 4.0), KnownPoint(17, 0, 1.0)]
    assert fit_points(DepthMap(values), points).scale == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "two points"),
        ([(4, 4, 1.0)], "two points"),
        ([(4, 4, 1.0), (13, 4, 0.0)], "0 m is no distance"),
        ([(4, 4, 1.0), (13, 4, -2.0)], "-2 m is no distance"),
        ([(4, 4, 1.0), (13, 4, math.inf)], "inf m is no distance"),
        ([(4, 4, 1.0), (13, 4, math.nan)], "nan m is no distance"),
        ([(4, 4, 1.0), (5, 5, 2.0)], "the same depth"),
        ([(4, 4, 2.0), (13, 4, 2.0)], "the same distance"),
        ([(4, 4, 1.0), (13, 4, 2.0)], "check their distances"),
    ],
)
def test_points_that_do_not_determine_metres(
    points: list[tuple[int, int, float]], message: str
) -> None:
    with pytest.raises(CalibrationError, match=message):
        fit_points(columns(1, 3), [KnownPoint(*point) for point in points])


def test_a_point_outside_is_refused() -> None:
    with pytest.raises(PointError, match="18,0 is outside"):
        fit_points(columns(1, 3), [KnownPoint(4, 4, 1.0), KnownPoint(18, 0, 2.0)])


# Range


def test_range_by_hand() -> None:
    depth = columns(1, 2, 3)
    metric = fit_range(depth, 1, 4).apply(depth)
    assert metric.at(22, 4) == pytest.approx(1)
    assert metric.at(4, 4) == pytest.approx(4)
    assert metric.at(13, 4) == pytest.approx(1.6)  # half way from 1/4 to 1
    assert metric.assumption == "nearest pixel at 1 m, farthest at 4 m"


@given(
    low=st.floats(0, 1e4, width=32),
    span=st.floats(0.0009765625, 1e4, width=32),
    near_m=st.floats(0.01, 100),
)
def test_a_range_may_end_at_infinity(low: float, span: float, near_m: float) -> None:
    depth = columns(low, low + span)
    if depth.at(4, 4) == depth.at(13, 4):
        return
    metric = fit_range(depth, near_m, math.inf).apply(depth)
    assert metric.at(4, 4) == math.inf
    assert metric.at(13, 4) == pytest.approx(near_m, rel=1e-5)


@pytest.mark.parametrize(
    ("near_m", "far_m"),
    [(0, 1), (-1, 1), (2, 2), (3, 2), (math.nan, 2), (1, math.nan), (math.inf, math.inf)],
)
def test_ranges_that_make_no_sense(near_m: float, far_m: float) -> None:
    with pytest.raises(CalibrationError, match="a range from"):
        fit_range(columns(1, 2), near_m, far_m)


def test_a_range_needs_depth() -> None:
    with pytest.raises(CalibrationError, match="same everywhere"):
        fit_range(columns(2, 2), 1, 5)


# Floor


@dataclass(frozen=True)
class Room:
    """A floor, a wall across the view and two boxes, seen by a pinhole camera."""

    height_m: float
    pitch_deg: float = 0.0
    fov_deg: float = 60.0
    roll_deg: float = 0.0
    width_px: int = 320
    height_px: int = 240

    def render(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give Z in units of the view axis, and which pixels are floor; both (H, W)."""
        focal_px = self.width_px / 2 / math.tan(math.radians(self.fov_deg) / 2)
        columns_px, rows_px = np.meshgrid(np.arange(self.width_px), np.arange(self.height_px))
        x = (columns_px + 0.5 - self.width_px / 2) / focal_px
        y = (rows_px + 0.5 - self.height_px / 2) / focal_px
        rays = np.stack((x, y, np.ones_like(x)), axis=-1)
        pitch, roll = math.radians(self.pitch_deg), math.radians(self.roll_deg)
        down = np.array(
            (
                math.sin(roll) * math.cos(pitch),
                math.cos(roll) * math.cos(pitch),
                math.sin(pitch),
            )
        )
        ahead = np.array((0, 0, 1)) - math.sin(pitch) * down
        ahead /= np.linalg.norm(ahead)
        aside = rays @ np.cross(down, ahead)
        with np.errstate(divide="ignore"):
            z = np.where(rays @ down > 0, self.height_m / (rays @ down), np.inf)
            wall = np.where(rays @ ahead > 0, 8 * self.height_m / (rays @ ahead), np.inf)
        floor = z <= wall
        z = np.minimum(z, wall)
        for distance, left, right, top in ((3, -1.3, -0.5, 0.6), (4.5, 0.3, 1.4, 0.8)):
            front = distance * self.height_m / (rays @ ahead)
            along = aside * front / self.height_m
            up = 1 - (rays @ down) * front / self.height_m
            box = (left < along) & (along < right) & (up > 0) & (up < top)
            box &= (front > 0) & (front < z)
            z = np.where(box, front, z)
            floor &= ~box
        return z, floor


ROOMS = [
    Room(1.5),
    Room(1.5, pitch_deg=10),
    Room(0.4, pitch_deg=5, fov_deg=75),
    Room(10, pitch_deg=25),
    Room(1.7, pitch_deg=-5, fov_deg=90),
    Room(2.5, pitch_deg=40),
    Room(1.5, pitch_deg=10, roll_deg=5),
    Room(1.2, pitch_deg=15, fov_deg=40),
    Room(1.5, pitch_deg=10, width_px=240, height_px=320),
]


@pytest.mark.parametrize("room", ROOMS, ids=str)
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (700.0, 35.0), (0.02, 0.001)])
def test_the_cameras_height_gives_metres(room: Room, scale: float, shift: float) -> None:
    z, _ = room.render()
    depth = DepthMap(floats(scale / z + shift))
    calibration = fit_camera_height(
        depth, room.height_m, fov_deg=room.fov_deg, pitch_deg=room.pitch_deg
    )
    assert calibration.scale == pytest.approx(1 / scale, rel=0.01)
    np.testing.assert_allclose(calibration.apply(depth).metres, z, rtol=0.01)


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_noise_moves_metres_little(room: Room) -> None:
    z, _ = room.render()
    inverse = 3 / z + 0.2 * (3 / z).max()
    noise = np.random.default_rng(1).normal(0, 0.01 * np.ptp(inverse), z.shape)
    calibration = fit_camera_height(
        DepthMap(floats(np.maximum(inverse + noise, 0))),
        room.height_m,
        fov_deg=room.fov_deg,
        pitch_deg=room.pitch_deg,
    )
    metric = calibration.apply(DepthMap(floats(inverse)))
    np.testing.assert_allclose(metric.metres, z, rtol=0.02)


def test_twice_the_height_is_twice_the_distance() -> None:
    depth = DepthMap(floats(1 / Room(1.5, pitch_deg=10).render()[0]))
    once = fit_camera_height(depth, 1.5, pitch_deg=10).apply(depth).metres
    twice = fit_camera_height(depth, 3.0, pitch_deg=10).apply(depth).metres
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-5)


def test_a_mask_finds_a_small_floor() -> None:
    room = Room(1.5, pitch_deg=-12)
    z, floor = room.render()
    depth = DepthMap(floats(5 / z + 1))
    assert 0.02 < floor.mean() < 0.15
    with pytest.raises(CalibrationError, match="beyond infinity: check the pitch"):
        fit_camera_height(depth, 1.5, pitch_deg=-12)
    metric = fit_camera_height(depth, 1.5, pitch_deg=-12, floor=floor).apply(depth)
    np.testing.assert_allclose(metric.metres, z, rtol=0.01)


@pytest.mark.parametrize(
    ("pitch_deg", "words"),
    [
        (0, "camera 1.50 m over a flat floor, 60 deg wide, level"),
        (10, "camera 1.50 m over a flat floor, 60 deg wide, tilted 10 deg down"),
        (-3.5, "camera 1.50 m over a flat floor, 60 deg wide, tilted 3.5 deg up"),
    ],
)
def test_the_assumption_is_said(pitch_deg: float, words: str) -> None:
    z, floor = Room(1.5, pitch_deg=pitch_deg).render()
    depth = DepthMap(floats(1 / z))
    assert fit_camera_height(depth, 1.5, pitch_deg=pitch_deg, floor=floor).assumption == words


def test_a_ceiling_is_no_floor() -> None:
    z, _ = Room(2.5, pitch_deg=40).render()
    with pytest.raises(CalibrationError, match="like a ceiling"):
        fit_camera_height(DepthMap(floats(1 / z[::-1])), 1.5)
    with pytest.raises(CalibrationError, match="near and far are swapped"):
        fit_camera_height(DepthMap(floats(z)), 1.5)


@pytest.mark.parametrize(
    "values",
    [
        np.ones((40, 40)),
        np.tile(np.linspace(0, 1, 40), (40, 1)),  # a wall seen along its length
        np.random.default_rng(3).random((40, 40)),
        np.ones((1, 1)),
        np.ones((2, 1)),
    ],
    ids=["flat", "side wall", "noise", "one pixel", "two pixels"],
)
def test_what_is_no_floor_is_refused(values: NDArray[np.float64]) -> None:
    with pytest.raises(CalibrationError, match="floor"):
        fit_camera_height(DepthMap(floats(values)), 1.5)


def test_numbers_out_of_range_are_refused() -> None:
    depth = columns(1, 2)
    for height_m in (0, -1, math.inf, math.nan):
        with pytest.raises(CalibrationError, match="over the floor: give more than 0"):
            fit_camera_height(depth, height_m)
    for fov_deg in (0, 180, math.nan):
        with pytest.raises(CalibrationError, match="field of view"):
            fit_camera_height(depth, 1.5, fov_deg=fov_deg)
    for pitch_deg in (-90, 90, math.nan):
        with pytest.raises(CalibrationError, match="pitch"):
            fit_camera_height(depth, 1.5, pitch_deg=pitch_deg)
    with pytest.raises(CalibrationError, match="mask has shape"):
        fit_camera_height(depth, 1.5, floor=np.ones((3, 3), bool))
    with pytest.raises(CalibrationError, match="fewer than three"):
        fit_camera_height(depth, 1.5, floor=np.zeros(depth.inverse_depth.shape, bool))


@pytest.mark.parametrize("near_m", [1e-300, 1e-40, 1e-9])
def test_distances_that_no_map_can_hold_are_refused(near_m: float) -> None:
    ramp = DepthMap(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), "test")
    with pytest.raises(CalibrationError, match="larger distances"):
        fit_range(ramp, near_m, 5.0).apply(ramp)
