"""Who may talk to whom, judged by the rules of NetworkPolicy for the rendered policies.

The judgement covers what these manifests use: pod and namespace selectors by matchLabels, and ports by number. Whether
a cluster enforces it is for the tests on a cluster to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

from tests.manifests.rendering import Document, Rendered

pytestmark = pytest.mark.local


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod by its namespace and labels; a namespace of None is an address outside of the cluster."""

    namespace: str | None
    labels: Mapping[str, str]


def _selects(selector: Document, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "the judgement knows matchLabels only"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def _is_peer(peer: Document, policy_namespace: str, other: Endpoint) -> bool:
    assert set(peer) <= {"podSelector", "namespaceSelector"}, "the judgement knows selectors only"
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        named = _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        named = other.namespace == policy_namespace
    return named and _selects(peer.get("podSelector", {}), other.labels)


def _permits(rules: Iterable[Document], peers: str, namespace: str, other: Endpoint, protocol: str, port: int) -> bool:
    return any(
        (peers not in rule or any(_is_peer(peer, namespace, other) for peer in rule[peers]))
        and ("ports" not in rule or {"protocol": protocol, "port": port} in rule["ports"])
        for rule in rules
    )


def _one_side(rendered: Rendered, kind: str, here: Endpoint, other: Endpoint, protocol: str, port: int) -> bool:
    """Ingress or Egress of one end: open where no policy selects it, else the union of those that do."""
    policies = [
        policy
        for policy in rendered.of("NetworkPolicy")
        if policy["metadata"]["namespace"] == here.namespace
        and kind in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], here.labels)
    ]
    field, peers = ("ingress", "from") if kind == "Ingress" else ("egress", "to")
    return not policies or any(
        _permits(policy["spec"].get(field, []), peers, str(here.namespace), other, protocol, port) for policy in policies
    )


def may_connect(rendered: Rendered, source: Endpoint, target: Endpoint, protocol: str, port: int) -> bool:
    return _one_side(rendered, "Egress", source, target, protocol, port) and _one_side(rendered, "Ingress", target, source, protocol, port)


def endpoints(rendered: Rendered) -> dict[str, Endpoint]:
    def pod(kind: str, name: str) -> Endpoint:
        workload = rendered.one(kind, name)
        return Endpoint(workload["metadata"]["namespace"], workload["spec"]["template"]["metadata"]["labels"])

    app, mongodb = pod("Deployment", "app"), pod("StatefulSet", "mongodb")
    return {
        "app": app,
        "mongodb": mongodb,
        "stranger beside app": Endpoint(app.namespace, {"run": "stranger"}),
        "stranger beside mongodb": Endpoint(mongodb.namespace, {"run": "stranger"}),
        "app's labels elsewhere": Endpoint("default", app.labels),
        "stranger elsewhere": Endpoint("default", {"run": "stranger"}),
        "dns": Endpoint("kube-system", {"k8s-app": "kube-dns"}),
        "metrics-server": Endpoint("kube-system", {"k8s-app": "metrics-server"}),
        "dns's labels elsewhere": Endpoint("default", {"k8s-app": "kube-dns"}),
        "outside": Endpoint(None, {}),
    }


@pytest.mark.parametrize(
    ("source", "target", "protocol", "port", "expected"),
    [
        # clients
        ("outside", "app", "TCP", 8000, True),
        ("stranger elsewhere", "app", "TCP", 8000, True),
        ("stranger elsewhere", "app", "TCP", 8001, False),
        # the application and its database
        ("app", "mongodb", "TCP", 27017, True),
        ("app", "mongodb", "TCP", 22, False),
        ("app", "mongodb", "UDP", 27017, False),
        ("mongodb", "app", "TCP", 8000, False),
        # nobody else reaches the database
        ("stranger beside app", "mongodb", "TCP", 27017, False),
        ("stranger beside mongodb", "mongodb", "TCP", 27017, False),
        ("stranger elsewhere", "mongodb", "TCP", 27017, False),
        ("app's labels elsewhere", "mongodb", "TCP", 27017, False),
        ("outside", "mongodb", "TCP", 27017, False),
        # names
        ("app", "dns", "UDP", 53, True),
        ("app", "dns", "TCP", 53, True),
        ("mongodb", "dns", "UDP", 53, True),
        ("app", "dns", "TCP", 9153, False),
        ("app", "metrics-server", "TCP", 53, False),
        ("app", "dns's labels elsewhere", "UDP", 53, False),
        # nothing else leaves
        ("app", "outside", "TCP", 443, False),
        ("mongodb", "outside", "TCP", 443, False),
        ("app", "app", "TCP", 8000, False),
        ("stranger beside app", "outside", "TCP", 443, False),
    ],
)
def test_who_may_talk_to_whom(each: Rendered, source: str, target: str, protocol: str, port: int, expected: bool) -> None:
    known = endpoints(each)
    assert may_connect(each, known[source], known[target], protocol, port) is expected


def test_every_namespace_denies_by_default(each: Rendered) -> None:
    denied = {
        policy["metadata"]["namespace"]: policy["spec"]
        for policy in each.of("NetworkPolicy")
        if policy["metadata"]["name"] == "default-deny"
    }
    everything = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert denied == {namespace["metadata"]["name"]: everything for namespace in each.of("Namespace")}
