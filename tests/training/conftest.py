"""Cached sets that the tests of data and of the prefetcher share."""

import numpy as np
import pytest

from nearfar.training.data.cache import TrainingCache, open_caches
from tests.training.pairsets import describe, ramp, write_pair, write_set


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingCache, ...]:
    root = tmp_path_factory.mktemp("data")
    lidar = np.zeros((36, 100), np.uint16)
    lidar[1::4, 2::4] = 9
    for index in range(3):
        write_pair(root / "lidar", f"{index}", lidar, photo=ramp(100, 36))
    sets = [write_set(root / "ramps", 9), describe(root / "lidar", "depth")]
    return open_caches(root / "cache", sets)
