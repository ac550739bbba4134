"""Facts of the manifests that a run created: containers with their bounds and rights, Services, and which part talks to which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_PROBES = (("readinessProbe", "readiness"), ("livenessProbe", "liveness"), ("startupProbe", "startup"))


@dataclass(frozen=True, slots=True)
class ContainerFact:
    """A container as its manifest has it; an empty field is one that the manifest does not set."""

    workload: str
    name: str
    image: str
    cpu_request: str
    cpu_limit: str
    memory_request: str
    memory_limit: str
    probes: str
    user: str
    read_only_root: str
    secrets: str


def at(value: Any, *keys: str) -> Any:
    """What lies under keys; None where it does not."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def rows(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def named(item: Mapping[str, Any]) -> str:
    return f"{str(item.get('kind', '')).lower()}/{at(item, 'metadata', 'name')}"


def of_kind(objects: Sequence[Mapping[str, Any]], *kinds: str) -> list[Mapping[str, Any]]:
    return [item for item in objects if item.get("kind") in kinds]


def workloads(objects: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return of_kind(objects, *_WORKLOADS)


def containers(objects: Sequence[Mapping[str, Any]]) -> Iterator[ContainerFact]:
    for item in workloads(objects):
        pod = at(item, "spec", "template", "spec") or {}
        volumes = {str(volume.get("name")): volume for volume in rows(pod.get("volumes"))}
        for container in (*rows(pod.get("initContainers")), *rows(pod.get("containers"))):
            requests, limits = at(container, "resources", "requests"), at(container, "resources", "limits")
            yield ContainerFact(
                workload=named(item),
                name=str(container.get("name", "")),
                image=str(container.get("image", "")),
                cpu_request=_text(at(requests, "cpu")),
                cpu_limit=_text(at(limits, "cpu")),
                memory_request=_text(at(requests, "memory")),
                memory_limit=_text(at(limits, "memory")),
                probes="; ".join(_probe(container[key], word) for key, word in _PROBES if isinstance(container.get(key), Mapping)),
                user=_user(pod, container),
                read_only_root=_yes(at(container, "securityContext", "readOnlyRootFilesystem")),
                secrets="; ".join(_secrets(container, volumes)),
            )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _yes(value: Any) -> str:
    return "" if value is None else "yes" if value is True else "no"


def _probe(probe: Mapping[str, Any], word: str) -> str:
    http, every = at(probe, "httpGet", "path"), _text(probe.get("periodSeconds"))
    how = f" GET {http}" if http else " a command" if "exec" in probe else " a TCP port" if "tcpSocket" in probe else ""
    return f"{word}{how}{f' every {every} s' if every else ''}"


def _user(pod: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    for context in (at(container, "securityContext"), at(pod, "securityContext")):
        if isinstance(context, Mapping) and context.get("runAsUser") is not None:
            return str(context["runAsUser"])
    for context in (at(container, "securityContext"), at(pod, "securityContext")):
        if isinstance(context, Mapping) and context.get("runAsNonRoot"):
            return "not root"
    return ""


def _secrets(container: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for entry in rows(container.get("envFrom")):
        if at(entry, "secretRef", "name"):
            yield f"{at(entry, 'secretRef', 'name')} as variables"
    for entry in rows(container.get("env")):
        if at(entry, "valueFrom", "secretKeyRef", "name"):
            yield f"{at(entry, 'valueFrom', 'secretKeyRef', 'name')} in {entry.get('name')}"
    for mount in rows(container.get("volumeMounts")):
        secret = at(volumes.get(str(mount.get("name")), {}), "secret", "secretName")
        if secret:
            yield f"{secret} at {mount.get('mountPath')}"


def labels(item: Mapping[str, Any]) -> Mapping[str, Any]:
    found = at(item, "spec", "template", "metadata", "labels")
    return found if isinstance(found, Mapping) else {}


def selects(selector: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(selector, Mapping) and bool(selector) and all(wanted.get(key) == value for key, value in selector.items())


def claims(item: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The claims that a workload's pods mount, by name, and whether each pod gets one of its own."""
    volumes = rows(at(item, "spec", "template", "spec", "volumes"))
    found = [(str(name), False) for volume in volumes if (name := at(volume, "persistentVolumeClaim", "claimName"))]
    return found + [(str(at(template, "metadata", "name")), True) for template in rows(at(item, "spec", "volumeClaimTemplates"))]


def allowed(works: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The ways from one workload to another that network policies name, as (from, to)."""
    found: dict[tuple[str, str], None] = {}
    for policy in of_kind(objects, "NetworkPolicy"):
        chosen = _selected(works, at(policy, "spec", "podSelector"))
        for field, peers in (("ingress", "from"), ("egress", "to")):
            for rule in rows(at(policy, "spec", field)):
                for peer in rows(rule.get(peers)):
                    others = _selected(works, peer.get("podSelector"))
                    pairs = [(other, one) if field == "ingress" else (one, other) for one in chosen for other in others if one != other]
                    found |= dict.fromkeys(pairs)
    return list(found)


def _selected(works: Sequence[Mapping[str, Any]], selector: Any) -> list[str]:
    return [named(work) for work in works if selects(at(selector, "matchLabels"), labels(work))]


def spoken_texts(item: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The variables and settings in which a workload may name a Service, with their values; never shown themselves."""
    maps = {str(at(each, "metadata", "name")): at(each, "data") for each in of_kind(objects, "ConfigMap")}
    pod = at(item, "spec", "template", "spec") or {}
    referred = [at(volume, "configMap", "name") for volume in rows(at(pod, "volumes"))]
    texts: list[tuple[str, str]] = []
    for container in (*rows(at(pod, "initContainers")), *rows(at(pod, "containers"))):
        for entry in rows(container.get("env")):
            texts.append((str(entry.get("name", "")), str(entry.get("value", ""))))
            referred.append(at(entry, "valueFrom", "configMapKeyRef", "name"))
        referred += [at(entry, "configMapRef", "name") for entry in rows(container.get("envFrom"))]
        texts += [("", str(part)) for key in ("command", "args") for part in container.get(key) or () if isinstance(part, str)]
    for name in dict.fromkeys(str(each) for each in referred if each):
        data = maps.get(name)
        texts += [(str(key), str(value)) for key, value in data.items()] if isinstance(data, Mapping) else []
    return texts
