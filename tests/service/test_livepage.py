import numpy as np
import pytest

from nearfar.imaging import colormaps
from nearfar.web.i18n.live import LIVE
from nearfar.web.i18n.models import MODEL
from tests.service.served import Served, assert_problem


def test_the_page_may_load_nothing_from_elsewhere(service: Served) -> None:
    page = service.client.get("/live")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "//" not in page.text.replace("http://www.w3.org", "")
    assert " style=" not in page.text


@pytest.mark.parametrize(
    ("name", "kind"), [("live.js", "text/javascript"), ("live.css", "text/css")]
)
def test_its_files_are_served(service: Served, name: str, kind: str) -> None:
    file = service.client.get(f"/live/{name}")
    assert file.status_code == 200
    assert file.headers["content-type"].startswith(kind)
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["none.js", "index.html", "..%2Flivetexts.py", "live.py", ""])
def test_nothing_else_is(service: Served, name: str) -> None:
    assert_problem(service.client.get(f"/live/{name}"), 404, "not-found")


def test_texts_are_there_in_each_language(service: Served) -> None:
    texts = service.client.get("/live/texts.json").json()
    assert texts["en"].keys() == texts["zh"].keys() == {**LIVE, **MODEL}.keys()
    assert texts["zh"]["live.start"] == LIVE["live.start"].zh


def test_color_tables_are_those_of_the_library(service: Served) -> None:
    choices = service.client.get("/live/choices.json").json()
    assert choices["models"] == [spec.name for spec in service.engine.models()]
    assert tuple(choices["colormaps"]) == colormaps.COLORMAPS
    for name, numbers in choices["colormaps"].items():
        table = np.array(numbers).reshape(256, 3)
        for level in (0, 1, 100, 254, 255):
            one = colormaps.apply(np.full((1, 1), level / 255, np.float32), name)
            assert table[level].tolist() == one[0, 0].tolist()
