import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.effects.autostereogram import (
    EFFECT,
    AutostereogramOptions,
    autostereogram,
    partners,
    separations,
)

HEIGHT, WIDTH = 60, 400
PERIOD = 40


def two_planes() -> NDArray[np.float32]:
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[15:45, 150:250] = 1
    return nearness


def picture(**values: object) -> NDArray[np.uint8]:
    nearness = two_planes()
    blank = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return autostereogram(blank, DepthMap(nearness), AutostereogramOptions.of(**values)).pixels


def test_separations_are_those_of_the_paper() -> None:
    # E = 80; far: E / 2; near, mu = 1/2: E (1 - 1/2) / (2 - 1/2) = 80 / 3
    assert separations(np.array([[0, 1]], np.float32), PERIOD, 0.5).tolist() == [[40, 27]]


@pytest.mark.parametrize("textured", [False, True])
def test_two_pixels_a_disparity_apart_are_equal(textured: bool) -> None:
    texture = np.random.default_rng(3).integers(0, 256, (50, 90, 3), np.uint8)
    dots = picture(depth=0.5, texture=texture if textured else None)
    columns = np.arange(170, 230)  # well inside the near plane: both eyes see it
    left = columns - 27 // 2
    assert np.array_equal(dots[15:45, left], dots[15:45, left + 27])
    assert np.array_equal(dots[:15, :-40], dots[:15, 40:])
    assert not np.array_equal(dots[15:45, left], dots[15:45, left + 40])


def test_links_are_those_of_the_published_loop() -> None:
    """Against Thimbleby's algorithm written out pixel by pixel, on two planes."""
    nearness = two_planes()[20:21]
    mu, eye = 0.5, 2 * PERIOD
    apart = separations(nearness, PERIOD, mu)[0]
    z = nearness[0]
    claims: list[tuple[int, int]] = []
    for x in range(WIDTH):
        left = x - apart[x] // 2
        right = left + apart[x]
        if left < 0 or right >= WIDTH:
            continue
        step, ray, seen = 1, 0.0, True
        while seen and ray < 1:
            ray = z[x] + 2 * (2 - mu * z[x]) * step / (mu * eye)
            behind, before = x - step, x + step
            seen = (behind < 0 or z[behind] < ray) and (before >= WIDTH or z[before] < ray)
            step += 1
        if seen:
            claims.append((int(left), int(right)))
    lefts, rights = ([claim[side] for claim in claims] for side in (0, 1))
    sole = [c for c in claims if lefts.count(c[0]) == 1 and rights.count(c[1]) == 1]
    found = partners(nearness, PERIOD, mu)[0]
    kept = [(left, right) for left, right in enumerate(found.tolist()) if left != right]
    assert set(sole) <= set(kept) <= set(claims)
    assert len(claims) - len(kept) <= 2  # only rounding, at the two edges


def test_every_chain_has_one_color() -> None:
    rng = np.random.default_rng(5)
    hills = np.cumsum(rng.normal(size=(20, 300)), axis=1)
    depth = DepthMap((hills - hills.min()).astype(np.float32))
    dots = autostereogram(np.zeros((20, 300, 3), np.uint8), depth, AutostereogramOptions()).pixels
    partner = partners(depth.nearness(robust=True), 30, 0.33)
    assert np.array_equal(dots, np.take_along_axis(dots, partner[:, :, None], axis=1))
    assert np.all(partner >= np.arange(300))
    linked = np.sort(np.where(partner > np.arange(300), partner, -1), axis=1)
    assert np.all((np.diff(linked, axis=1) > 0) | (linked[:, 1:] == -1))  # none shared


def test_the_picture_is_the_same_every_time() -> None:
    assert np.array_equal(picture(), picture())


@given(st.integers(1, 30), st.integers(1, 60), st.floats(0.01, 0.5), st.floats(0, 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_size_and_a_flat_map(
    height: int, width: int, period: float, depth: float, rough: bool
) -> None:
    values = np.random.default_rng(0).random((height, width)) if rough else np.ones((height, width))
    options = AutostereogramOptions(period=period, depth=depth, dot_px=1)
    blank = np.zeros((height, width, 3), np.uint8)
    pixels = EFFECT.apply(blank, DepthMap(values.astype(np.float32)), options).pixels
    assert pixels.shape == blank.shape
    apart = round(max(1.0, period * width))
    if not rough and apart < width and abs(period * width % 1 - 0.5) > 1e-6:
        assert np.array_equal(pixels[:, :-apart], pixels[:, apart:])


def test_even_texture_gets_grain_and_no_seam_downwards() -> None:
    even = np.full((40, 40, 3), 120, np.uint8)
    even[:20] = 60
    pixels = picture(texture=even).astype(int)
    assert pixels[..., 1].std(axis=1).min() > 8
    assert picture(texture=even).shape == (HEIGHT, WIDTH, 3)
