"""Objects of manifests as records: what is written, with the defaults that the API server fills in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shelterctl.core import quantities
from shelterctl.core.stack import variables
from shelterctl.core.stack.documents import Document, Manifests, Path, items, section, template_path
from shelterctl.core.stack.model import ClaimFact, Container, Reference, Scaler, Service, Volume, VolumeFact, Workload

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Pod")
_PROBES = {"startupProbe": "startup", "readinessProbe": "readiness", "livenessProbe": "liveness"}
_VOLUMES = {"persistentVolumeClaim": ("claim", "claimName"), "hostPath": ("hostPath", "path"), "secret": ("secret", "secretName")}


def workloads(manifests: Manifests, namespace: str) -> tuple[Workload, ...]:
    """Every workload. `namespace` is that of objects that state none."""
    return tuple(_workload(manifests, document, namespace) for document in manifests.of(*WORKLOADS))


def services(manifests: Manifests, namespace: str) -> tuple[Service, ...]:
    return tuple(
        Service(
            d.name,
            d.namespace or namespace,
            str(section(d.body, "spec").get("type") or "ClusterIP"),
            str(section(d.body, "spec").get("clusterIP") or "") == "None",
            _texts(section(d.body, "spec", "selector")),
            tuple(
                (_number(port.get("port")), str(port.get("targetPort") or port.get("port") or ""), _number(port.get("nodePort")))
                for port in items(d.body, "spec", "ports")
            ),
            d.at("metadata", "name"),
        )
        for d in manifests.of("Service")
    )


def scalers(manifests: Manifests, namespace: str) -> tuple[Scaler, ...]:
    found = []
    for d in manifests.of("HorizontalPodAutoscaler"):
        spec, target = section(d.body, "spec"), section(d.body, "spec", "scaleTargetRef")
        percent = next(
            (
                section(metric, "resource", "target").get("averageUtilization", section(metric, "resource").get("targetAverageUtilization"))
                for metric in items(spec, "metrics")
                if section(metric, "resource").get("name") == "cpu"
            ),
            spec.get("targetCPUUtilizationPercentage"),
        )
        name = f"{target.get('kind')}/{target.get('name')}" if target else ""
        found.append(
            Scaler(
                d.name, d.namespace or namespace, name, _number(spec.get("minReplicas")) or 1, _number(spec.get("maxReplicas")),
                _number(percent) or None, "behavior" in spec, d.at("spec", "scaleTargetRef"),
            )
        )  # fmt: skip
    return tuple(found)


def claims(manifests: Manifests, namespace: str) -> tuple[ClaimFact, ...]:
    return tuple(
        ClaimFact(
            d.name,
            d.namespace or namespace,
            section(d.body, "spec").get("storageClassName"),
            str(section(d.body, "spec").get("volumeName") or ""),
            _bytes(section(d.body, "spec", "resources", "requests").get("storage")),
            d.at("metadata", "name"),
        )
        for d in manifests.of("PersistentVolumeClaim")
    )


def volumes(manifests: Manifests) -> tuple[VolumeFact, ...]:
    found = []
    for d in manifests.of("PersistentVolume"):
        spec = section(d.body, "spec")
        kind = next((name for name in ("hostPath", "local", "nfs", "csi") if name in spec), "")
        retained = str(spec.get("persistentVolumeReclaimPolicy") or "Retain") == "Retain"
        path = str(section(spec, kind).get("path") or "") if kind else ""
        size = _bytes(section(spec, "capacity").get("storage"))
        found.append(VolumeFact(d.name, kind, path, str(spec.get("storageClassName") or ""), size, retained, d.at("metadata", "name")))
    return tuple(found)


def _workload(manifests: Manifests, d: Document, namespace: str) -> Workload:
    path = template_path(d.kind)
    spec, pod = section(d.body, "spec"), section(d.body, *[str(part) for part in path])
    labels = section(spec, "template", "metadata", "labels") if d.kind != "Pod" else section(d.body, "metadata", "labels")
    strategy = section(spec, "strategy" if d.kind == "Deployment" else "updateStrategy")
    return Workload(
        kind=d.kind,
        name=d.name,
        namespace=d.namespace or namespace,
        labels=_texts(labels),
        selector=_texts(section(spec, "selector", "matchLabels")) or _texts(labels),
        containers=_containers(manifests, d, pod, (*path, "containers")),
        init_containers=_containers(manifests, d, pod, (*path, "initContainers")),
        replicas=_number(spec["replicas"]) if "replicas" in spec else None,
        replicas_origin=d.at("spec", "replicas") if "replicas" in spec else None,
        strategy=str(strategy.get("type") or "RollingUpdate"),
        service_name=str(spec.get("serviceName") or ""),
        volumes=tuple(_volume(d, (*path, "volumes", index), entry) for index, entry in enumerate(items(pod, "volumes"))),
        claim_templates=tuple(str(section(entry, "metadata").get("name") or "") for entry in items(spec, "volumeClaimTemplates")),
        origin=d.at("metadata", "name"),
        strategy_origin=d.at("spec", "strategy"),
        service_name_origin=d.at("spec", "serviceName"),
        mounted=tuple(r for index, entry in enumerate(items(pod, "volumes")) for r in _mounted(d, (*path, "volumes", index), entry)),
    )


def _containers(manifests: Manifests, d: Document, pod: Mapping[str, Any], path: Path) -> tuple[Container, ...]:
    return tuple(_container(manifests, d, (*path, index), entry) for index, entry in enumerate(items(pod, str(path[-1]))))


def _container(manifests: Manifests, d: Document, path: Path, entry: Mapping[str, Any]) -> Container:
    found, references = variables.read(manifests, d, path, entry)
    requests, limits = section(entry, "resources", "requests"), section(entry, "resources", "limits")
    image = str(entry.get("image") or "")
    # A limit without a request is the request as well (core/v1, ResourceRequirements).
    cpu_limit, memory_limit = _millicores(limits.get("cpu")), _optional(_bytes, limits.get("memory"))
    words = tuple(str(word) for key in ("command", "args") for word in entry.get(key) or () if isinstance(entry.get(key), list | tuple))
    commands = tuple(
        " ".join(map(str, section(entry, probe, "exec").get("command") or ())) for probe in _PROBES if section(entry, probe, "exec")
    )
    return Container(
        name=str(entry.get("name") or ""),
        image=image,
        image_origin=d.at(*path, "image"),
        policy=str(entry.get("imagePullPolicy") or ("Always" if tag(image) in ("", "latest") else "IfNotPresent")),
        ports=tuple(_number(port.get("containerPort")) for port in items(entry, "ports")),
        variables=tuple(found),
        references=tuple(references),
        cpu_request_millicores=_millicores(requests.get("cpu")) if "cpu" in requests else cpu_limit,
        cpu_limit_millicores=cpu_limit,
        memory_request_bytes=_optional(_bytes, requests.get("memory")) if "memory" in requests else memory_limit,
        memory_limit_bytes=memory_limit,
        probes=frozenset(word for key, word in _PROBES.items() if key in entry),
        mounts={str(mount.get("mountPath") or ""): str(mount.get("name") or "") for mount in items(entry, "volumeMounts")},
        command=words,
        origin=d.at(*path),
        read_only_root=bool(section(entry, "securityContext").get("readOnlyRootFilesystem")),
        probe_commands=commands,
    )


def _volume(d: Document, path: Path, entry: Mapping[str, Any]) -> Volume:
    name = str(entry.get("name") or "")
    for field, (kind, key) in _VOLUMES.items():
        if field in entry:
            return Volume(name, kind, str(section(entry, field).get(key) or ""), d.at(*path))
    if "configMap" in entry:
        return Volume(name, "configMap", str(section(entry, "configMap").get("name") or ""), d.at(*path))
    kind = next((str(key) for key in entry if key != "name"), "emptyDir")
    return Volume(name, kind, "", d.at(*path))


def _mounted(d: Document, path: Path, entry: Mapping[str, Any]) -> Iterator[Reference]:
    """The Secrets and ConfigMaps of a volume, also of a projected one, with the keys that it wants."""
    sources = [({"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}, path, entry)]
    projected = {"secret": ("Secret", "name"), "configMap": ("ConfigMap", "name")}
    for index, source in enumerate(items(section(entry, "projected"), "sources")):
        sources.append((projected, (*path, "projected", "sources", index), source))
    for fields, where, source in sources:
        for field, (kind, key) in fields.items():
            told = section(source, field)
            name = str(told.get(key) or "")
            # Kubernetes puts this one into every namespace.
            if name and name != "kube-root-ca.crt":
                wanted = [str(item.get("key") or "") for item in items(told, "items")] or [""]
                yield from (Reference(kind, name, each, d.at(*where), bool(told.get("optional"))) for each in wanted)


def tag(image: str) -> str:
    """The tag of an image's name; empty without one. A digest is `@…`."""
    if "@" in image:
        return "@" + image.partition("@")[2]
    return image.rpartition("/")[2].partition(":")[2]


def base_name(image: str) -> str:
    """The last part of an image's name, without tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _texts(mapping: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in mapping.items()}


def _bytes(value: object) -> int:
    try:
        return quantities.whole(str(value or 0))
    except ValueError:
        return 0


def _millicores(value: object) -> int | None:
    return _optional(lambda found: quantities.millicores(str(found)), value)


def _optional(how: Callable[[Any], int], value: object) -> int | None:
    if value is None:
        return None
    try:
        return how(value)
    except ValueError:
        return None
