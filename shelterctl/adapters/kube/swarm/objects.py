"""What a load inside the cluster consists of: a Job with one pod, and a Secret with the load, which goes with the Job."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shelterctl.adapters.kube.swarm.maker import ANNOTATION, maker
from shelterctl.adapters.swarm.handover import carried
from shelterctl.adapters.swarm.in_pod import LOAD_FILE
from shelterctl.core.load.plan import LoadPlan
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


def load_file(plan: LoadPlan) -> str:
    """The load as the pod reads it: the plan, the Locust file and the modules beside it."""
    told = to_json(replace(plan, variables={}, locustfile="", asked=()))
    return json.dumps({"plan": told, "variables": dict(plan.variables), **carried(Path(plan.locustfile).resolve())})


def job(name: str, namespace: str, run: str, image: str, plan: LoadPlan, application: Mapping[str, str]) -> dict[str, Any]:
    """The Job. `application` are the labels of the application's pods: where there is another node, the load is not beside them."""
    beside = {"labelSelector": {"matchLabels": dict(application)}, "topologyKey": "kubernetes.io/hostname", "namespaceSelector": {}}
    away = {"podAffinityTerm": beside, "weight": 100}
    folder, _, file = LOAD_FILE.rpartition("/")
    container = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "50m", "memory": f"{128 + 96 * plan.processes}Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "load", "mountPath": folder, "readOnly": True}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [away]}} if application else {},
        "containers": [container],
        "volumes": [
            {"name": "load", "secret": {"secretName": name, "items": [{"key": "load", "path": file}]}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    labels = {LABEL: run, "app.kubernetes.io/managed-by": "shelterctl"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": {ANNOTATION: maker()}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(plan.duration_s) + BESIDE_S,
            "ttlSecondsAfterFinished": REMOVED_AFTER_S,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def secret(made: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The load, as a Secret that the API server's garbage collector removes with the Job: its requests may carry a token."""
    metadata = made["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    own = {key: metadata[key] for key in ("name", "namespace", "labels")}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {**own, "ownerReferences": [owner]}, "stringData": {"load": text}}
