"""The one table of the benchmarks: what there is, in the order of the page."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Script:
    """One benchmark.

    Attributes:
        name: of its module in `benchmarks`, and of its result.
        minutes: that it takes on two quiet cores.
        brings_data: it measures on data that the user must have; `make bench` leaves it out.
    """

    name: str
    minutes: float
    brings_data: bool = False


SCRIPTS: Final = (
    Script("cold_start", 1),
    Script("auto_choice", 2),
    Script("imports", 1),
    Script("collector", 1),
    Script("matrix", 4),
    Script("photo_way", 0.5),
    Script("folder_rate", 2),
    Script("decode_size", 0.5),
    Script("growth", 3),
    Script("ideas", 2),
    Script("effect_time", 1),
    Script("mesh_time", 1),
    Script("video_rate", 3),
    Script("video_flicker", 3, brings_data=True),
    Script("tutorial", 0.5),
    Script("service_load", 5.5),
    Script("stream_rate", 3),
    Script("tutorial_service", 4),
    Script("service_memory", 5),
    Script("scale_rate", 7),
    Script("refine", 10, brings_data=True),
    Script("train_step", 1),
    Script("recipes", 600, brings_data=True),
)

NAMES: Final = tuple(script.name for script in SCRIPTS)
