"""What a load inside the cluster consists of: a Job with one pod, and what goes with the Job.

That is a Secret with the load, and where the workers are spread over the nodes, a pod for each and a NetworkPolicy for their way to the
master, which is the Job's pod then. All of it is owned by the Job: whatever ends and removes the Job removes everything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from shelterctl.adapters.kube.swarm.maker import ANNOTATION, maker
from shelterctl.adapters.swarm.handover import carried
from shelterctl.adapters.swarm.in_pod import LOAD_FILE
from shelterctl.adapters.swarm.runner import WORKER_KEY
from shelterctl.core.load.plan import IN_CLUSTER, LoadPlan
from shelterctl.core.serial import to_json

#: Where it goes: a stack's own namespace may have policies that cut strangers off.
NAMESPACE = "default"
#: Marks what belongs to a load; its value is the run.
LABEL = "shelterctl.dev/load"
#: How long its users may finish (the generator takes 12 s for it), and a little more.
GRACE_S = 25
#: For the image, the start and the end, beside the load itself. A Job ends then, whatever became of whoever made it,
BESIDE_S = 240
#: and is removed with its pod and its Secret so long after its end.
REMOVED_AFTER_S = 60
CONTAINER = "load"
#: Where the master hears its workers: Locust's own.
PORT = 5557
_LOAD_PATH = PurePosixPath(LOAD_FILE)
_LOAD_MOUNT = {"name": "load", "mountPath": str(_LOAD_PATH.parent), "readOnly": True}
_TMP_MOUNT = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108


def load_file(plan: LoadPlan) -> str:
    """The load as the pod reads it: the plan, the Locust file and the modules beside it."""
    told = to_json(replace(plan, variables={}, locustfile="", asked=(IN_CLUSTER,)))
    return json.dumps({"plan": told, "variables": dict(plan.variables), **carried(Path(plan.locustfile).resolve())})


def job(
    name: str, namespace: str, run: str, image: str, plan: LoadPlan, application: Mapping[str, str], *, master: bool = False
) -> dict[str, Any]:
    """The Job: the whole load in one pod, or the `master` of workers in pods of their own.

    `application` are the labels of the application's pods: where there is another node, the load is not beside them.
    """
    container: dict[str, Any] = {"volumeMounts": [_LOAD_MOUNT, _TMP_MOUNT]}
    volumes: list[dict[str, Any]] = [
        {"name": "load", "secret": {"secretName": name, "items": [{"key": "load", "path": _LOAD_PATH.name}]}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if master:
        container |= {"env": [_key_of(name)], "ports": [{"name": "locust", "containerPort": PORT}]}
    labels = _labels(run)
    pod = _pod(image, 1 if master else plan.processes, application, labels, container) | {"volumes": volumes}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": {ANNOTATION: maker()}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _most_s(plan),
            "ttlSecondsAfterFinished": REMOVED_AFTER_S,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def secret(made: Mapping[str, Any], text: str, key: str = "") -> dict[str, Any]:
    """The load, as a Secret that the API server's garbage collector removes with the Job: its requests may carry a token.

    `key` is what a worker must know to be let in; empty where there are none.
    """
    told = {"load": text} | ({"key": key} if key else {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _of(made, made["metadata"]["name"]), "stringData": told}


def worker(made: Mapping[str, Any], name: str, image: str, plan: LoadPlan, application: Mapping[str, str], host: str) -> dict[str, Any]:
    """A worker of the master at `host`, a pod that goes with the master's Job.

    No Job makes it: one that had lost a worker would end the others with it, or replace it by one that comes into a load whose shares are
    given. And a pod that a quota or a policy forbids is refused to whoever makes it, in words.
    """
    command = ["python", "-P", "-m", "shelterctl.adapters.swarm.worker_start", host, str(PORT)]
    container = {
        "command": command,
        "env": [_key_of(made["metadata"]["name"])],
        "volumeMounts": [_TMP_MOUNT],
        # What it said last is in its status when it failed.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    metadata = _of(made, name)
    pod = _pod(image, 1, application, metadata["labels"], container) | {"volumes": [{"name": "tmp", "emptyDir": {}}]}
    # The Job's end does not end it: its master does, and this is the bound behind that.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**pod, "activeDeadlineSeconds": _most_s(plan)}}


def policy(made: Mapping[str, Any]) -> dict[str, Any]:
    """Lets the workers come to their master, and nobody else, also where the namespace lets nobody in. They may go where they like."""
    mine = {"matchLabels": dict(made["metadata"]["labels"])}
    ingress = {"from": [{"podSelector": mine}], "ports": [{"protocol": "TCP", "port": PORT}]}
    spec = {"podSelector": mine, "policyTypes": ["Ingress", "Egress"], "ingress": [ingress], "egress": [{}]}
    name = made["metadata"]["name"]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": _of(made, name), "spec": spec}


def _most_s(plan: LoadPlan) -> int:
    return math.ceil(plan.duration_s) + BESIDE_S


def _labels(run: str) -> dict[str, str]:
    return {LABEL: run, "app.kubernetes.io/managed-by": "shelterctl"}


def _of(made: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Metadata of what goes with a Job: removing the Job removes it, and waits for it."""
    job_is = made["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job_is["name"], "uid": job_is["uid"], "blockOwnerDeletion": True}
    return {"name": name, "namespace": job_is["namespace"], "labels": job_is["labels"], "ownerReferences": [owner]}


def _key_of(name: str) -> dict[str, Any]:
    return {"name": WORKER_KEY, "valueFrom": {"secretKeyRef": {"name": name, "key": "key"}}}


def _pod(
    image: str, processes: int, application: Mapping[str, str], own: Mapping[str, str], container: Mapping[str, Any]
) -> dict[str, Any]:
    """A pod that the strictest Pod Security level (`restricted`) takes, without any right on the cluster."""
    away = [_away(application, 100, {"namespaceSelector": {}})] if application else []
    # Weights add up over the pods of a node: all of the load's own count less than one of the application's, and only a preference
    # keeps a cluster of one node in use. A spread constraint would weigh as much as the distance to the application.
    away.append(_away(own, 1, {}))
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": away}},
        "containers": [
            {
                "name": CONTAINER,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "resources": {"requests": {"cpu": "50m", "memory": f"{128 + 96 * processes}Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                **container,
            }
        ],
    }


def _away(labels: Mapping[str, str], weight: int, where: Mapping[str, Any]) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": dict(labels)}, "topologyKey": "kubernetes.io/hostname", **where}
    return {"podAffinityTerm": term, "weight": weight}
