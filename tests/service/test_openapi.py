"""The OpenAPI description says what is so: by its own examples, and by what is made up from it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from nearfar.effects import EFFECTS
from nearfar.service.errors import PROBLEMS, type_of
from nearfar.service.response_formats import RESULTS
from tests.service.served import Served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

OPERATIONS = (
    ("POST", "/v1/depth"),
    ("POST", "/v1/probe"),
    ("POST", "/v1/cloud"),
    ("POST", "/v1/mesh"),
    *(("POST", f"/v1/effects/{effect.name}") for effect in EFFECTS),
    ("POST", "/v1/videos"),
    ("GET", "/v1/videos/{id}"),
    ("DELETE", "/v1/videos/{id}"),
    ("GET", "/v1/videos/{id}/result"),
    ("GET", "/v1/models"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
)


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        *((*operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
        *((*operation, GenerationMode.NEGATIVE) for operation in OPERATIONS[:6]),
        ("POST", "/v1/videos", GenerationMode.NEGATIVE),
    ],
)
def test_service_does_as_it_is_described(
    service: Served, method: str, path: str, mode: GenerationMode
) -> None:
    address = f"http://127.0.0.1:{service.port}"
    operation = schemathesis.openapi.from_url(f"{address}/openapi.json")[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, deadline=None, database=None, derandomize=True)
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=address, checks=CHECKS)

    check()


def test_everything_is_described(service: Served) -> None:
    schema = service.client.get("/openapi.json").json()
    assert set(schema["paths"]) == {path for _, path in OPERATIONS}
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path
            for status, answer in operation["responses"].items():
                assert answer["description"], (path, status)
                if not status.startswith("2"):
                    examples = answer["content"]["application/problem+json"]["examples"]
                    for slug, example in examples.items():
                        assert example["value"]["type"] == type_of(slug)
                        assert example["value"]["status"] == int(status) == PROBLEMS[slug].status


def test_every_format_is_described(service: Served) -> None:
    schema = service.client.get("/openapi.json").json()
    depth = schema["paths"]["/v1/depth"]["post"]
    assert set(depth["responses"]["200"]["content"]) == {row.media_type for row in RESULTS.values()}
    (form,) = [
        body["schema"]
        for kind, body in depth["requestBody"]["content"].items()
        if kind == "multipart/form-data"
    ]
    assert form["required"] == ["photo"]
