"""What is told of an object that the API server refused: the cause, whose doing it is, and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from shelterctl.adapters.kube.apply import explained
from shelterctl.errors import ApiRejected

pytestmark = pytest.mark.unit

WHY = 'Service "web" is invalid: spec.ports[1].nodePort: Invalid value: 30301: provided port is already allocated'


def service(namespace: str, name: str, *node_ports: int, **spec: object) -> dict[str, Any]:
    ports = [{"port": 9}, *({"port": 80, "nodePort": port} for port in node_ports)]
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": {"ports": ports, **spec}}


def refused(*there: dict[str, Any], document: dict[str, Any] | None = None) -> ApiRejected:
    error = ApiRejected("refused", status=422, reason="Invalid", why=WHY)
    return explained(error, document or service("shop", "web", 30301), lambda: there)


def test_a_node_port_that_is_taken_is_told_with_who_has_it_and_one_that_is_free() -> None:
    told = refused(
        service("a", "other", 30302), service("b", "blog", 30300, 30301), service("c", "lb", 30303, healthCheckNodePort=30304),
        # What the object itself has stands in nobody's way.
        service("shop", "web", 30305),
    )  # fmt: skip
    assert told.what == "service/web: its node port 30301 is taken by Service blog in namespace b"
    assert (told.why, told.status) == (WHY, 422)
    assert told.next_command == "shelterctl up --node-port 30305"


def test_a_port_that_a_load_balancer_asks_for_health_is_taken_too() -> None:
    told = refused(service("c", "lb", 30303, healthCheckNodePort=30301))
    assert told.what == "service/web: its node port 30301 is taken by Service lb in namespace c"


def test_where_the_services_may_not_be_listed_nobody_is_named() -> None:
    told = refused()
    assert told.what == "service/web: its node port is taken by another Service"
    assert told.next_command == "shelterctl up --node-port 30302   (kubectl get services -A shows who has it)"
