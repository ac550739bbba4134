"""The cluster past shelterctl: what the tests look at and set up with kubectl."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
from typing import Any

CONTEXT = "minikube"
_RANDOM = random.Random()


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True, timeout_s: float = 60.0) -> str:
    """Runs kubectl on the tests' cluster and returns its standard output."""
    program = ["kubectl"] if shutil.which("kubectl") else ["minikube", "kubectl", "--"]
    done = subprocess.run(
        [*program, "--context", CONTEXT, *arguments], input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def get(namespace: str, *what: str) -> dict[str, Any]:
    """`kubectl get … -o json`."""
    parsed = json.loads(kubectl("-n", namespace, "get", *what, "-o", "json"))
    assert isinstance(parsed, dict)
    return parsed


def items(namespace: str, *what: str) -> list[dict[str, Any]]:
    return list(get(namespace, *what)["items"])


def names(namespace: str, kind: str) -> list[str]:
    """The objects of a kind, without what Kubernetes itself puts into every namespace."""
    own = {"kube-root-ca.crt", "default"}
    return sorted(item["metadata"]["name"] for item in items(namespace, kind) if item["metadata"]["name"] not in own)


def uids(namespace: str, kind: str, selector: str) -> dict[str, str]:
    """Object name to UID."""
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items(namespace, kind, "-l", selector)}


def versions(namespace: str) -> dict[str, str]:
    """`kind/name` to the content of everything that `up` makes: equal before and after means that nothing was written.

    The number of a Deployment's pods is left out: the autoscaler may write it at any moment.
    """
    kinds = "deployments,statefulsets,services,configmaps,secrets,horizontalpodautoscalers,networkpolicies,poddisruptionbudgets"
    return {
        f"{item['kind']}/{item['metadata']['name']}": json.dumps([_written(item), item.get("data"), item["metadata"].get("labels")])
        for item in items(namespace, f"{kinds},serviceaccounts")
    }


def _written(item: dict[str, Any]) -> object:
    spec: dict[str, Any] = item.get("spec") or {}
    return {key: value for key, value in spec.items() if key != "replicas"} if item["kind"] == "Deployment" else spec


def passwords(namespace: str) -> dict[str, str]:
    """Secret/key to the value in clear."""
    return {
        f"{item['metadata']['name']}/{key}": base64.b64decode(value).decode()
        for item in items(namespace, "secrets")
        for key, value in (item.get("data") or {}).items()
    }


def exists(namespace: str) -> bool:
    return bool(kubectl("get", "namespace", namespace, "--ignore-not-found", "-o", "name"))


def free_node_port() -> int:
    """A node port that no Service of the cluster has, away from the manifests' own."""
    found = json.loads(kubectl("get", "services", "-A", "-o", "json"))["items"]
    taken = {port.get("nodePort") for service in found for port in service["spec"].get("ports") or ()}
    return _RANDOM.choice([port for port in range(31000, 32700) if port not in taken])


def delete_namespaces(*namespaces: str) -> None:
    """Deletes namespaces without waiting: their pods are ended at once, so that the node has their CPU back for the next test."""
    if not namespaces:
        # `kubectl get namespace` without a name is all of them.
        return
    for name in kubectl("get", "namespace", *namespaces, "--ignore-not-found", "-o", "name").split():
        namespace = name.removeprefix("namespace/")
        kubectl("delete", "namespace", namespace, "--wait=false", check=False)
        kubectl("-n", namespace, "delete", "pods", "--all", "--force", "--grace-period=0", "--wait=false", check=False)


def what_a_person_would_look_at(namespace: str) -> str:
    """Events, pod states and the last log lines of a namespace."""
    parts = [
        kubectl("-n", namespace, "get", "pods,pvc,hpa,services", "-o", "wide", check=False),
        kubectl("-n", namespace, "get", "events", "--sort-by=.lastTimestamp", check=False)[-6000:],
    ]
    listed = json.loads(kubectl("-n", namespace, "get", "pods", "-o", "json", check=False) or '{"items": []}')
    for pod in listed["items"]:
        name = pod["metadata"]["name"]
        parts.append(f"--- {name}, last lines\n" + kubectl("-n", namespace, "logs", name, "--all-containers", "--tail=15", check=False))
        if any(status["restartCount"] for status in pod["status"].get("containerStatuses") or ()):
            earlier = kubectl("-n", namespace, "logs", name, "--previous", "--tail=15", check=False)
            parts.append(f"--- {name}, before its restart\n{earlier}")
    return "\n".join(parts)
