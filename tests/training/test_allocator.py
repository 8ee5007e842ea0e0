"""Memory that was given back stays with the process."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is told")

_FAULTS = """
import resource, sys
import numpy as np
from nearfar.training.allocator import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
def work():
    for _ in range(20):
        np.empty(64 << 20, np.uint8).fill(1)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS, how], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def test_the_same_pages_are_used_again() -> None:
    kept, left = faults("keep"), faults("leave")
    assert kept < 100
    # more than 32 MiB are mapped anew each time; that is 32 faults even where pages are huge
    assert left > kept + 300
