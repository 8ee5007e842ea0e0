import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.effects._ground.phrases import Surroundings, in_words
from nearfar.effects.base import Sound
from nearfar.effects.sonify import EFFECT, RATE_HZ, ROWS, SonifyOptions, row_hz, sonify

COLON, SEMICOLON = "\N{FULLWIDTH COLON}", "\N{FULLWIDTH SEMICOLON}"


def block(rows: slice, columns: slice) -> DepthMap:
    """One near block before a far wall, 96 x 96."""
    depth = np.full((96, 96), 1, np.float32)
    depth[rows, columns] = 5
    return DepthMap(depth)


def sound(depth: DepthMap, **values: object) -> Sound:
    blank = np.zeros((*depth.inverse_depth.shape, 3), np.uint8)
    return sonify(blank, depth, SonifyOptions.of(**values))


def power(samples: NDArray[np.float32]) -> list[float]:
    return [float(side) for side in np.mean(samples.astype(float) ** 2, axis=0)]


@pytest.mark.parametrize(("columns", "louder"), [(slice(0, 32), 0), (slice(64, 96), 1)])
def test_a_near_block_is_heard_on_its_side(columns: slice, louder: int) -> None:
    samples = sound(block(slice(40, 56), columns)).samples
    left, right = power(samples)
    assert (left > 4 * right) if louder == 0 else (right > 4 * left)
    third = len(samples) // 3
    thirds = [sum(power(samples[start : start + third])) for start in (0, third, 2 * third)]
    assert int(np.argmax(thirds)) == 2 * louder  # and at its time


@pytest.mark.parametrize("top", [0, 40, 80])
def test_height_is_pitch(top: int) -> None:
    samples = sound(block(slice(top, top + 16), slice(0, 96)), seconds=1.0).samples
    spectrum = np.abs(np.fft.rfft(samples.sum(axis=1))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    first, last = row_hz(top // 2), row_hz(top // 2 + 7)
    band = (hz > last * 0.97) & (hz < first * 1.03)
    assert spectrum[band].sum() > 0.95 * spectrum.sum()


def test_pitches_run_from_high_to_low_in_equal_steps() -> None:
    steps = [row_hz(row + 1) / row_hz(row) for row in range(ROWS - 1)]
    assert row_hz(0) == pytest.approx(4000)
    assert row_hz(ROWS - 1) == pytest.approx(300)
    assert np.allclose(steps, steps[0])


def test_the_nearer_is_louder() -> None:
    depth = np.full((96, 96), 1, np.float32)
    depth[40:56, 8:24] = 3  # halfway
    depth[40:56, 72:88] = 5
    samples = sound(DepthMap(depth)).samples
    half = len(samples) // 2
    assert sum(power(samples[half:])) > 5 * sum(power(samples[:half]))


def test_sectors_come_one_after_the_other_from_their_sides() -> None:
    samples = sound(block(slice(20, 76), slice(0, 32)), sectors=True, seconds=3.0).samples
    assert len(samples) == 3 * RATE_HZ
    left, ahead, right = (power(samples[RATE_HZ * part :][:RATE_HZ]) for part in range(3))
    assert left[1] == pytest.approx(0, abs=1e-9)
    assert right[0] == pytest.approx(0, abs=1e-9)
    assert ahead[0] == pytest.approx(ahead[1], rel=1e-3)
    assert left[0] > 10 * sum(ahead)  # near is loud
    assert min(sum(ahead), right[1]) > 0  # free is heard too


def test_words_in_two_languages() -> None:
    assert in_words(Surroundings(0.1, 0.9, 0.5)) == {
        "en": "left: free; ahead: near; right: some way off",
        "zh": f"左{COLON}畅通{SEMICOLON}前方{COLON}近{SEMICOLON}右{COLON}稍远",
    }
    summary = sound(block(slice(20, 76), slice(36, 60))).summary
    assert summary["en"] == "left: free; ahead: near; right: free"


def test_a_flat_map_is_silent_and_says_so() -> None:
    heard = sound(DepthMap(np.full((20, 30), 4, np.float32)))
    assert not heard.samples.any()
    assert "equally far" in heard.summary["en"]
    assert "远近相同" in heard.summary["zh"]


def test_the_floor_is_not_in_the_way() -> None:
    """A floor is near at its lower end; only what stands on it counts."""
    floor = np.maximum(np.linspace(-1, 1, 240), 0.05)[:, None].repeat(320, axis=1)
    floor[60:200, 220:300] = 0.75
    summary = sound(DepthMap(floor.astype(np.float32))).summary
    assert summary["en"] == "left: free; ahead: free; right: near"


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.3, 1), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_size_and_depth(
    height: int, width: int, seconds: float, sectors: bool, rough: bool
) -> None:
    shape = height, width
    values = np.random.default_rng(1).random(shape) if rough else np.ones(shape)
    blank = np.zeros((height, width, 3), np.uint8)
    options = SonifyOptions(seconds=seconds, sectors=sectors)
    heard = EFFECT.apply(blank, DepthMap(values.astype(np.float32)), options)
    assert heard.samples.shape == (round(seconds * RATE_HZ), 2)
    assert heard.samples.dtype == np.float32
    assert np.all(np.abs(heard.samples) <= 1)
    assert set(heard.summary) == {"en", "zh"}
