"""The service does what /openapi.json says, asked by schemathesis with requests of its own invention."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from shelter_app import create_app

from tests.app.containers import Container, settings_for

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def contract(mongo: Container) -> Iterator[schemathesis.BaseSchema]:
    app = create_app(settings_for(mongo.address(27017), f"t{uuid.uuid4().hex[:16]}"))
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
def test_every_operation_keeps_its_contract(case: schemathesis.Case) -> None:
    case.call_and_validate()
