"""What the API server shows of a load's pods, and of the nodes that they may go to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.records import NO_START
from shelterctl.errors import ApiRejected

#: Beside what the kubelet says of images: its words for a container that it cannot make.
HOPELESS = NO_START | {"CreateContainerError"}
#: `worker_start`'s exit codes.
_OWN_ENDS = {75: "found no load that answered", 76: "was refused by the load"}


def is_over(pod: Mapping[str, Any] | None) -> bool:
    """Whether a pod does nothing for the load any more, or never will. An empty one has not been seen yet."""
    if pod is None:
        return True
    status = pod.get("status") or {}
    waiting = {str(((each.get("state") or {}).get("waiting") or {}).get("reason", "")) for each in status.get("containerStatuses") or ()}
    deleting = bool((pod.get("metadata") or {}).get("deletionTimestamp"))
    return deleting or status.get("phase") == "Failed" or bool(waiting & HOPELESS)


def cause_of(pod: Mapping[str, Any]) -> str:
    """Why a pod is not at work, as what follows its name in a sentence; empty where it is, or ended well."""
    status = pod.get("status") or {}
    node = (pod.get("spec") or {}).get("nodeName")
    where = f" (node {node})" if node else ""
    conditions = {str(each["type"]): each for each in status.get("conditions") or () if each["status"] in ("True", "False")}
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        if waiting := state.get("waiting"):
            if waiting.get("reason") in HOPELESS:
                return f"cannot start{where}: {_said(waiting)}"
        elif (ended := state.get("terminated")) and ended.get("reason") == "OOMKilled":
            return f"was killed for want of memory{where}: OOMKilled"
    # The kubelet's eviction is a reason of the pod's own; who else took it away leaves a condition.
    if status.get("phase") == "Failed" and status.get("reason"):
        return f"was ended{where}: {_said(status)}"
    taken = conditions.get("DisruptionTarget")
    if taken is not None and taken["status"] == "True":
        return f"was ended{where}: {_said(taken)}"
    for container in status.get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated") or {}
        if code := ended.get("exitCode"):
            said = str(ended.get("message", "")).strip().splitlines()
            told = _OWN_ENDS.get(code) or f"ended with exit code {code}"
            return f"{told}{where}{f': {said[-1]}' if said else ''}"
    placed = conditions.get("PodScheduled")
    if placed is not None and placed["status"] == "False":
        return f"was not placed on a node: {_said(placed)}"
    return f"was taken away{where}" if (pod.get("metadata") or {}).get("deletionTimestamp") else ""


def places(api: KubeApi) -> int:
    """How many nodes take pods that ask for nothing special; 1 where nobody may know."""
    try:
        return sum(_takes_pods(node) for node in api.items("/api/v1/nodes"))
    except ApiRejected:
        return 1


def forbidden(api: KubeApi, namespace: str, job: str) -> str:
    """What the API server told a Job's controller where a quota or a policy forbids its pod: it only asks again. Empty where nothing."""
    of_job = {"fieldSelector": f"involvedObject.kind=Job,involvedObject.name={job},reason=FailedCreate"}
    with suppress(ApiRejected):
        for event in api.items(f"/api/v1/namespaces/{namespace}/events", of_job):
            if "forbidden" in (message := str(event.get("message", ""))):
                return message
    return ""


def _takes_pods(node: Mapping[str, Any]) -> bool:
    spec = node.get("spec") or {}
    ready = [each for each in (node.get("status") or {}).get("conditions") or () if each["type"] == "Ready" and each["status"] == "True"]
    barred = any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in spec.get("taints") or ())
    return bool(ready) and not barred and not spec.get("unschedulable")


def _said(found: Mapping[str, Any]) -> str:
    return f"{found.get('reason', '')}: {found.get('message', '')}".strip(": ")
