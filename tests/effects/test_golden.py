"""Real photos: the results look as when they were looked at last."""

import cv2
import numpy as np
import pytest

from nearfar import read_image
from nearfar.io.images import Image
from tests.golden.effects.make import CASES, HERE, PHOTOS, shown


def _difference(one: Image, other: Image) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """CIE76 of every pixel: 2.3 is what an eye can just tell apart."""
    labs = [cv2.cvtColor(each.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for each in (one, other)]
    return np.asarray(np.linalg.norm(labs[0] - labs[1], axis=2), np.float32)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("effect", CASES)
def test_looks_as_before(name: str, effect: str) -> None:
    difference = _difference(shown(name, effect), read_image(HERE / f"{name}-{effect}.png"))
    assert difference.mean() < 0.7
    assert np.quantile(difference, 0.99) < 4


def test_golden_pictures_differ_from_each_other() -> None:
    golden = [read_image(HERE / f"portrait-{effect}.png") for effect in CASES]
    for index, one in enumerate(golden):
        for other in golden[index + 1 :]:
            assert _difference(one, other).mean() > 0.7
