"""A folder of any length is worked on in the memory of a short one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from nearfar.cli import main
try:
    main(["estimate", sys.argv[1], "-o", sys.argv[2], "--quiet", "--runtime", "onnxruntime"])
except SystemExit as left:
    assert left.code == 0, left.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kib(folder: Path, out: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(out)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.slow
def test_long_folder_uses_no_more_memory(tmp_path: Path, examples: Path) -> None:
    peaks = []
    for count in (20, 600):
        folder = tmp_path / str(count)
        folder.mkdir()
        for index in range(count):
            os.link(examples / "street.jpg", folder / f"{index:04}.jpg")
        peaks.append(peak_kib(folder, tmp_path / f"out {count}"))
    assert len(list((tmp_path / "out 600").iterdir())) == 600
    assert peaks[1] < 1.1 * peaks[0]
