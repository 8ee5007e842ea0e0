"""Clients of the tutorial's page, each doing what its browser page does for a photo.

Started as `python -m benchmarks.tutorial_load PLAN.json`, as `load_clients` is, and prints the
same: upload the photo, ask for its heat map, wait in the page's queue, fetch the picture. A thread
a client: the page is slow enough for that.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.load import LOST, Plan, Seen

API: Final = "/gradio_api"
_BORDER: Final = "nearfar-benchmark"
_JPEG: Final = b"\xff\xd8"


class _FailedError(Exception):
    """The page did not answer as it should."""


class _Client:
    def __init__(self, port: int) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def heat_map(self, photo: bytes) -> None:
        """Have a photo estimated, and fetch what comes of it."""
        (place,) = json.loads(self._post(f"{API}/upload", _form(photo), _FORM))
        given = {"path": place, "meta": {"_type": "gradio.FileData"}}
        asked = json.dumps({"data": [given]}).encode()
        event = json.loads(self._post(f"{API}/call/estimate", asked, "application/json"))
        told = self._get(f"{API}/call/estimate/{event['event_id']}").decode()
        kind, data = _last_event(told)
        if kind != "complete":
            raise _FailedError(told[:200])
        if not self._get(f"{API}/file={json.loads(data)[0]['path']}").startswith(_JPEG):
            raise _FailedError("no JPEG came back")

    def _post(self, path: str, body: bytes, kind: str) -> bytes:
        self._link.request("POST", path, body, {"Content-Type": kind})
        return self._answer()

    def _get(self, path: str) -> bytes:
        self._link.request("GET", path)
        return self._answer()

    def _answer(self) -> bytes:
        answer = self._link.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise _FailedError(f"{answer.status}: {content[:200]!r}")
        return content


_FORM: Final = f"multipart/form-data; boundary={_BORDER}"


def _form(photo: bytes) -> bytes:
    head = (
        f'--{_BORDER}\r\nContent-Disposition: form-data; name="files"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{_BORDER}--\r\n".encode()


def _last_event(stream: str) -> tuple[str, str]:
    """Read the last server-sent event: its kind and its data."""
    kind = data = ""
    for line in stream.splitlines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data = value
    return kind, data


def main(file: str) -> None:
    """Carry out a plan; its `path` and `requests` are not looked at."""
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    plan = Plan(**{**told, "photos": tuple(told["photos"])})
    photos = [Path(photo).read_bytes() for photo in plan.photos]
    start_s = time.perf_counter() + plan.warmup_s
    end_s = start_s + plan.seconds
    latencies_ms: list[float] = []
    statuses: Counter[str] = Counter()
    lock = threading.Lock()

    def serve(number: int) -> None:
        turn = number
        client = _Client(plan.port)
        while (began_s := time.perf_counter()) < end_s:
            status = "200"
            try:
                client.heat_map(photos[turn % len(photos)])
            except (_FailedError, OSError, http.client.HTTPException) as error:
                print(f"tutorial's page: {error}", file=sys.stderr)
                status, client = LOST, _Client(plan.port)
            now_s, turn = time.perf_counter(), turn + plan.clients
            with lock:
                statuses[status] += 1
                if status == "200" and start_s <= now_s <= end_s:
                    latencies_ms.append((now_s - began_s) * 1000)

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(plan.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = Seen(plan.seconds, tuple(latencies_ms), dict(statuses), time.process_time())
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main(*sys.argv[1:])
