"""NetworkPolicies that guard a workload's way in: whom they let in by what is written (networking.k8s.io/v1).

Whether anything enforces them is the cluster's network plug-in's matter: the API server takes them either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shelterctl.core.stack.documents import Manifests, Origin, items, names, section
from shelterctl.core.stack.model import Workload

#: Every namespace has its own name as this label.
_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Policy:
    """A NetworkPolicy that speaks of the way in. `ingress` are its rules as they are written; none of them lets nobody in."""

    name: str
    namespace: str
    selector: Mapping[str, Any] = field(repr=False)
    ingress: tuple[Mapping[str, Any], ...] = field(repr=False)
    origin: Origin

    def selects(self, workload: Workload) -> bool:
        return self.namespace == workload.namespace and _fits(self.selector, workload.labels) is True

    def admits(self, workload: Workload, port: int, namespaces: Mapping[str, Mapping[str, str]]) -> bool | None:
        """Whether a workload's pods may come in at a port (TCP); None where that depends on what the files do not say.

        `namespaces` has the labels of those that are known.
        """
        answers = [_rule(rule, self.namespace, workload, port, namespaces) for rule in self.ingress]
        return True if True in answers else None if None in answers else False

    @property
    def who(self) -> str:
        """Whom its rules name, for people."""
        said = [_peer(peer) for rule in self.ingress for peer in _any(rule, "from")]
        return names(said) if said else "nobody"


def read(manifests: Manifests, namespace: str) -> tuple[Policy, ...]:
    """Those about the way in. `namespace` is that of objects that state none."""
    found = []
    for d in manifests.of("NetworkPolicy"):
        spec = section(d.body, "spec")
        if "Ingress" in (spec.get("policyTypes") or ("Ingress",)):
            rules = tuple(items(spec, "ingress"))
            found.append(Policy(d.name, d.namespace or namespace, section(spec, "podSelector"), rules, d.at("metadata", "name")))
    return tuple(found)


def of(policies: Sequence[Policy], workload: Workload) -> tuple[Policy, ...]:
    """Those that guard a workload; without one everybody may come in."""
    return tuple(policy for policy in policies if policy.selects(workload))


def admitted(guards: Sequence[Policy], workload: Workload, port: int, namespaces: Mapping[str, Mapping[str, str]]) -> bool | None:
    """Whether any of them lets a workload in: what one policy allows, no other takes back."""
    answers = [policy.admits(workload, port, namespaces) for policy in guards]
    return True if not guards or True in answers else None if None in answers else False


def labels_of_namespaces(manifests: Manifests) -> dict[str, dict[str, str]]:
    """The labels of the namespaces that the manifests make."""
    found = manifests.of("Namespace")
    return {d.name: {str(key): str(value) for key, value in section(d.body, "metadata", "labels").items()} for d in found}


def _rule(
    rule: Mapping[str, Any], namespace: str, workload: Workload, port: int, namespaces: Mapping[str, Mapping[str, str]]
) -> bool | None:
    peers = [_from(peer, namespace, workload, namespaces) for peer in _any(rule, "from")]
    ports = [_port(entry, port) for entry in _any(rule, "ports")]
    both = [True if True in found else None if None in found else False for found in (peers, ports)]
    return False if False in both else None if None in both else True


def _any(rule: Mapping[str, Any], field_name: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a rule; without any there is no limit, which an empty one stands for."""
    return list(items(rule, field_name)) or [{}]


def _from(peer: Mapping[str, Any], namespace: str, workload: Workload, namespaces: Mapping[str, Mapping[str, str]]) -> bool | None:
    if "ipBlock" in peer:
        return None
    pods = _fits(peer.get("podSelector") or {}, workload.labels)
    if not peer:
        return True
    if "namespaceSelector" not in peer:
        return pods if workload.namespace == namespace else False
    known = namespaces.get(workload.namespace)
    there = _fits(peer["namespaceSelector"] or {}, {**(known or {}), _NAME: workload.namespace})
    # A namespace that no manifest makes may have any label.
    there = None if there is False and known is None and _other_keys(peer["namespaceSelector"] or {}) else there
    both = (pods, there)
    return False if False in both else None if None in both else True


def _other_keys(selector: Mapping[str, Any]) -> bool:
    keys = {*(selector.get("matchLabels") or {}), *(str(entry.get("key")) for entry in selector.get("matchExpressions") or ())}
    return bool(keys - {_NAME})


def _fits(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool | None:
    """Whether a label selector takes labels; an empty one takes all. None for an operator that is not known."""
    wanted = (selector.get("matchLabels") or {}).items()
    answers: list[bool | None] = [labels.get(str(key)) == str(value) for key, value in wanted]
    for entry in selector.get("matchExpressions") or ():
        key, values = str(entry.get("key")), [str(value) for value in entry.get("values") or ()]
        answers.append(
            {
                "In": labels.get(key) in values,
                "NotIn": labels.get(key) not in values,
                "Exists": key in labels,
                "DoesNotExist": key not in labels,
            }.get(str(entry.get("operator")))
        )
    return False if False in answers else None if None in answers else True


def _port(entry: Mapping[str, Any], port: int) -> bool | None:
    number, end = entry.get("port"), entry.get("endPort")
    if str(entry.get("protocol") or "TCP") != "TCP":
        return False
    if number is None:
        return True
    if not isinstance(number, int):
        # The name of a container's port.
        return None
    return number <= port <= int(end) if isinstance(end, int) else number == port


def _peer(peer: Mapping[str, Any]) -> str:
    return " in ".join(_selected(peer)) or "everybody"


def _selected(peer: Mapping[str, Any]) -> Iterator[str]:
    if "ipBlock" in peer:
        yield f"addresses of {section(peer, 'ipBlock').get('cidr')}"
    if "podSelector" in peer or "namespaceSelector" in peer:
        yield f"pods{_labels(peer.get('podSelector') or {})}"
    if "namespaceSelector" in peer:
        yield f"namespaces{_labels(peer.get('namespaceSelector') or {})}"


def _labels(selector: Mapping[str, Any]) -> str:
    said = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    said += [f"{entry.get('key')} {entry.get('operator')}" for entry in selector.get("matchExpressions") or ()]
    return f" with {' and '.join(said)}" if said else ""


def ports(workload: Workload, otherwise: int) -> tuple[int, ...]:
    """Where a database listens: its containers' ports, else its engine's own."""
    return tuple(port for container in workload.containers for port in container.ports if port) or (otherwise,)
