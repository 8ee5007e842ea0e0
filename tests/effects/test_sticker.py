from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.depth import DepthMap
from nearfar.effects._render import fonts
from nearfar.effects.frames import for_each_frame
from nearfar.effects.sticker import EFFECT, StickerOptions, sticker
from nearfar.errors import UsageError
from tests.effects.walls import any_depth, flat, light_of, noise, two_planes

BLUE = np.full((10, 10, 3), (0, 0, 255), np.uint8)
PLAIN = {"picture": BLUE, "haze": 0.0, "shadow": 0.0, "size": 0.8, "y": 0.9}


def _covered(options: StickerOptions) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    photo, depth = two_planes()
    result = sticker(photo, depth, options).pixels
    return np.asarray((result == (0, 0, 255)).all(axis=2))


def test_hidden_exactly_where_the_scene_is_nearer() -> None:
    shown = _covered(StickerOptions.of(**PLAIN, nearness=0.5))
    free = _covered(StickerOptions.of(**PLAIN, nearness=1.0))
    height_px = round(120 * 0.8 * (0.5 + 0.25) / 1.25)
    expected = np.zeros((120, 160), bool)
    left = round(80 - height_px / 2)
    expected[108 - height_px : 108, left : left + height_px] = True
    expected[:, :70] = False
    np.testing.assert_array_equal(shown, expected)
    assert free[:, :70].any()
    assert free[:, 70:].any()


def test_stands_on_the_depth_of_its_place() -> None:
    right = _covered(StickerOptions.of(**PLAIN, x=0.75))
    np.testing.assert_array_equal(right, _covered(StickerOptions.of(**PLAIN, x=0.75, nearness=0.0)))
    left = _covered(StickerOptions.of(**PLAIN, x=0.3))
    assert left[:, :70].any()


def test_size_follows_depth() -> None:
    near = _covered(StickerOptions.of(**PLAIN, x=0.75, nearness=1.0)).sum()
    far = _covered(StickerOptions.of(**{**PLAIN, "x": 0.75, "nearness": 0.0})).sum()
    assert np.sqrt(near / far) == pytest.approx(5, rel=0.1)


def test_haze_takes_the_far_sticker_towards_the_distance() -> None:
    photo, depth = two_planes()
    options = StickerOptions.of(**{**PLAIN, "haze": 1.0, "x": 0.75, "nearness": 0.0})
    np.testing.assert_allclose(
        sticker(photo, depth, options).pixels.astype(int), photo.astype(int), atol=1
    )
    near = StickerOptions.of(**{**PLAIN, "haze": 1.0, "x": 0.75, "nearness": 1.0})
    assert (sticker(photo, depth, near).pixels[90, 120] == (0, 0, 255)).all()


def test_shadow_falls_on_what_it_touches_only() -> None:
    photo, depth = two_planes()
    options = StickerOptions.of(
        **{**PLAIN, "shadow": 1.0, "x": 0.5, "nearness": 0.0, "size": 1.0, "y": 0.8}
    )
    result = sticker(photo, depth, options).pixels
    assert light_of(result[97, 82, 1]) < 0.7 * light_of(photo[97, 82, 1])
    np.testing.assert_array_equal(result[:, :70], photo[:, :70])
    np.testing.assert_array_equal(result[:40], photo[:40])


def test_transparent_margin_does_not_count() -> None:
    framed = np.zeros((40, 30, 4), np.uint8)
    framed[5:15, 10:20] = (0, 0, 255, 255)
    plain = _covered(StickerOptions.of(**PLAIN, nearness=1.0))
    np.testing.assert_array_equal(
        plain, _covered(StickerOptions.of(**{**PLAIN, "picture": framed}, nearness=1.0))
    )


def test_half_transparent_mixes_in_linear_light() -> None:
    photo = np.zeros((60, 60, 3), np.uint8)
    half = np.full((10, 10, 4), (255, 255, 255, 128), np.uint8)
    options = StickerOptions.of(**{**PLAIN, "picture": half})
    # half of white's light is sRGB 188, not 128
    assert abs(int(sticker(photo, flat(photo), options).pixels[50, 30, 0]) - 188) <= 1


def test_text_is_drawn_in_its_color() -> None:
    photo = np.zeros((120, 200, 3), np.uint8)
    options = StickerOptions(text="Near\nfar", color="#ff0000", haze=0.0, nearness=1.0)
    result = sticker(photo, flat(photo), options).pixels
    assert (result[..., 0] == 255).sum() > 100
    assert result[..., 1:].max() == 0


def test_text_that_the_font_lacks_names_the_remedy() -> None:
    photo = noise(40, 40)
    with pytest.raises(UsageError, match=r"no glyph for \U00012000.*font"):
        sticker(photo, flat(photo), StickerOptions(text="\U00012000"))


def test_unreadable_font_is_named() -> None:
    photo = noise(40, 40)
    with pytest.raises(UsageError, match=r"no font can be read from 'nowhere.ttf'"):
        sticker(photo, flat(photo), StickerOptions(font="nowhere.ttf"))


def test_neither_picture_nor_text() -> None:
    photo = noise(40, 40)
    with pytest.raises(UsageError, match="no sticker"):
        sticker(photo, flat(photo), StickerOptions(text="  "))


def test_wholly_transparent_picture() -> None:
    photo = noise(40, 40)
    clear = np.zeros((5, 5, 4), np.uint8)
    with pytest.raises(UsageError, match="wholly transparent"):
        sticker(photo, flat(photo), StickerOptions(picture=clear))


@settings(deadline=None, max_examples=30)
@given(
    height_px=st.integers(1, 60),
    width_px=st.integers(1, 60),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    size=st.floats(0.01, 4),
    has_picture=st.booleans(),
)
def test_any_size_and_place(
    height_px: int, width_px: int, x: float, y: float, size: float, *, has_picture: bool
) -> None:
    photo = noise(height_px, width_px)
    options = StickerOptions(picture=noise(7, 4) if has_picture else None, x=x, y=y, size=size)
    depth = DepthMap(any_depth(height_px, width_px, 5, 3.0).inverse_depth)
    assert sticker(photo, depth, options).pixels.shape == photo.shape


def test_by_default_it_stays_off_the_upper_subject() -> None:
    nearness = np.zeros((180, 240), np.float32)
    nearness[30:180, 80:160] = 0.8
    photo = noise(180, 240)
    made = sticker(photo, DepthMap(nearness), StickerOptions(picture=BLUE, shadow=0.0, haze=0.0))
    covered = (made.pixels == (0, 0, 255)).all(axis=2)
    assert covered.sum() > 500
    assert not covered[30:120, 80:160].any()


def test_given_place_and_size_are_kept() -> None:
    given = StickerOptions.of(**PLAIN, x=0.5)
    np.testing.assert_array_equal(_covered(given), _covered(StickerOptions.of(**PLAIN)))


def test_it_stands_still_in_a_clip() -> None:
    photo, depth = two_planes()
    make = for_each_frame(EFFECT, StickerOptions(picture=BLUE))
    covered = (make(photo, depth) == (0, 0, 255)).all(axis=2)
    assert covered[-20:, :60].any()
    assert not covered[:, 120:].any()


def test_a_font_of_the_system_is_found_for_other_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = "\N{GREEK SMALL LETTER ALPHA}\N{GREEK SMALL LETTER OMEGA}"
    dejavu = next(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"), None)
    if dejavu is None:
        pytest.skip("no DejaVu Sans to stand in for a Chinese font")
    (tmp_path / "simhei.ttf").write_bytes(dejavu.read_bytes())
    monkeypatch.setattr(fonts, "_FOLDERS", (str(tmp_path),))
    fonts.chinese_font.cache_clear()
    photo = np.zeros((90, 120, 3), np.uint8)
    try:
        made = sticker(photo, flat(photo), StickerOptions(text=letters, nearness=1.0))
    finally:
        fonts.chinese_font.cache_clear()
    assert made.pixels.max() == 255
