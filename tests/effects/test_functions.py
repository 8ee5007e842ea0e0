"""Effects as functions: their parameters are their options, and they do what `apply` does."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearfar import effects
from nearfar.depth import DepthMap, MetricDepth
from nearfar.effects import EFFECTS, Effect, Picture
from nearfar.effects.bokeh import BokehOptions
from nearfar.errors import DepthMapError, ImageError, UsageError
from nearfar.io.images import write_image
from tests.effects.walls import noise, two_planes


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_every_effect_is_a_function_of_its_options(effect: Effect[Any, Any]) -> None:
    function = getattr(effects, effect.name.replace("-", "_"))
    _, _, *options = inspect.signature(function).parameters.values()
    assert [(each.name, each.default) for each in options] == [
        (each.name, each.default) for each in fields(effect.options)
    ]
    assert all(f"{each.name}: " in function.__doc__ for each in options)


def test_it_does_what_apply_does(tmp_path: Path) -> None:
    photo, depth = noise(120, 160), two_planes()[1]
    expected = effects.find("bokeh").apply(photo, depth, BokehOptions(aperture=3))
    made: Picture = effects.bokeh(photo, depth, aperture=3)
    np.testing.assert_array_equal(made.pixels, expected.pixels)
    write_image(photo, tmp_path / "photo.png")
    again = effects.bokeh(tmp_path / "photo.png", depth.inverse_depth, aperture=3)
    np.testing.assert_array_equal(again.pixels, expected.pixels)


def test_a_map_in_metres_is_taken_by_its_inverse() -> None:
    photo, relative = noise(120, 160), two_planes()[1]
    metres = np.divide(
        1,
        relative.inverse_depth,
        out=np.full((120, 160), np.inf, np.float32),
        where=relative.inverse_depth > 0,
    )
    depth = MetricDepth(metres, "own", "metres of the network")
    made: Picture = effects.fog(photo, depth)
    expected: Picture = effects.fog(photo, depth.inverse_depth)
    other: Picture = effects.fog(photo, metres.clip(0, 100))
    np.testing.assert_array_equal(made.pixels, expected.pixels)
    assert (made.pixels != other.pixels).any()


def test_a_smaller_map_is_brought_to_the_photo_s_size() -> None:
    small = DepthMap(np.array([[1, 5], [1, 5], [1, 5]], np.float32))
    made = effects.fog(noise(90, 60), small)
    assert made.pixels.shape == (90, 60, 3)


def test_what_does_not_fit_is_refused() -> None:
    photo, depth = noise(60, 80), two_planes()[1]
    with pytest.raises(DepthMapError, match="the photo's own map"):
        effects.fog(noise(80, 60), depth)
    with pytest.raises(ImageError, match="uint8 RGB"):
        effects.fog(photo.astype(np.float32), depth)
    with pytest.raises(UsageError, match="aperture must be at most 10"):
        effects.bokeh(photo, depth, aperture=30)
    with pytest.raises(TypeError, match="apperture"):
        effects.bokeh(photo, depth, apperture=3)  # type: ignore[call-arg]
