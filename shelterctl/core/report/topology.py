"""Who talks to whom: the parts of a stack and the ways between them, each from a record or a manifest that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shelterctl.core.figures.stack import Link, Part, StackPicture
from shelterctl.core.report import manifests as m
from shelterctl.core.report.records import Deployed
from shelterctl.core.state import Role


def picture(up: Deployed, objects: Sequence[Mapping[str, Any]]) -> StackPicture:
    """From the manifests where the run has them, else from the pods that it saw."""
    return _of_manifests(up, objects) if m.workloads(objects) else _of_pods(up)


def _of_manifests(up: Deployed, objects: Sequence[Mapping[str, Any]]) -> StackPicture:
    parts: list[Part] = []
    links: list[Link] = []
    works = m.workloads(objects)
    services = m.of_kind(objects, "Service")
    entry = up.endpoint.service if up.endpoint is not None else ""
    serves = {
        str(m.at(each, "metadata", "name")): [m.named(work) for work in works if m.selects(m.at(each, "spec", "selector"), m.labels(work))]
        for each in services
    }
    spoken: dict[str, list[str]] = {}
    for work in works:
        texts = m.spoken_texts(work, objects)
        spoken[m.named(work)] = [
            name for name in serves if m.named(work) not in serves[name] and any(_names(name, *spoken_text) for spoken_text in texts)
        ]
    words = _ways(up, works, objects, serves, spoken)
    policies = list(_policies(works, objects))
    called = {name for _, name in words}
    for work in works:
        key, replicas = m.named(work), m.at(work, "spec", "replicas")
        images = [str(c.get("image", "")) for c in m.rows(m.at(work, "spec", "template", "spec", "containers"))]
        lines = (*images, *_pods_line(up, key, replicas))
        # What others name, and does not answer from outside, stands behind them.
        behind = key in _targets(called, serves) and key not in serves.get(entry, ())
        parts.append(Part(key, str(work.get("kind")), str(m.at(work, "metadata", "name")), lines, 4 if behind else 2))
        for claim, own in m.claims(work):
            parts.append(Part(f"claim/{claim}", "PersistentVolumeClaim", claim, ("one for each pod",) if own else (), 5))
            links.append(Link(key, f"claim/{claim}", "stores"))
    for service in services:
        name = str(m.at(service, "metadata", "name"))
        ports = ", ".join(str(port.get("port")) for port in m.rows(m.at(service, "spec", "ports")))
        headless = m.at(service, "spec", "clusterIP") == "None"
        kind = "headless" if headless else str(m.at(service, "spec", "type") or "ClusterIP")
        parts.append(Part(f"service/{name}", "Service", name, (f"{kind}, port {ports}",), 3 if name in called else 1))
        links += [Link(f"service/{name}", work, "leads to") for work in serves[name]]
    links += [Link(work, f"service/{name}", word) for (work, name), word in words.items()]
    for scaler in m.of_kind(objects, "HorizontalPodAutoscaler"):
        target = f"{str(m.at(scaler, 'spec', 'scaleTargetRef', 'kind')).lower()}/{m.at(scaler, 'spec', 'scaleTargetRef', 'name')}"
        parts.append(_scaler(up, str(m.at(scaler, "metadata", "name"))))
        links.append(Link(parts[-1].key, target, "scales"))
    return StackPicture(tuple(parts), tuple(links), tuple(policies))


def _ways(
    up: Deployed,
    works: Sequence[Mapping[str, Any]],
    objects: Sequence[Mapping[str, Any]],
    serves: Mapping[str, Sequence[str]],
    spoken: Mapping[str, Sequence[str]],
) -> dict[tuple[str, str], str]:
    """The workloads that ask a Service, each with how that is known: it is named, a policy allows it, or the roles say it.

    What asks where a Secret alone has the address shows in no manifest.
    """
    found = {(work, name): "names it" for work, names in spoken.items() for name in names}

    def reached(one: str, other: str) -> bool:
        return any(work == one and other in serves[name] for work, name in found)

    for one, other in m.allowed(works, objects):
        if not reached(one, other):
            found |= {(one, name): "may ask" for name, behind in serves.items() if other in behind}
    roles = {pod.workload: pod.role for pod in up.pods if pod.workload}
    by_role = {role: [m.named(work) for work in works if roles.get(str(m.at(work, "metadata", "name"))) is role] for role in Role}
    for one in by_role[Role.APP]:
        for other in by_role[Role.DATABASE]:
            if not reached(one, other):
                found |= {(one, name): "stores in" for name, behind in serves.items() if other in behind}
    return found


def _pods_line(up: Deployed, key: str, replicas: Any) -> tuple[str, ...]:
    name = key.partition("/")[2]
    own = [pod for pod in up.pods if pod.workload == name]
    if own:
        return (f"{sum(pod.ready for pod in own)} of {len(own)} pods ready",)
    return (f"{replicas} replicas",) if replicas is not None else ()


def _names(service: str, variable: str, value: str) -> bool:
    """Whether a setting is the Service's address: in a URL, with a port, or by itself under a name that is one of addresses.

    A database of the same name as a Service is none.
    """
    name = re.escape(service)
    if re.search(rf"(?://|@){name}(?![\w-])|(?<![\w.-]){name}(?:\.[\w.-]+)?:\d+", value):
        return True
    addressed = re.search(r"(?i)host|url|uri|addr|server|service|endpoint|upstream", variable) is not None
    return addressed and re.match(rf"{name}(?![\w-])", value) is not None


def _targets(called: set[str], serves: Mapping[str, Sequence[str]]) -> set[str]:
    return {work for name in called for work in serves.get(name, ())}


def _scaler(up: Deployed, name: str) -> Part:
    scaler = up.autoscaler
    if scaler is None or scaler.name != name:
        return Part(f"hpa/{name}", "HorizontalPodAutoscaler", name, (), 1)
    target = f" at {scaler.cpu_target_percent}% CPU" if scaler.cpu_target_percent is not None else ""
    return Part(f"hpa/{name}", "HorizontalPodAutoscaler", name, (f"{scaler.minimum} to {scaler.maximum} replicas{target}",), 1)


def _policies(works: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for policy in m.of_kind(objects, "NetworkPolicy"):
        name, spec = str(m.at(policy, "metadata", "name")), m.at(policy, "spec") or {}
        chosen = m.at(spec, "podSelector", "matchLabels")
        who = [str(m.at(work, "metadata", "name")) for work in works if m.selects(chosen, m.labels(work))] if chosen else ["every pod"]
        yield f"{name}: {', '.join(who) or 'pods of no workload here'}; {'; '.join(_allowed(spec, works)) or 'nothing may pass'}"


def _allowed(spec: Mapping[str, Any], works: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for field, peers, word in (("ingress", "from", "from"), ("egress", "to", "to")):
        for rule in m.rows(spec.get(field)):
            ports = ", ".join(str(port.get("port")) for port in m.rows(rule.get("ports")))
            whom = [_peer(peer, works) for peer in m.rows(rule.get(peers))]
            yield f"{word} {' or '.join(whom) or 'anywhere'}{f', port {ports}' if ports else ''}"


def _peer(peer: Mapping[str, Any], works: Sequence[Mapping[str, Any]]) -> str:
    chosen = m.at(peer, "podSelector", "matchLabels")
    found = [str(m.at(work, "metadata", "name")) for work in works if m.selects(chosen, m.labels(work))]
    if found:
        return ", ".join(found)
    block = m.at(peer, "ipBlock", "cidr")
    return str(block) if block else "other namespaces" if "namespaceSelector" in peer else "some pods"


def _of_pods(up: Deployed) -> StackPicture:
    """What the pods themselves tell: the parts by their roles, their claims, the Service and the autoscaler in front of the application."""
    parts: list[Part] = []
    links: list[Link] = []
    by_part: dict[tuple[Role | None, str], list[Any]] = {}
    for pod in up.pods:
        if not pod.deleting:
            by_part.setdefault((pod.role, pod.workload or pod.part), []).append(pod)
    apps = []
    for (role, name), pods in by_part.items():
        key = f"part/{name}"
        column = 4 if role is Role.DATABASE else 2
        images = dict.fromkeys(container.image for pod in pods for container in pod.containers)
        parts.append(
            Part(
                key,
                {Role.APP: "application", Role.DATABASE: "database"}.get(role, "other part") if role else "pods",
                name,
                (*images, f"{sum(pod.ready for pod in pods)} of {len(pods)} pods ready"),
                column,
            )
        )
        apps += [key] if role is Role.APP else []
        for claim in dict.fromkeys(claim for pod in pods for claim in pod.claims):
            parts.append(Part(f"claim/{claim}", "claim", claim, (), 5))
            links.append(Link(key, f"claim/{claim}", "stores"))
    if up.endpoint is not None:
        port = up.endpoint.port or up.endpoint.node_port
        parts.append(Part("service", "Service", up.endpoint.service, (f"port {port}",) if port else (), 1))
        links += [Link("service", app, "leads to") for app in apps]
    if up.autoscaler is not None:
        parts.append(_scaler(up, up.autoscaler.name))
        links += [Link(parts[-1].key, app, "scales") for app in apps]
    databases = [part.key for part in parts if part.column == 4]
    # That the application reaches its database is what `up` waited for: its answer comes from there.
    links += [Link(app, database, "stores in") for app in apps for database in databases]
    return StackPicture(tuple(parts), tuple(links), ())
