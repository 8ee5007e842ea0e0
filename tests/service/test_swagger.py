"""Swagger UI comes from files that are installed, and contacts no other host."""

import base64
import hashlib
import re

from tests.service.served import Served, assert_problem


def test_the_page_names_no_other_host(service: Served) -> None:
    page = service.client.get("/docs")
    assert page.status_code == 200
    assert "//" not in re.sub(r"^\s*//.*$", "", page.text, flags=re.MULTILINE)
    assert '"validatorUrl": null' in page.text


def test_every_file_of_the_page_answers(service: Served) -> None:
    page = service.client.get("/docs").text
    addresses = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page)
    assert sorted("".join(each) for each in addresses) == [
        "/docs/favicon-32x32.png",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
        "/openapi.json",
    ]
    for each in addresses:
        assert service.client.get("".join(each)).status_code == 200
    kinds = {
        name: service.client.get(f"/docs/{name}").headers["content-type"].partition(";")[0]
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
    }
    assert list(kinds.values()) == ["text/javascript", "text/css", "image/png"]
    assert_problem(service.client.get("/docs/main.py"), 404, "not-found")


def test_the_policy_allows_the_page_and_nothing_from_elsewhere(service: Served) -> None:
    page = service.client.get("/docs")
    policy = page.headers["content-security-policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
