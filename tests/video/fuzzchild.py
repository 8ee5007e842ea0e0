"""A server of children: each renders one clip by the command line, under limits, and is watched.

Run as `python -m tests.video.fuzzchild LIMIT_S`. It reads a path of a clip a line and answers a
JSON line: how the child ended, and what it printed. The libraries are loaded once, before the
children are forked, so that a child costs milliseconds.
"""

import json
import os
import resource
import select
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from nearfar.cli import main
from nearfar.cli import video as command
from nearfar.estimator import Estimator
from tests.fakes import FakeSession
from tests.video.conftest import SPEC

MOST_BYTES = 4 * 2**30
"""Of the address space of a child; threads and libraries take one of them."""


def render(path: Path, target: Path) -> int:
    """Run `nearfar video` on a clip; give its exit status."""
    command.load = lambda *_, **__: Estimator(SPEC, FakeSession())  # type: ignore[attr-defined]
    try:
        main(["video", str(path), "-o", str(target), "--show", "side", "--threads", "1"])
    except SystemExit as left:
        return int(left.code or 0)
    except BaseException:  # noqa: BLE001 - told by its traceback
        traceback.print_exc()
        return 70
    return 0


def watched(path: Path, limit_s: float) -> dict[str, object]:
    """Render a clip in a child; say how that ended."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            status = render(path, path.with_name(f"{path.stem}-out.mp4"))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        is_late = _wait(child, limit_s)
        if is_late:
            os.kill(child, signal.SIGKILL)
        _, ended = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return {
        "status": os.waitstatus_to_exitcode(ended),
        "is_late": is_late,
        "said": text[-3000:],
    }


def _wait(child: int, limit_s: float) -> bool:
    """Wait until a child has ended; say whether it has not within the limit."""
    ends = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([ends], [], [], limit_s)
    finally:
        os.close(ends)
    return not ready


def serve(limit_s: float) -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(watched(Path(line.rstrip("\n")), limit_s)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(float(sys.argv[1]))
