"""Behind a proxy that publishes the service below a path, everything is found below that path."""

import json
import logging
import re
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

from tests.service.network import Network
from tests.service.served import Served, assert_problem, served, until

ROOT = "/photos/depth"


@pytest.fixture(scope="module")
def below(module_network: Network) -> Iterator[Served]:
    with served(page=True, root_path=ROOT) as service:
        yield service


@pytest.mark.parametrize("prefix", [ROOT, ""], ids=["prefix is kept", "prefix is stripped"])
def test_every_part_answers_below_the_path(below: Served, prefix: str, photo: bytes) -> None:
    def get(path: str) -> httpx.Response:
        answer = below.client.get(f"{prefix}{path}")
        assert answer.status_code == 200, path
        return answer

    for path in ("/healthz", "/readyz", "/v1/models", "/live/live.js", "/docs/swagger-ui.css"):
        get(path)
    assert get("/openapi.json").json()["servers"] == [{"url": ROOT}]
    assert f'"{ROOT}/docs/swagger-ui-bundle.js"' in get("/docs").text
    assert 'href="live/live.css"' in get("/live").text
    assert below.client.post(f"{prefix}/v1/depth", content=photo).status_code == 200
    assert_problem(below.client.get(f"{prefix}/v1/nothing"), 404, "not-found")


@pytest.mark.parametrize("prefix", [ROOT, ""], ids=["prefix is kept", "prefix is stripped"])
def test_the_page_names_its_files_below_the_path(below: Served, prefix: str, photo: bytes) -> None:
    page = below.client.get(f"{prefix}/").text
    assert 'src="live?lang=' in below.client.get(f"{prefix}/config").text.replace("\\", "")
    (config,) = re.findall(r"window\.gradio_config = (\{.*?\});</script>", page, flags=re.DOTALL)
    root = json.loads(config)["root"]
    assert root == f"http://127.0.0.1:{below.port}{ROOT}"
    (script,) = set(re.findall(r'src="\./(assets/[^"]+\.js)"', page))
    assert below.client.get(f"{prefix}/{script}").status_code == 200
    sent = below.client.post(
        f"{prefix}/gradio_api/upload?upload_id=a", files={"files": ("a.jpg", photo)}
    )
    (path,) = sent.json()
    file = below.client.get(f"{prefix}/gradio_api/file={path}")
    assert file.status_code == 200
    assert file.content == photo
    outside = below.client.get(f"{prefix}/gradio_api/file=/etc/passwd")
    assert outside.status_code == 403


@pytest.mark.parametrize("prefix", [ROOT, ""], ids=["prefix is kept", "prefix is stripped"])
def test_a_stream_answers_below_the_path(below: Served, prefix: str, photo: bytes) -> None:
    with connect(f"ws://127.0.0.1:{below.port}{prefix}/v1/stream") as socket:
        socket.send(json.dumps({"type": "settings"}))
        assert json.loads(socket.recv(10))["type"]


def test_the_path_without_a_slash_leads_to_the_page(below: Served) -> None:
    answer = below.client.get(ROOT)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ROOT}/")


def test_the_address_of_a_clip_has_the_path(below: Served, clip: bytes) -> None:
    sent = below.client.post("/v1/videos", content=clip)
    address = sent.headers["location"]
    assert address == f"{ROOT}/v1/videos/{sent.json()['id']}"
    while (state := below.client.get(address).json())["state"] in {"waiting", "running"}:
        time.sleep(0.05)
    assert state["result"] == f"{address}/result"
    assert below.client.get(state["result"]).status_code == 200


def test_limits_of_a_body_hold_below_the_path(below: Served) -> None:
    body = bytes(2**20)  # less than a photo may have, more than other bodies
    for prefix in (ROOT, ""):
        assert_problem(below.client.post(f"{prefix}/v1/depth", content=body), 415, "not-a-picture")
        assert_problem(below.client.post(f"{prefix}/v1/no", content=body), 413, "too-large")


def test_the_log_names_the_page_and_no_file(
    below: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nearfar.service.requests")
    for path in ("/", "/gradio_api/file=/tmp/secret.jpg", "/v1/models"):
        below.client.get(f"{ROOT}{path}")

    def seen() -> list[str]:
        return [each.msg["route"] for each in caplog.records if isinstance(each.msg, dict)]

    until(lambda: "/v1/models" in seen())
    assert seen() == ["/", "/gradio_api/file=", "/v1/models"]
