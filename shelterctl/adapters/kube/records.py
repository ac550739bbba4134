"""Kubernetes objects (JSON) to the records of `core.state`. The only place that knows where an object keeps what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shelterctl.adapters.kube import data_path
from shelterctl.adapters.kube.api import Json
from shelterctl.core import quantities
from shelterctl.core.state import (
    Autoscaler,
    Claim,
    Condition,
    ContainerState,
    Happening,
    Mount,
    Pod,
    PodName,
    Role,
    Usage,
    Workload,
)
from shelterctl.errors import ApiRejected

#: The label that tells the stack's parts apart, and what its values mean.
NAME_LABEL = "app.kubernetes.io/name"
#: Why the kubelet does not start a container of a pod that is made for one purpose: waiting mends nothing (kubelet's pkg/kubelet/images).
NO_START = frozenset({"ErrImageNeverPull", "InvalidImageName", "ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"})
ROLES = {"app": Role.APP, "mongodb": Role.DATABASE}
_HASH_LABELS = ("pod-template-hash", "controller-revision-hash")


def epoch_s(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time, with or without fractions."""
    if not text:
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).timestamp()


def millicores(quantity: str | None) -> int | None:
    """CPU in millicores; None for no quantity. Raises ApiRejected where it is none."""
    return None if quantity is None else _read(quantities.millicores, str(quantity))


def quantity_bytes(quantity: str | None) -> int:
    """Bytes of a memory or storage quantity; 0 for none. Raises ApiRejected where it is none."""
    return _read(quantities.whole, str(quantity or "0"))


def _read(how: Callable[[str], int], text: str) -> int:
    try:
        return how(text)
    except ValueError as error:
        raise ApiRejected(f"the API server gave “{text}” as a quantity") from error


#: Tells which part of the stack an object (a workload, a pod, a Service) is; None for what is no part of it.
RoleOf = Callable[[Json], Role | None]


def role_of(item: Json) -> Role | None:
    """By the label that the tool's own manifests carry."""
    return ROLES.get((item["metadata"].get("labels") or {}).get(NAME_LABEL, ""))


def pod(item: Json, role: RoleOf = role_of) -> Pod:
    """A Pod object as a record."""
    meta, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    scheduled = conditions.get("PodScheduled") or {}
    labels = meta.get("labels") or {}
    owner: Json = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), {})
    volumes = spec.get("volumes") or ()
    resources = [c.get("resources") or {} for c in spec.get("containers") or ()]
    return Pod(
        name=PodName(meta["name"]),
        namespace=meta.get("namespace", ""),
        uid=meta.get("uid", ""),
        role=role(item),
        phase=status.get("phase", "Unknown"),
        ready=ready.get("status") == "True",
        deleting="deletionTimestamp" in meta,
        node=spec.get("nodeName", ""),
        ip=status.get("podIP", ""),
        revision=next((labels[name] for name in _HASH_LABELS if name in labels), ""),
        owner_uid=owner.get("uid", ""),
        created_at_s=epoch_s(meta.get("creationTimestamp")) or 0.0,
        ready_since_s=epoch_s(ready.get("lastTransitionTime")) if ready.get("status") == "True" else None,
        containers=tuple(_containers(spec, status, "containers", "containerStatuses")),
        init_containers=tuple(_containers(spec, status, "initContainers", "initContainerStatuses")),
        scheduled=scheduled.get("status", "True" if spec.get("nodeName") else "False") == "True",
        scheduling_message=scheduled.get("message", ""),
        claims=tuple(v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v),
        ephemeral_volumes=tuple(_data_on_node(spec)),
        cpu_requests_millicores=tuple(millicores((r.get("requests") or {}).get("cpu")) for r in resources),
        cpu_limits_millicores=tuple(millicores((r.get("limits") or {}).get("cpu")) for r in resources),
        start_time_s=epoch_s(status.get("startTime")),
        memory_requests_bytes=tuple(quantity_bytes((r.get("requests") or {}).get("memory")) for r in resources),
        workload=_made_by(owner, labels),
    )


def _made_by(owner: Json, labels: Json) -> str:
    """The workload's name: a Deployment's ReplicaSet is called as the Deployment and the template's hash."""
    name = str(owner.get("name", ""))
    if owner.get("kind") == "ReplicaSet":
        return name.removesuffix(f"-{labels.get('pod-template-hash', '')}")
    return name


def _data_on_node(spec: Json) -> Iterable[str]:
    """The mount paths of volumes that end with the pod: emptyDir, or the container's own layer is not listed here."""
    empty = {v["name"] for v in spec.get("volumes") or () if "emptyDir" in v}
    for container in spec.get("containers") or ():
        for mount in container.get("volumeMounts") or ():
            if mount["name"] in empty:
                yield mount["mountPath"]


def _containers(spec: Json, status: Json, key: str, status_key: str) -> Iterable[ContainerState]:
    statuses = {c["name"]: c for c in status.get(status_key) or ()}
    for container in spec.get(key) or ():
        found: Json = statuses.get(container["name"], {})
        state_name, state = next(iter((found.get("state") or {"waiting": {}}).items()))
        last = (found.get("lastState") or {}).get("terminated") or (state if state_name == "terminated" else {})
        yield ContainerState(
            name=container["name"],
            ready=bool(found.get("ready")),
            restarts=int(found.get("restartCount", 0)),
            state=state_name,
            reason=state.get("reason", ""),
            message=state.get("message", ""),
            image=container.get("image", ""),
            image_id=image_id(found.get("imageID", "")),
            container_id=_without_scheme(found.get("containerID", "")),
            started_at_s=epoch_s(state.get("startedAt")),
            last_exit_code=last.get("exitCode"),
            last_reason=last.get("reason", ""),
            last_container_id=_without_scheme(last.get("containerID", "")),
            last_finished_at_s=epoch_s(last.get("finishedAt")),
            ports=tuple(int(port["containerPort"]) for port in container.get("ports") or ()),
            mounts=tuple(_mounts(spec, container)),
            data_path=data_path.of(container),
            probed="readinessProbe" in container,
        )


def _mounts(spec: Json, container: Json) -> Iterable[Mount]:
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    for mount in container.get("volumeMounts") or ():
        volume: Json = volumes.get(mount["name"], {})
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        kind = "claim" if claim else next((key for key in volume if key != "name"), "unknown")
        yield Mount(mount["mountPath"], kind, claim or mount["name"])


def image_id(text: str) -> str:
    """The digest in a container status's imageID (`docker-pullable://name@sha256:…`, `sha256:…`)."""
    return text.rpartition("@")[2].rpartition("//")[2]


def _without_scheme(text: str) -> str:
    return text.rpartition("//")[2]


def deployment(item: Json, role: Role, revision: str) -> Workload:
    """A Deployment; `revision` is the pod-template-hash of its newest ReplicaSet."""
    status = item.get("status") or {}
    failures = [
        (f"{c.get('reason', c['type'])}: {c.get('message', '')}", c["type"] == "Progressing", epoch_s(c.get("lastUpdateTime")))
        for c in status.get("conditions") or ()
        if (c["type"] == "ReplicaFailure" and c["status"] == "True")
        or (c["type"] == "Progressing" and c["status"] == "False" and c.get("reason") == "ProgressDeadlineExceeded")
    ]
    failure, for_good, at_s = failures[0] if failures else ("", False, None)
    found = _workload(item, "Deployment", role, revision, status.get("availableReplicas", 0))
    return replace(found, failure=failure, failed_at_s=at_s if for_good else None)


def stateful_set(item: Json, role: Role) -> Workload:
    """A StatefulSet; its revision is the update revision."""
    status = item.get("status") or {}
    return _workload(item, "StatefulSet", role, status.get("updateRevision", ""), status.get("availableReplicas", 0))


def _workload(item: Json, kind: str, role: Role, revision: str, available: int) -> Workload:
    meta, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    updated = int(status.get("updatedReplicas", 0))
    if kind == "StatefulSet" and status.get("updateRevision") == status.get("currentRevision"):
        # The controller counts updated replicas only while two revisions exist.
        updated = int(status.get("currentReplicas", status.get("replicas", 0)))
    return Workload(
        kind=kind,
        name=meta["name"],
        namespace=meta["namespace"],
        role=role,
        generation=int(meta.get("generation", 0)),
        observed_generation=int(status.get("observedGeneration", 0)),
        revision=revision,
        desired=int(spec.get("replicas", 1)),
        updated=updated,
        ready=int(status.get("readyReplicas", 0)),
        available=int(available or 0),
        total=int(status.get("replicas", 0)),
        image=spec["template"]["spec"]["containers"][0].get("image", ""),
    )


def newest_replica_set(deployment_item: Json, replica_sets: Iterable[Json]) -> Json | None:
    """The ReplicaSet of the Deployment's current template: the one with the highest revision annotation."""
    uid = deployment_item["metadata"]["uid"]
    owned = [r for r in replica_sets if any(o.get("uid") == uid for o in r["metadata"].get("ownerReferences") or ())]
    return max(owned, key=_revision_number, default=None)


def _revision_number(replica_set: Json) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", 0))


def autoscaler(item: Json) -> Autoscaler:
    """A HorizontalPodAutoscaler (autoscaling/v2) as a record, by its CPU utilization metric."""
    spec, status = item["spec"], item.get("status") or {}
    cpu = next((m for m in spec.get("metrics") or () if _is_cpu(m) and m["resource"]["target"].get("averageUtilization") is not None), None)
    target = None if cpu is None else cpu["resource"]["target"]["averageUtilization"]
    current = next((m["resource"]["current"].get("averageUtilization") for m in status.get("currentMetrics") or () if _is_cpu(m)), None)
    return Autoscaler(
        name=item["metadata"]["name"],
        minimum=int(spec.get("minReplicas") or 1),
        maximum=int(spec["maxReplicas"]),
        current=int(status.get("currentReplicas", 0)),
        # 0 until the controller has decided something: it leaves the replicas as they are till then.
        desired=int(status.get("desiredReplicas") or status.get("currentReplicas") or spec.get("minReplicas") or 1),
        cpu_target_percent=target,
        cpu_percent=current,
        conditions=tuple(
            Condition(c["type"], c["status"] == "True", c.get("reason", ""), c.get("message", "")) for c in status.get("conditions") or ()
        ),
        last_scale_at_s=epoch_s(status.get("lastScaleTime")),
        scale_up_window_s=float(((spec.get("behavior") or {}).get("scaleUp") or {}).get("stabilizationWindowSeconds") or 0),
        behavior=spec.get("behavior"),
        created_at_s=epoch_s(item["metadata"].get("creationTimestamp")),
        other_metrics=tuple(_metric_name(m) for m in spec.get("metrics") or () if m is not cpu),
    )


def _metric_name(metric: Json) -> str:
    """What a metric is, as far as its own words say it: memory, requests-per-second, cpu of container app."""
    kind = str(metric.get("type", ""))
    body = metric.get(kind[:1].lower() + kind[1:]) or {}
    name = str(body.get("name") or (body.get("metric") or {}).get("name") or kind or "an unknown metric")
    if kind == "ContainerResource":
        return f"{name} of container {body.get('container', '')}"
    return f"{name} as an average value" if kind == "Resource" and name == "cpu" else name


def _is_cpu(metric: Json) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def claim(item: Json, volumes: dict[str, Json]) -> Claim:
    """A PersistentVolumeClaim and, where it is bound, what kind of volume it is bound to."""
    meta, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    volume: Json = volumes.get(spec.get("volumeName", ""), {})
    kinds = [name for name in (volume.get("spec") or {}) if name in ("hostPath", "csi", "local", "nfs")]
    return Claim(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        phase=status.get("phase", "Pending"),
        volume=spec.get("volumeName", ""),
        storage_class=spec.get("storageClassName") or "",
        capacity=str((status.get("capacity") or {}).get("storage", "")),
        deleting="deletionTimestamp" in meta,
        volume_uid=(volume.get("metadata") or {}).get("uid", ""),
        volume_kind=kinds[0] if kinds else "",
    )


def happening(item: Json) -> Happening:
    """An Event (core/v1) as a record."""
    subject: dict[str, Any] = item.get("involvedObject") or {}
    at = item.get("lastTimestamp") or (item.get("series") or {}).get("lastObservedTime") or item.get("eventTime")
    return Happening(
        subject=f"{subject.get('kind', '').lower()}/{subject.get('name', '')}",
        reason=item.get("reason", ""),
        message=(item.get("message") or "").strip(),
        warning=item.get("type") == "Warning",
        count=int(item.get("count") or (item.get("series") or {}).get("count") or 1),
        at_s=epoch_s(at or item["metadata"].get("creationTimestamp")) or 0.0,
    )


def usage(item: Json) -> Usage:
    """A PodMetrics object (metrics.k8s.io/v1beta1) as a record."""
    containers = [c.get("usage") or {} for c in item.get("containers") or ()]
    return Usage(
        pod=PodName(item["metadata"]["name"]),
        cpu_millicores=sum(millicores(c.get("cpu")) or 0 for c in containers),
        memory_bytes=sum(quantity_bytes(c.get("memory")) for c in containers),
        sampled_at_s=epoch_s(item.get("timestamp")) or 0.0,
        window_s=_window_s(item.get("window", "0s")),
    )


def _window_s(text: str) -> float:
    from shelterctl.core.duration import parse_duration_s

    try:
        return parse_duration_s(text)
    except ValueError:
        return 0.0
