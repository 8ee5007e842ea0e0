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
        np.empty(8 << 20, np.uint8).fill(1)
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
    assert faults("keep") < 100
    # by itself glibc maps 8 MiB anew each time, or learns not to; never is that fewer faults
    assert faults("leave") >= faults("keep")
