"""OpenCV's threads, while others keep all cores busy."""

import threading
from typing import Final


class OwnThreads:
    """OpenCV leaves work in the thread that called it, as long as any run is in the block.

    The threads of a run keep all cores busy; OpenCV's own would only wait in their way, at work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = self._before = 0

    def __enter__(self) -> None:
        import cv2

        with self._lock:
            if not self._runs:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._runs += 1

    def __exit__(self, *_: object) -> None:
        import cv2

        with self._lock:
            self._runs -= 1
            if not self._runs:
                cv2.setNumThreads(self._before)


OWN_THREADS: Final = OwnThreads()
"""The one that all share: the setting is the process's."""
