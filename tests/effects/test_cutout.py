import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.depth import DepthMap
from nearfar.effects.cutout import CutoutOptions, cutout
from nearfar.errors import ImageError, UsageError
from tests.effects.walls import GREEN, RED, any_depth, flat, noise, two_planes

RIM_PX = 6


def test_cut_is_at_the_edge_of_the_two_planes() -> None:
    photo, depth = two_planes()
    result = cutout(photo, depth, CutoutOptions()).pixels
    assert result.shape == (120, 160, 4)
    assert (result[:, : 70 - RIM_PX, 3] == 255).all()
    assert (result[:, 70 + RIM_PX :, 3] == 0).all()
    crossing = np.flatnonzero(result[60, :, 3] >= 128)[-1]
    assert abs(crossing - 69) <= 1
    np.testing.assert_array_equal(result[:, : 70 - RIM_PX, :3], photo[:, : 70 - RIM_PX])


def test_no_softness_cuts_to_the_pixel() -> None:
    photo = noise(120, 160)
    _, depth = two_planes()
    opacity = cutout(photo, depth, CutoutOptions(softness=0.0)).pixels[..., 3]
    assert (opacity[:, :70] == 255).all()
    assert (opacity[:, 70:] == 0).all()


def test_on_a_color() -> None:
    photo, depth = two_planes()
    options = CutoutOptions(background="color", color="#0000ff", softness=0.0)
    result = cutout(photo, depth, options).pixels
    assert result.shape == (120, 160, 3)
    assert (result[:, :70] == RED).all()
    assert (result[:, 70:] == (0, 0, 255)).all()


def test_on_another_photo_of_another_size() -> None:
    photo, depth = two_planes()
    other = np.full((33, 20, 4), (10, 20, 30, 255), np.uint8)
    options = CutoutOptions(background="photo", picture=other, softness=0.0)
    result = cutout(photo, depth, options).pixels
    assert (result[:, :70] == RED).all()
    assert (result[:, 70:] == (10, 20, 30)).all()


def test_blurred_background_has_nothing_of_the_subject() -> None:
    photo, depth = two_planes()
    result = cutout(photo, depth, CutoutOptions(background="blur", softness=0.0)).pixels
    assert (result[:, :70] == RED).all()
    np.testing.assert_allclose(
        result[:, 72:].astype(int), GREEN * np.ones_like(result[:, 72:]), 0, 3
    )


def test_rim_has_the_subject_s_own_color() -> None:
    photo, depth = two_planes()
    mixed = (np.array(RED) + GREEN) // 2
    photo[:, 69:71] = mixed
    result = cutout(photo, depth, CutoutOptions(softness=2.0)).pixels
    rim = result[60, 66:72]
    soft = rim[(rim[:, 3] > 20)][:, :3].astype(int)
    assert (soft[:, 0] > soft[:, 1]).all()


def test_place_in_the_middle_plane_cuts_that_plane() -> None:
    depth = np.full((90, 120), 1.0, np.float32)
    depth[20:70, 40:80] = 3.0
    depth[50:90, 80:] = 9.0
    photo = noise(90, 120)
    options = CutoutOptions(subject_x=0.5, subject_y=0.5, softness=0.0)
    opacity = cutout(photo, DepthMap(depth), options).pixels[..., 3]
    np.testing.assert_array_equal(opacity == 255, depth == 3.0)


def test_place_takes_one_of_two_things_at_one_depth() -> None:
    depth = np.full((90, 120), 1.0, np.float32)
    depth[20:70, 10:40] = 5.0
    depth[20:70, 80:110] = 5.0
    options = CutoutOptions(subject_x=0.2, subject_y=0.5, softness=0.0)
    opacity = cutout(noise(90, 120), DepthMap(depth), options).pixels[..., 3]
    assert (opacity[20:70, 10:40] == 255).all()
    assert np.count_nonzero(opacity) == 50 * 30


def test_given_cut_goes_before_the_automatic_one() -> None:
    ramp = np.tile(np.linspace(0, 1, 201, dtype=np.float32), (50, 1))
    photo = np.full((50, 201, 3), 90, np.uint8)
    # the robust limits are the 2nd and the 98th percentile: columns 4 and 196
    opacity = cutout(photo, DepthMap(ramp), CutoutOptions(cut=0.75, softness=0.0)).pixels[..., 3]
    assert abs(np.flatnonzero(opacity[25] >= 128)[0] - (4 + 0.75 * 192)) <= 1


def test_colors_decide_where_the_map_is_smeared() -> None:
    photo, _ = two_planes(200, 300, 178)
    ramp = np.interp(np.arange(300), [100, 200], [5.0, 1.0]).astype(np.float32)
    smeared = DepthMap(np.broadcast_to(ramp, (200, 300)))
    opacity = cutout(photo, smeared, CutoutOptions()).pixels[100, :, 3]
    assert (opacity[:170] == 255).all()
    assert (opacity[186:] == 0).all()


def test_photo_background_needs_a_picture() -> None:
    photo, depth = two_planes()
    with pytest.raises(UsageError, match="picture"):
        cutout(photo, depth, CutoutOptions(background="photo"))


def test_grey_picture_is_refused() -> None:
    photo, depth = two_planes()
    grey = np.zeros((4, 4, 1), np.uint8)
    with pytest.raises(ImageError, match="3 or 4"):
        cutout(photo, depth, CutoutOptions(background="photo", picture=grey))


def test_unknown_color_is_refused() -> None:
    photo, depth = two_planes()
    with pytest.raises(UsageError, match="no color 'blurple'"):
        cutout(photo, depth, CutoutOptions(background="color", color="blurple"))


def test_constant_depth_keeps_all() -> None:
    photo = noise(30, 40)
    result = cutout(photo, flat(photo), CutoutOptions()).pixels
    np.testing.assert_array_equal(result[..., :3], photo)
    assert (result[..., 3] == 255).all()


@settings(deadline=None, max_examples=25)
@given(
    height_px=st.integers(1, 60),
    width_px=st.integers(1, 60),
    span=st.floats(0, 1e6),
    background=st.sampled_from(["transparent", "color", "photo", "blur"]),
    x=st.none() | st.floats(0, 1),
)
def test_any_size_and_depth(
    height_px: int, width_px: int, span: float, background: str, x: float | None
) -> None:
    photo = noise(height_px, width_px)
    options = CutoutOptions.of(background=background, picture=noise(3, 5), subject_x=x)
    result = cutout(photo, any_depth(height_px, width_px, 3, span), options).pixels
    assert result.shape == (height_px, width_px, 4 if background == "transparent" else 3)
