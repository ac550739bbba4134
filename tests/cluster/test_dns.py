"""`dns check`: right where DNS is right, and not where it is made wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster import kube
from tests.cluster.commands import Ran, Shelterctl

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


SURPLUS = "10.244.255.254"


@pytest.fixture(scope="module")
def wrong(stack: Shelterctl, other_stack: Shelterctl) -> Iterator[tuple[Ran, Ran]]:
    """Two checks at the same time, as each asks again for 40 s: an address that no pod has, and DNS that a policy blocks."""
    document = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "surplus", "namespace": stack.namespace, "labels": {"kubernetes.io/service-name": "mongodb"}},
        "addressType": "IPv4",
        "ports": [{"name": "mongodb", "port": 27017, "protocol": "TCP"}],
        "endpoints": [{"addresses": [SURPLUS], "conditions": {"ready": True}}],
    }
    other_stack("up")
    kube.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    # Without it the namespace's default-deny holds for DNS too.
    kube.kubectl("-n", other_stack.namespace, "delete", "networkpolicy", "allow-dns")
    running = [shelterctl.start("dns", "check") for shelterctl in (stack, other_stack)]
    surplus, blocked = [command.end() for command in running]
    yield surplus, blocked
    kube.kubectl("-n", stack.namespace, "delete", "endpointslice", "surplus")


def test_an_address_that_no_pod_has(wrong: tuple[Ran, Ran]) -> None:
    ran = wrong[0]
    assert (ran.exit_code, ran.result["judgement"]["verdict"]) == (6, "FAIL"), ran.shown()
    reasons = " ".join(reason["text"] for reason in ran.result["judgement"]["reasons"])
    assert "mongodb" in reasons
    rows = [row for row in ran.result["rows"] if row["verdict"] == "FAIL"]
    assert {row["subject"].partition(" ")[2].partition(".")[0] for row in rows} == {"mongodb"}
    assert any(SURPLUS in row["found"] and SURPLUS not in row["expected"] for row in rows)


def test_a_policy_that_blocks_dns_is_no_pass(wrong: tuple[Ran, Ran]) -> None:
    """Silence proves nothing about the records: no verdict, and the likely reason."""
    ran = wrong[1]
    assert (ran.exit_code, ran.result["judgement"]["verdict"]) in ((6, "FAIL"), (7, "UNKNOWN")), ran.shown()
    reasons = " ".join(row["reason"] for row in ran.result["rows"])
    assert "a NetworkPolicy may block it" in reasons


def test_nothing_deployed(namespace: Shelterctl) -> None:
    ran = namespace("dns", "check", expect=4)
    assert (ran.error["type"], ran.error["what"]) == ("NotDeployed", "no pod of the application is ready to ask from")
