import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar import parallel
from nearfar.depth import DepthMap
from nearfar.effects._render.bokeh_render import kernel
from nearfar.effects.bokeh import EFFECT, BokehOptions, bokeh
from nearfar.errors import UsageError
from tests.effects.walls import GREEN, RED, any_depth, flat, light_of, noise, two_planes

PLAIN = BokehOptions(aperture=4.0, bloom=0.0, blades=0)


def _with(**values: float) -> BokehOptions:
    return BokehOptions.of(**{**PLAIN.values(), **values})


@settings(deadline=None, max_examples=25)
@given(
    height_px=st.integers(1, 70),
    width_px=st.integers(1, 70),
    color=st.tuples(*[st.integers(0, 255)] * 3),
    focus=st.floats(0, 1),
    aperture=st.floats(0, 10),
    blades=st.integers(0, 9),
)
def test_constant_image_is_that_image(
    height_px: int,
    width_px: int,
    color: tuple[int, int, int],
    *,
    focus: float,
    aperture: float,
    blades: int,
) -> None:
    photo = np.full((height_px, width_px, 3), color, np.uint8)
    options = BokehOptions(focus_nearness=focus, aperture=aperture, blades=blades, bloom=1.0)
    result = bokeh(photo, any_depth(height_px, width_px, 1, 9.0), options).pixels
    assert np.abs(result.astype(int) - photo).max() <= 1


def test_no_aperture_gives_the_photo() -> None:
    photo = noise(60, 80)
    np.testing.assert_array_equal(
        bokeh(photo, any_depth(60, 80, 2, 3.0), _with(aperture=0.0)).pixels, photo
    )


def test_constant_depth_in_focus_gives_the_photo() -> None:
    photo = noise(40, 50)
    np.testing.assert_array_equal(bokeh(photo, flat(photo), PLAIN).pixels, photo)


@pytest.mark.parametrize("blades", [0, 5, 6])
def test_energy_is_kept_in_linear_light(blades: int) -> None:
    photo = np.full((160, 200, 3), 40, np.uint8)
    photo[70:90, 90:110] = (250, 200, 180)
    # a constant map counts as farthest, so focus on the nearest blurs all of it alike
    options = _with(focus_nearness=1.0, blades=blades)
    result = bokeh(photo, flat(photo), options).pixels
    assert result[80, 100, 0] < 245
    before, after = light_of(photo).sum(axis=(0, 1)), light_of(result).sum(axis=(0, 1))
    np.testing.assert_allclose(after, before, rtol=2e-3)


def test_a_point_becomes_a_disc_of_the_asked_radius() -> None:
    photo = np.zeros((301, 401, 3), np.uint8)
    photo[148:153, 198:203] = 255
    result = bokeh(photo, flat(photo), _with(focus_nearness=1.0, aperture=4.0)).pixels
    # 4 % of a diagonal of 501 pixels is 20; 0.9 of it, for the depth of field
    rows = np.flatnonzero(result[:, 200, 0] > result.max() / 2)
    assert abs((rows[-1] - rows[0] + 1) / 2 - 20 * 0.9) < 3


def test_sharp_foreground_is_untouched_and_does_not_bleed() -> None:
    photo, depth = two_planes()
    result = bokeh(photo, depth, _with(focus_nearness=1.0)).pixels
    np.testing.assert_allclose(result[:, :70].astype(int), photo[:, :70].astype(int), atol=1)
    np.testing.assert_allclose(result[:, 70:].astype(int), photo[:, 70:].astype(int), atol=1)


def test_texture_of_the_background_is_blurred_and_of_the_foreground_not() -> None:
    photo = noise(120, 160, 3)
    _, depth = two_planes()
    result = bokeh(photo, depth, _with(focus_nearness=1.0)).pixels
    np.testing.assert_allclose(result[:, :70].astype(int), photo[:, :70].astype(int), atol=1)
    assert result[:, 90:].std() < 0.25 * photo[:, 90:].std()


def test_sharp_background_stays_where_the_blurred_foreground_ends() -> None:
    photo, depth = two_planes()
    result = bokeh(photo, depth, _with(focus_nearness=0.0)).pixels
    radius_px = round(200 * 0.04 * 0.92) + 3
    assert np.abs(result[60, 70 + radius_px :].astype(int) - GREEN).max() <= 1
    assert np.abs(result[60, : 70 - radius_px].astype(int) - RED).max() <= 1
    red = result[60, 70 - radius_px : 70 + radius_px, 0].astype(int)
    assert (np.diff(red) <= 1).all()  # a soft rim, with no step back
    assert np.abs(np.diff(red)).max() < 40
    middle = light_of(result[60, 69:71]).mean(axis=0)
    np.testing.assert_allclose(middle, (light_of(np.array([RED, GREEN]))).mean(axis=0), atol=0.12)


def test_highlights_bloom_only_out_of_focus() -> None:
    photo = np.full((120, 160, 3), 30, np.uint8)
    photo[58:62, 20:24] = photo[58:62, 120:124] = 255
    _, depth = two_planes()
    dull = bokeh(photo, depth, _with(focus_nearness=1.0)).pixels
    shining = bokeh(photo, depth, _with(focus_nearness=1.0, bloom=1.0)).pixels
    np.testing.assert_array_equal(shining[:, :60], dull[:, :60])
    assert int(shining[60, 122, 0]) > int(dull[60, 122, 0]) + 20


def test_focus_by_place_is_the_depth_there() -> None:
    photo, depth = noise(120, 160, 4), two_planes()[1]
    by_place = bokeh(photo, depth, _with(focus_x=0.9, focus_y=0.5)).pixels
    by_depth = bokeh(photo, depth, _with(focus_nearness=0.0)).pixels
    np.testing.assert_array_equal(by_place, by_depth)


def test_automatic_focus_is_on_the_near_thing() -> None:
    photo, depth = noise(120, 160, 5), two_planes()[1]
    np.testing.assert_array_equal(
        bokeh(photo, depth, PLAIN).pixels, bokeh(photo, depth, _with(focus_nearness=1.0)).pixels
    )


@pytest.mark.parametrize("blades", [0, 3, 5, 6, 8, 16])
@pytest.mark.parametrize("radius_px", [0.5, 1.0, 2.7, 5.0])
def test_kernel_has_the_sum_1_and_the_area_of_the_disc(radius_px: float, blades: int) -> None:
    shown = kernel(radius_px, blades)
    assert shown.sum() == pytest.approx(1, abs=1e-5)
    assert shown.shape[0] == shown.shape[1]
    if radius_px > 2:
        area = 1 / shown.max()
        assert area == pytest.approx(np.pi * radius_px**2, rel=0.08)


def test_few_blades_make_corners() -> None:
    round_one, triangle = kernel(5.0, 0), kernel(5.0, 3)
    assert triangle.shape[0] > round_one.shape[0]


@settings(deadline=None, max_examples=25)
@given(
    height_px=st.integers(1, 60),
    width_px=st.integers(1, 60),
    span=st.floats(0, 1e6),
    seed=st.integers(0, 99),
)
def test_any_size_and_depth(height_px: int, width_px: int, span: float, seed: int) -> None:
    photo = noise(height_px, width_px, seed)
    result = bokeh(photo, any_depth(height_px, width_px, seed, span), BokehOptions()).pixels
    assert result.shape == photo.shape
    assert result.dtype == np.uint8


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="aperture must be at most 10"):
        BokehOptions(aperture=11.0)
    with pytest.raises(UsageError, match="focus_x"):
        BokehOptions(focus_x=1.5)


def test_input_is_not_changed() -> None:
    photo, depth = noise(50, 60, 6), any_depth(50, 60, 6, 4.0)
    before, values = photo.copy(), depth.inverse_depth.copy()
    EFFECT.apply(photo, DepthMap(depth.inverse_depth), BokehOptions())
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(depth.inverse_depth, values)


@pytest.mark.parametrize("size_px", [(150, 200), (151, 203)])
@pytest.mark.parametrize("blades", [0, 3])
def test_strips_leave_no_seams(
    monkeypatch: pytest.MonkeyPatch, size_px: tuple[int, int], blades: int
) -> None:
    photo = noise(*size_px)
    depth = any_depth(*size_px, 3, 5.0)
    options = BokehOptions(focus_nearness=0.5, aperture=3.0, blades=blades, bloom=0.5)
    whole = bokeh(photo, depth, options).pixels
    monkeypatch.setattr(parallel, "_STRIP_VALUES", 1)
    thin = bokeh(photo, depth, options).pixels
    assert np.abs(thin.astype(int) - whole).max() <= 1
