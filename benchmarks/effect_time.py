"""What each effect takes beside one inference, for a photo of 1280 x 720."""

import argparse
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.paired import calls_in_turn
from benchmarks.result import Ratio, write
from benchmarks.tables import spreads
from nearfar.depth import DepthMap
from nearfar.effects import EFFECTS, Clip, Effect
from nearfar.io.images import Image, read_image
from nearfar.loading import load

ROUNDS: Final = 7
SIZE_PX: Final = (1280, 720)
BOUND: Final = 10.0
CLIPS: Final = frozenset({"parallax", "rack-focus"})
"""They make a frame after the other, so that their time is a matter of their length."""

ONE: Final = "one inference"
NOTE: Final = (
    "Each effect with its own defaults, from a photo and its map to the result in memory; an"
    " inference is the bare run of the network, without decoding or resizing. A clip's time is"
    " that of all its frames."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        photo = read_image(photos.photo(Path(folder) / "photo.jpg", SIZE_PX))
    estimator = load(MODEL, runtime="onnxruntime")
    batch, depth = estimator.prepare(photo), estimator(photo).relative()
    calls: dict[str, Callable[[], object]] = {ONE: lambda: estimator.session.run(batch)}
    calls |= {
        effect.name: _call(effect, photo, depth) for effect in EFFECTS if effect.name not in CLIPS
    }
    clips = {effect.name: _call(effect, photo, depth) for effect in EFFECTS if effect.name in CLIPS}
    times = calls_in_turn(calls, rounds=given.rounds, warmup=1)
    times |= calls_in_turn(clips, rounds=1, warmup=0)
    one = median(times[ONE])
    write(
        "effect_time",
        title="Effects",
        question="How many inferences long does each effect take?",
        data=f"A photo of {SIZE_PX[0]} x {SIZE_PX[1]}, cut from examples/street.jpg; {MODEL},"
        " onnxruntime. Clips are made once, after the others.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what=f"time of {name}, over one inference",
                value=median(taken) / one,
                bound=None if name in CLIPS else BOUND,
            )
            for name, taken in times.items()
            if name != ONE
        ],
        tables=[spreads("Times", ("what", "ms"), times, 1e3)],
        notes=(NOTE,),
    )


def _call(effect: Effect[Any, Any], photo: Image, depth: DepthMap) -> Callable[[], object]:
    def call() -> None:
        result = effect.apply(photo, depth, effect.options())
        if isinstance(result, Clip):
            deque(result.frames, maxlen=0)

    return call


if __name__ == "__main__":
    main(sys.argv[1:])
