from collections.abc import Iterator

import numpy as np
import pytest

from nearfar.imaging.optical_flow import to_gray
from nearfar.io.images import Image
from nearfar.video.flicker import Flicker
from nearfar.video.temporal import Map, Raw, SceneCuts, Stabilized, stabilize

SHAPE = (96, 128)


def texture(seed: int = 0) -> Image:
    import cv2

    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (24, 32, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def ramp() -> Map:
    return np.repeat(np.linspace(0, 4, SHAPE[0], dtype=np.float32)[:, None], SHAPE[1], axis=1)


def run(
    photos: list[Image], raws: list[Map], *, ahead: int = 0, smooth: bool = False
) -> list[Stabilized[int]]:
    frames = (
        Raw(number, photo, raw, number / 25)
        for number, (photo, raw) in enumerate(zip(photos, raws, strict=True))
    )
    return list(stabilize(frames, ahead=ahead, smooth=smooth))


def with_object(nearness: float) -> Map:
    scene = ramp()
    scene[:, -SHAPE[1] // 3 :] = nearness
    return scene


def test_every_frame_comes_out_in_order() -> None:
    for frames, ahead in [(0, 3), (1, 3), (2, 3), (7, 3), (7, 0)]:
        done = run([texture()] * frames, [ramp()] * frames, ahead=ahead)
        assert [each.ticket for each in done] == list(range(frames))


def test_no_more_frames_are_held_than_asked() -> None:
    taken = 0

    def source() -> Iterator[Raw[int]]:
        nonlocal taken
        for taken in range(100):
            yield Raw(taken, texture(), ramp(), taken / 25)

    for each in stabilize(source(), ahead=5, smooth=False):
        assert taken - each.ticket <= 5


def test_limits_widen_before_the_object_comes() -> None:
    photos, raws = [texture()] * 40, [ramp()] * 20 + [with_object(6)] * 20

    blind = run(photos, raws)
    seeing = run(photos, raws, ahead=12)

    assert blind[19].limits.high == pytest.approx(blind[0].limits.high, rel=0.01)
    assert seeing[19].limits.high > blind[25].limits.high
    highs = [each.limits.high for each in seeing]
    widths = [each.limits.high - each.limits.low for each in seeing]
    assert np.abs(np.diff(highs)).max() <= 0.05 * max(widths)


def test_scale_and_shift_of_each_frame_do_not_show() -> None:
    random = np.random.default_rng(1)
    raws = [
        np.asarray(ramp() * random.uniform(0.8, 1.2) + random.uniform(-1, 1), np.float32)
        for _ in range(30)
    ]
    shown = [each.limits.spread(each.raw) for each in run([texture()] * 30, raws, ahead=8)]
    for other in shown:
        np.testing.assert_allclose(other, shown[0], atol=0.02)


@pytest.mark.parametrize("smooth", [False, True])
def test_cut_resets_the_range(smooth: bool) -> None:
    photos = [texture(0)] * 15 + [texture(1)] * 15
    raws = [ramp()] * 15 + [np.asarray(ramp()[::-1] * 7 + 3, np.float32)] * 15

    done = run(photos, raws, ahead=6, smooth=smooth)
    alone = run(photos[15:], raws[15:], ahead=6, smooth=smooth)

    assert [each.ticket for each in done if each.limits.is_new] == [0, 15]
    assert done[15].limits == alone[0].limits
    np.testing.assert_array_equal(done[15].raw, raws[15])
    assert done[14].limits == pytest.approx((*done[0].limits[:2], 0))


def test_a_network_that_changes_its_mind_is_no_cut() -> None:
    raws = [ramp(), np.asarray(ramp()[::-1], np.float32)] * 5
    done = run([texture()] * 10, raws)
    assert [each.ticket for each in done if each.limits.is_new] == [0]


def test_brightness_alone_is_no_cut() -> None:
    cuts, grey = SceneCuts(), to_gray(texture(), SHAPE)
    assert cuts.is_same_scene(grey)
    assert cuts.is_same_scene(np.asarray(grey // 2, np.uint8))
    assert not cuts.is_same_scene(to_gray(texture(5), SHAPE))


def test_smoothing_takes_away_flicker() -> None:
    random = np.random.default_rng(2)
    wide = np.concatenate([texture(3), texture(4)], axis=1)
    photos = [np.ascontiguousarray(wide[:, 2 * n : 2 * n + SHAPE[1]]) for n in range(20)]
    noise = [np.kron(random.normal(0, 0.15, (12, 16)), np.ones((8, 8))) for _ in range(20)]
    raws = [np.asarray(ramp() + each, np.float32) for each in noise]
    rough, smooth = Flicker(), Flicker()
    for photo, before, after in zip(
        photos, run(photos, raws), run(photos, raws, smooth=True), strict=True
    ):
        rough.add(photo, before.limits.spread(before.raw))
        smooth.add(photo, after.limits.spread(after.raw))
    assert smooth.mean < 0.5 * rough.mean


def test_what_moves_leaves_no_trail() -> None:
    photos, raws = [], []
    for number in range(15):
        photo, raw = texture(6), ramp() / 4
        left = 6 * number
        photo[30:70, left : left + 24] = (250, 240, 230)
        raw[30:70, left : left + 24] = 1.5
        photos.append(photo)
        raws.append(np.asarray(raw, np.float32))
    done = run(photos, raws, smooth=True)[-1]
    width = done.limits.high - done.limits.low
    off = np.abs(done.raw - raws[-1]) / width
    assert off[30:70, : 6 * 14 - 6].max() < 0.05
    assert off.mean() < 0.01


def test_flicker_by_hand() -> None:
    flicker, photo = Flicker(), texture()
    for level in (0.25, 0.5, 0.25):
        flicker.add(photo, np.full(SHAPE, level, np.float32))
    assert flicker.mean == pytest.approx(0.25)


def test_flicker_follows_what_moves() -> None:
    wide, depth = texture(7), np.asarray(texture(7)[..., 0] / 255, np.float32)
    moving, standing = Flicker(), Flicker()
    for left in (0, 3, 6):
        photo = np.ascontiguousarray(wide[:, left : left + 100])
        moving.add(photo, np.ascontiguousarray(depth[:, left : left + 100]))
        standing.add(photo, np.ascontiguousarray(depth[:, :100]))
    assert moving.mean < 0.2 * standing.mean
