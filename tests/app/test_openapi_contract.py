"""The service does what /openapi.json says, asked by schemathesis with requests of its own invention."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from shelter_app import create_app

from tests.app.containers import settings_for

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def contract(address: str) -> Iterator[schemathesis.BaseSchema]:
    app = create_app(settings_for(address, f"t{uuid.uuid4().hex[:16]}"))
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    app.extensions["shelter_store"].close()


schema = schemathesis.pytest.from_fixture("contract")


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_operation_keeps_its_contract(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.fixture(scope="module")
def outage() -> Iterator[schemathesis.BaseSchema]:
    app = create_app(settings_for("127.0.0.1:1"))
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    app.extensions["shelter_store"].close()


@pytest.mark.parametrize(
    ("path", "method", "given"),
    [
        ("/data", "POST", {"body": {"a": 1}}),
        ("/data", "GET", {"query": {"limit": 1}}),
        ("/data/{id}", "GET", {"path_parameters": {"id": "x"}}),
        ("/health", "GET", {}),
        ("/health/ready", "GET", {}),
    ],
)
def test_the_contract_holds_without_a_database(outage: schemathesis.BaseSchema, path: str, method: str, given: dict[str, Any]) -> None:
    case = outage[path][method].Case(**given)
    response = case.call()
    assert response.status_code == 503
    case.validate_response(response, excluded_checks=[schemathesis.checks.not_a_server_error])
