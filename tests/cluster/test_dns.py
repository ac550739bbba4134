"""`dns check`: right where DNS is right, and not where it is made wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster import kube
from tests.cluster.commands import Ran, Shelterctl, wait_until

pytestmark = pytest.mark.cluster


def verdicts(ran: Ran) -> dict[str, list[str]]:
    """Verdict to the names (with the type) that have it."""
    found: dict[str, list[str]] = {}
    for row in ran.result["rows"]:
        found.setdefault(row["verdict"], []).append(f"{row['kind']} {row['name']}")
    return found


def test_every_record_of_the_stack(stack: Shelterctl) -> None:
    ran = stack("dns", "check")
    assert ran.result["judgement"] == {"verdict": "PASS", "reasons": []}
    found = verdicts(ran)
    assert set(found) == {"PASS"}
    full = f"{stack.namespace}.svc.cluster.local."
    assert {f"A app.{full}", f"SRV _http._tcp.app.{full}", f"A mongodb.{full}", f"A mongodb-0.mongodb.{full}"} <= set(found["PASS"])
    assert {"A app", f"A app.{stack.namespace}"} <= set(found["PASS"])
    (absent,) = [row for row in ran.result["rows"] if row["name"].startswith("absent-") and row["via"] == "exact"][:1]
    assert (absent["expected"], absent["found"]) == ("NXDOMAIN", "NXDOMAIN")


@pytest.fixture
def surplus_address(stack: Shelterctl) -> Iterator[str]:
    """An address behind the headless Service that no pod has."""
    address = "10.244.255.254"
    document = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "surplus", "namespace": stack.namespace, "labels": {"kubernetes.io/service-name": "mongodb"}},
        "addressType": "IPv4",
        "ports": [{"name": "mongodb", "port": 27017, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
    kube.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    yield address
    kube.kubectl("-n", stack.namespace, "delete", "endpointslice", "surplus")


def test_an_address_that_no_pod_has(stack: Shelterctl, surplus_address: str) -> None:
    ran = stack("dns", "check", expect=6)
    assert ran.result["judgement"]["verdict"] == "FAIL"
    reasons = " ".join(reason["text"] for reason in ran.result["judgement"]["reasons"])
    assert "mongodb" in reasons
    wrong = [row for row in ran.result["rows"] if row["verdict"] == "FAIL"]
    assert {row["subject"].partition(" ")[2].partition(".")[0] for row in wrong} == {"mongodb"}
    assert any(surplus_address in row["found"] and surplus_address not in row["expected"] for row in wrong)


@pytest.fixture
def blocked_dns(stack: Shelterctl) -> Iterator[None]:
    """Without the policy that allows it, the namespace's default-deny blocks DNS."""
    kube.kubectl("-n", stack.namespace, "delete", "networkpolicy", "allow-dns")
    yield
    assert stack("up").result["changed"]
    wait_until(lambda: stack("dns", "check", expect=None).exit_code == 0, "DNS after the policy is back", pause_s=2)


def test_a_policy_that_blocks_dns_is_no_pass(stack: Shelterctl, blocked_dns: None) -> None:
    ran = stack("dns", "check", expect=None)
    assert (ran.exit_code, ran.result["judgement"]["verdict"]) in ((6, "FAIL"), (7, "UNKNOWN"))
    reasons = " ".join(row["reason"] for row in ran.result["rows"])
    assert "a NetworkPolicy may block it" in reasons


def test_nothing_deployed(namespace: Shelterctl) -> None:
    ran = namespace("dns", "check", expect=4)
    assert (ran.error["type"], ran.error["what"]) == ("NotDeployed", "no pod of the application is ready to ask from")
