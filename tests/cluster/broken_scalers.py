"""What keeps an autoscaler from scaling, one state after the other on a stack that runs, and what `hpa explain` must call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster import kube
from tests.cluster.commands import Shelterctl, wait_until

#: Two syncs of the autoscaler and a rollout: by then its status shows what was changed.
SEEN_TIMEOUT_S = 60.0


class Broken:
    """Breaks the autoscaler of Deployment `name`, and asks what is said of it."""

    def __init__(self, stack: Shelterctl, namespace: str, name: str) -> None:
        self.stack, self.namespace, self.name = stack, namespace, name

    def traps(self) -> dict[str, str]:
        """What keeps it from scaling: each check with what was found and why."""
        told = self.stack("hpa", "explain").result["traps"]
        return {trap["check"]: f"{trap['found']}; {trap['why']}" for trap in told}

    def refusal(self) -> str:
        """What is said where there is nothing to explain."""
        ran = self.stack("hpa", "explain", expect=None)
        return "" if ran.exit_code == 0 else f"{ran.error['what']}: {ran.error['why']}"

    def named(self, check: str, *words: str) -> None:
        """Waits until the check is among the traps with all of the words."""
        told = [""]

        def there() -> bool:
            told[0] = self.traps().get(check, "")
            return bool(told[0]) and all(word in told[0] for word in words)

        try:
            wait_until(there, f"{check} to be told with {words}", timeout_s=SEEN_TIMEOUT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {told[0] or self.traps()}") from None

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return kube.kubectl("--namespace", self.namespace, *arguments, stdin=stdin)

    @contextmanager
    def patched(self, kind: str, patch: dict[str, Any] | list[dict[str, Any]]) -> Iterator[None]:
        """The Deployment or the autoscaler with a patch, and as it was afterwards."""
        before = kube.get(self.namespace, kind, self.name)["spec"]
        form = "json" if isinstance(patch, list) else "strategic" if kind == "deployment" else "merge"
        self.kubectl("patch", kind, self.name, f"--type={form}", "-p", json.dumps(patch))
        try:
            yield
        finally:
            self.kubectl("patch", kind, self.name, "--type=json", "-p", json.dumps([{"op": "replace", "path": "/spec", "value": before}]))

    @contextmanager
    def created(self, document: dict[str, Any]) -> Iterator[None]:
        self.kubectl("create", "-f", "-", stdin=json.dumps(document))
        try:
            yield
        finally:
            self.kubectl("delete", document["kind"], document["metadata"]["name"], "--wait=true")


def causes_are_named(stack: Shelterctl, namespace: str, name: str) -> None:
    """Seven states in which no load adds a pod, each called by its cause, and none of them when it is over."""
    broken = Broken(stack, namespace, name)
    scaler, deployment = (kube.get(namespace, kind, name) for kind in ("hpa", "deployment"))
    for state in STATES:
        with state(broken, scaler, deployment):
            pass
    mended = {"hpa", "hpa-range", "two-hpas", "other-pods", "dead-zone", "cpu-requests", "rollout"}
    wait_until(lambda: not mended & set(broken.traps()), "the mended autoscaler to be told as one", timeout_s=SEEN_TIMEOUT_S)


@contextmanager
def _target_out_of_reach(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    metrics = json.loads(json.dumps(scaler["spec"]["metrics"]))
    metrics[0]["resource"]["target"]["averageUtilization"] = 900
    with broken.patched("hpa", {"spec": {"metrics": metrics}}):
        broken.named("dead-zone", "900%", "no load ever adds a pod")
        yield


@contextmanager
def _no_request(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    # A limit without a request is taken for the request: both have to go.
    with broken.patched("deployment", [{"op": "remove", "path": "/spec/template/spec/containers/0/resources"}]):
        broken.named("cpu-requests", f"container {deployment['spec']['template']['spec']['containers'][0]['name']}", "has none")
        yield


@contextmanager
def _image_that_is_nowhere(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    with broken.patched("deployment", [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "notes:never-made"}]):
        broken.named("rollout", "ImagePull", "notes:never-made")
        yield


@contextmanager
def _no_such_deployment(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    with broken.patched("hpa", {"spec": {"scaleTargetRef": {"name": f"{broken.name}-v1"}}}):
        wait_until(lambda: f"{broken.name}-v1" in broken.refusal(), "the Deployment that is scaled instead", timeout_s=SEEN_TIMEOUT_S)
        yield


@contextmanager
def _a_second_one(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    spec = {key: scaler["spec"][key] for key in ("scaleTargetRef", "minReplicas", "maxReplicas", "metrics")}
    rival = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "rival"}, "spec": spec}
    with broken.created(rival):
        broken.named("two-hpas", "rival")
        yield


@contextmanager
def _somebody_elses_pod(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    # Never started: it takes nothing from the node, and the selector matches it all the same.
    stranger = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "labels": deployment["spec"]["selector"]["matchLabels"]},
        "spec": {"schedulingGates": [{"name": "example.com/never"}], "containers": [{"name": "idle", "image": "mongo:8"}]},
    }
    with broken.created(stranger):
        broken.named("other-pods", "stranger", "not made by the Deployment")
        yield


@contextmanager
def _nothing_to_decide(broken: Broken, scaler: dict[str, Any], deployment: dict[str, Any]) -> Iterator[None]:
    with broken.patched("hpa", {"spec": {"minReplicas": scaler["spec"]["maxReplicas"]}}):
        broken.named("hpa-range", "minimum = maximum")
        yield


STATES: tuple[Callable[[Broken, dict[str, Any], dict[str, Any]], Any], ...] = (
    _target_out_of_reach,
    _a_second_one,
    _somebody_elses_pod,
    _nothing_to_decide,
    _no_such_deployment,
    _no_request,
    _image_that_is_nowhere,
)
