"""A pod to ask names from, beside an application whose image has no Python: on its node, with its DNS settings, and gone afterwards.

An ephemeral container (stable since Kubernetes 1.25) would share the application's own network, and can never be taken out of its pod
again (https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/): a pod of its own can.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from shelterctl.adapters.kube.records import NO_START
from shelterctl.core.state import Pod, PodName
from shelterctl.errors import ApiRejected, ClusterError, WaitTimeout

Json: TypeAlias = Mapping[str, Any]

LABEL = "shelterctl.dev/asks"
CONTAINER = "ask"
#: It ends by itself after that long (seconds), whatever became of whoever made it.
DEADLINE_S = 600
START_TIMEOUT_S = 60.0
_PAUSE_S = 0.5
#: What is tried where the node's list has none.
USUAL_IMAGE = "python:3.13-slim"
#: An official Python image, from any registry: 3.9 and later run the probe.
_PYTHON = re.compile(r"(?:^|/)python:3\.(?:9|[1-9]\d)(?:[.-][\w.-]*)?$|(?:^|/)python:3(?:-[\w.-]*)?$")
#: What the kubelet says of an image that it has not got.
_NOT_THERE = "ErrImageNeverPull"
#: What a policy means for a pod on its node's network (the kubelet's GetPodDNS): the pod that is made is not on it.
_ON_THE_NODES_NETWORK = {"ClusterFirst": "Default", "ClusterFirstWithHostNet": "ClusterFirst"}


class Api(Protocol):
    """The part of the Kubernetes API that is needed. Raises ApiRejected, ApiUnreachable."""

    def request(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object | None = None) -> Json: ...


@dataclass(frozen=True, slots=True)
class AskingPod:
    """The pod as it is asked from. `lacking` is the application's container that has no Python."""

    pod: Pod
    image: str
    lacking: str

    @property
    def name(self) -> str:
        return self.pod.name

    @property
    def container(self) -> str:
        return CONTAINER

    @property
    def words(self) -> str:
        return (
            f"asked from a pod made for it ({self.name}, {self.image}), not from the application's own, whose container {self.lacking} "
            "has no Python: the same node, namespace and DNS settings; a NetworkPolicy that selects the application's pods does not hold "
            "for it, and its C library is its own"
        )


def lacks_python(error: ApiRejected) -> bool:
    """Whether a program could not be run since the image has no Python, or one that is too old for it.

    containerd says so in the end of the exec, Docker by the exit codes 126 and 127.
    """
    missing = "executable file not found" in error.why or "no such file or directory" in error.why.lower()
    started = error.reason.startswith("ExitCode")
    return error.reason in ("ExitCode126", "ExitCode127") or (missing and not started) or (started and "SyntaxError" in error.why)


class MadePods:
    """Makes pods and takes them away."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def make(self, beside: Pod, lacking: str) -> AskingPod:
        """A running pod. Raises ClusterError where the node has no image with Python, or the pod may not be or does not start."""
        own = self._api.request("GET", f"{_pods(beside.namespace)}/{beside.name}")
        self._remove_ended(beside.namespace)
        node = str(own["spec"]["nodeName"])
        listed = self._listed(node)
        # The kubelet's list is up to a minute old: an image that was just loaded is not in it, and only a pod tells.
        image = listed or USUAL_IMAGE
        name = f"shelterctl-asks-{secrets.token_hex(4)}"
        asking = AskingPod(replace(beside, name=PodName(name)), image, lacking)
        try:
            self._api.request("POST", _pods(beside.namespace), body=body(own, name, image))
            self._await(asking, unlisted_on="" if listed else node)
        except ApiRejected as error:
            self.remove(asking)
            raise ClusterError(
                f"container {lacking} of pod {beside.name} has no Python, and a pod to ask from may not be made",
                why=f"{error.what}: {error.why}",
                next_command=f"kubectl -n {beside.namespace} get events",
            ) from error
        except BaseException:
            self.remove(asking)
            raise
        return asking

    def remove(self, asking: AskingPod) -> None:
        """Without waiting for its end. What cannot be removed ends by its deadline, and goes with the next one that is made."""
        with suppress(ClusterError):
            self._api.request("DELETE", f"{_pods(asking.pod.namespace)}/{asking.name}", body={"gracePeriodSeconds": 0})

    def _remove_ended(self, namespace: str) -> None:
        for item in self._api.request("GET", _pods(namespace), query={"labelSelector": f"{LABEL}=names"}).get("items") or ():
            if (item.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                with suppress(ClusterError):
                    self._api.request("DELETE", f"{_pods(namespace)}/{item['metadata']['name']}", body={"gracePeriodSeconds": 0})

    def _listed(self, node: str) -> str:
        """The image that the node's status names; empty where it names none."""
        try:
            images = (self._api.request("GET", f"/api/v1/nodes/{node}").get("status") or {}).get("images") or ()
        except ApiRejected as error:
            why = f"which images node {node} has may not be read: {error.why}"
            raise _no_image(node, why) from error
        return python_image(images)

    def _await(self, asking: AskingPod, *, unlisted_on: str) -> None:
        """Until its container runs. Raises ClusterError at once where it never will, WaitTimeout.

        `unlisted_on` is the node where its image was only hoped for.
        """
        until_s = time.monotonic() + START_TIMEOUT_S
        logs = f"kubectl -n {asking.pod.namespace} describe pod {asking.name}"
        while True:
            status = self._api.request("GET", f"{_pods(asking.pod.namespace)}/{asking.name}").get("status") or {}
            state = next((item.get("state") or {} for item in status.get("containerStatuses") or ()), {})
            waiting = state.get("waiting") or {}
            if "running" in state:
                return
            if status.get("phase") in ("Failed", "Succeeded") or waiting.get("reason") in NO_START:
                if unlisted_on and waiting.get("reason") == _NOT_THERE:
                    raise _no_image(unlisted_on, f"node {unlisted_on} names no python:3.9 or later among its images")
                told = waiting or status
                why = f"{told.get('reason') or told.get('phase')}: {told.get('message') or ''}".rstrip(": ")
                raise ClusterError(f"the pod to ask from ({asking.image}) does not start", why=why)
            if time.monotonic() > until_s:
                what = f"the pod to ask from ({asking.image}) did not start within {START_TIMEOUT_S:g} s"
                raise WaitTimeout(what, why=str(waiting.get("reason") or status.get("phase") or "nothing is told of it"), next_command=logs)
            time.sleep(_PAUSE_S)


def _no_image(node: str, why: str) -> ClusterError:
    return ClusterError(
        "the application's image has no Python to ask names with, and its node has no image that could",
        why=why,
        next_command=f"load python:3.13-slim into node {node} (minikube image load, kind load docker-image), then shelterctl dns check",
    )


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def python_image(images: Iterable[Json]) -> str:
    """The smallest of a node's images that has Python for sure (`status.images` of the node); empty where there is none."""
    found = [
        (int(image.get("sizeBytes") or 0), name)
        for image in images
        for name in image.get("names") or ()
        if "@" not in name and _PYTHON.search(name)
    ]
    return min(found)[1] if found else ""


def body(own: Json, name: str, image: str) -> dict[str, Any]:
    """The pod's object: the DNS settings, host aliases and node of `own`, the application's pod; small, without rights, ending by itself.

    It has no label of the application's, so that no Service counts it among its endpoints.
    """
    spec = own["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    copied = {key: spec[key] for key in ("dnsConfig", "hostAliases", "runtimeClassName") if spec.get(key)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": own["metadata"]["namespace"],
            "labels": {LABEL: "names"},
            "annotations": {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"},
        },
        "spec": {
            **copied,
            "dnsPolicy": _ON_THE_NODES_NETWORK.get(policy, policy) if spec.get("hostNetwork") else policy,
            "nodeName": spec["nodeName"],
            "tolerations": [{"operator": "Exists"}],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": DEADLINE_S,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": CONTAINER,
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["sleep", str(DEADLINE_S)],
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "250m", "memory": "96Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
