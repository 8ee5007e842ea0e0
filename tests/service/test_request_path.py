"""A newcomer can follow a request: one photo passes few files of the service."""

import sys
import threading
from pathlib import Path
from typing import Any

import nearfar.service
from tests.picturefiles import noise, saved
from tests.service.served import served

FOLDER = str(Path(nearfar.service.__file__).parent)

MOST_FILES = 10


def test_one_photo_passes_at_most_ten_files_of_the_service() -> None:
    passed: set[str] = set()
    counts = threading.Event()

    def note(frame: Any, event: str, _: Any) -> None:
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        # the server ticks whether or not there are requests
        if counts.is_set() and event == "call" and path.startswith(FOLDER) and name != "on_tick":
            passed.add(path[len(FOLDER) + 1 :])

    threading.setprofile(note)
    try:
        with served() as service:
            service.depth(saved(noise(48, 64), "PNG"))
            counts.set()
            answer = service.depth(saved(noise(48, 64), "PNG"))
            counts.clear()
    finally:
        threading.setprofile(None)
        sys.setprofile(None)
    assert answer.status_code == 200
    assert {"middleware.py", "routes/depth.py", "engine.py", "worker.py"} <= passed
    assert len(passed) <= MOST_FILES, sorted(passed)
