"""The page as Gradio serves it, without a browser."""

import io
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from nearfar.config import EstimateOptions, OutputOptions
from nearfar.web.app import TABS, make_page, mount, page_options
from nearfar.web.files import LIFETIME_S, keep_file, page_folder
from tests.web.made import FakeDoor, jpeg


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    mount(app, make_page(FakeDoor()), max_bytes=100_000)
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def config(client: TestClient) -> dict[str, Any]:
    made: dict[str, Any] = client.get("/config").json()
    return made


def _upload(client: TestClient, content: bytes, name: str) -> Any:
    return client.post("/gradio_api/upload", files={"files": (name, io.BytesIO(content))})


def test_every_option_is_on_the_page(config: dict[str, Any]) -> None:
    ids = {each["props"].get("elem_id") for each in config["components"]}
    assert {f"nf-{each.name}" for each in fields(EstimateOptions)} <= ids
    assert {"nf-colormap", "nf-robust", "nf-get-color", "nf-get-side_by_side"} <= ids
    known = {each.name for kind in (EstimateOptions, OutputOptions) for each in fields(kind)}
    assert page_options() == known


def test_every_tab_is_one_row(config: dict[str, Any]) -> None:
    ids = {each["props"].get("id") for each in config["components"]}
    assert {tab.name for tab in TABS} <= ids


def test_every_control_has_a_name(config: dict[str, Any]) -> None:
    for each in config["components"]:
        props = each["props"]
        if each["type"] in {"slider", "dropdown", "checkbox", "textbox", "image", "radio"}:
            assert props.get("label"), each


def test_nothing_is_fetched_from_elsewhere(client: TestClient) -> None:
    styles = client.get("/theme.css").text
    assert "http" not in styles.replace("http://www.w3.org", "")
    assert client.get("/config").json()["stylesheets"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1/x",
        "/gradio_api/file=HTTPS:/example.org/x",
        "/gradio_api/proxy=https://example.org",
        "/gradio_api/info",
        "/gradio_api/run/predict",
        "/monitoring",
        "/gradio_api/deep_link",
    ],
)
def test_what_the_page_does_not_need_is_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_files_outside_the_folder_are_not_served(client: TestClient) -> None:
    for path in ("/etc/hostname", __file__, f"{page_folder()}/../../etc/hostname"):
        assert client.get(f"/gradio_api/file={path}").status_code in {403, 404}


def test_uploads_lie_in_the_folder_within_the_limit(client: TestClient) -> None:
    answer = _upload(client, jpeg(), "toy.jpg")
    (path,) = answer.json()
    assert Path(path).is_relative_to(page_folder())
    assert page_folder().stat().st_mode & 0o077 == 0
    assert client.get(f"/gradio_api/file={path}").content == jpeg()
    assert _upload(client, bytes(100_001), "big.jpg").status_code == 413


def test_files_live_an_hour() -> None:
    page = make_page(FakeDoor())
    assert page.delete_cache is not None
    assert page.delete_cache[1] == LIFETIME_S == 3600


def test_no_upload_is_taken_when_the_disk_has_its_fill() -> None:
    app = FastAPI()
    mount(app, make_page(FakeDoor()), disk_bytes=0)
    with TestClient(app) as client:
        keep_file(b"some", "a.bin")
        assert _upload(client, jpeg(), "a.jpg").status_code == 507
        assert client.get("/config").status_code == 200
