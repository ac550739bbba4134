"""The pods of a load's workers: made, looked after, and what became of each in words.

The master counts what its workers tell and says who is missing; why, it cannot know. Here the API server is asked: a pod that was never
placed, was evicted, killed for want of memory or taken away is named with that, so that what is missing in the account has a cause.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.swarm import objects
from shelterctl.adapters.kube.swarm.seen import cause_of, is_over
from shelterctl.core.load.plan import LoadPlan
from shelterctl.errors import ApiRejected, ClusterError

LOOK_S = 2.0


class WorkerPods:
    """Of the Job `made`, a pod for each of the plan's processes."""

    def __init__(self, api: KubeApi, made: Mapping[str, Any], image: str, plan: LoadPlan, application: Mapping[str, str]) -> None:
        self._api, self._made, self._image, self._plan, self._application = api, made, image, plan, application
        self.names = tuple(f"{made['metadata']['name']}-worker-{number}" for number in range(1, plan.processes + 1))
        self._pods_path = f"/api/v1/namespaces/{made['metadata']['namespace']}/pods"
        self._pods: dict[str, Mapping[str, Any] | None] = {}
        self._causes: dict[str, str] = {}
        self._said: set[str] = set()
        self._lost: set[str] = set()
        self._told: list[str] = []
        self._closed = False
        self._lock = threading.Lock()
        self._let_go = threading.Event()

    def make(self, host: str) -> None:
        """All of them, for the master at `host`. Raises ApiRejected where one may not be made, ApiUnreachable."""
        # Without the right to it the namespace is taken to let the workers through: a worker that does not come is told.
        with suppress(ApiRejected):
            self._api.request("POST", self._policies_path, body=objects.policy(self._made))
        for name in self.names:
            body = objects.worker(self._made, name, self._image, self._plan, self._application, host)
            self._api.request("POST", self._pods_path, body=body)
        threading.Thread(target=self._watch, daemon=True).start()

    def hear(self, line: Mapping[str, Any]) -> None:
        """A line of the master's: with whom it began, and whom it lost."""
        if line["kind"] == "start":
            self._begin([str(name) for name in line["workers"]])
        elif line["kind"] == "worker":
            its = {pod for pod in self.names if str(line["worker"]).endswith(f" on {pod}")}
            with self._lock:
                self._lost = self._lost | its if line["state"] == "lost" else self._lost - its

    def told(self) -> tuple[str, ...]:
        """What is new: sentences about pods that are not as they should be."""
        with self._lock:
            told, self._told = tuple(self._told), []
        return told

    def hopeless(self) -> str:
        """Why none of them will ever come; empty while one may."""
        with self._lock:
            return "" if any(not is_over(self._pods.get(name, {})) for name in self.names) else self._words()

    def words(self) -> str:
        """What is known of those that are not well."""
        with self._lock:
            return self._words()

    def close(self) -> None:
        """The last look, at the load's end: those that the master lost are told whatever they look like."""
        if self._closed:
            return
        self._let_go.set()
        with suppress(ClusterError):
            self._look(last=True)
        self._closed = True

    def let_go(self) -> None:
        """No more looks: they are being removed."""
        self._let_go.set()
        self._closed = True

    @property
    def _policies_path(self) -> str:
        return f"/apis/networking.k8s.io/v1/namespaces/{self._made['metadata']['namespace']}/networkpolicies"

    def _words(self) -> str:
        return "; ".join(f"pod {name} {cause}" for name, cause in self._causes.items())

    def _watch(self) -> None:
        while not self._let_go.wait(LOOK_S):
            with suppress(ClusterError):
                self._look()

    def _look(self, *, last: bool = False) -> None:
        label = objects.LABEL
        found = self._api.items(self._pods_path, {"labelSelector": f"{label}={self._made['metadata']['labels'][label]}"})
        pods: dict[str, Mapping[str, Any] | None] = {str(pod["metadata"]["name"]): pod for pod in found}
        with self._lock:
            for name in self.names:
                if not self._let_go.is_set() or last:
                    self._take(name, pods.get(name))
                # Not every one that failed: a worker whose requests failed says so by its exit code, and its counts are all there.
                if name in self._lost:
                    self._say(name, "runs, as far as the API server knows" if last else "")

    def _take(self, name: str, pod: Mapping[str, Any] | None) -> None:
        if pod is None:
            # What was seen of it before says more.
            self._causes.setdefault(name, "was taken away")
        elif cause := cause_of(pod):
            self._causes[name] = cause
        else:
            self._causes.pop(name, None)
        self._pods[name] = pod

    def _say(self, name: str, otherwise: str) -> None:
        cause = self._causes.get(name, otherwise)
        if cause and name not in self._said:
            self._said.add(name)
            self._told.append(f"pod {name} {cause}")

    def _begin(self, processes: list[str]) -> None:
        """Those who are not there are let in no more: they are told, and removed."""
        missing = [name for name in self.names if not any(process.endswith(f" on {name}") for process in processes)]
        with self._lock:
            for name in missing:
                self._say(name, "did not come to the load in time, and the API server shows nothing wrong with it")
        for name in missing:
            with suppress(ClusterError):
                self._api.request("DELETE", f"{self._pods_path}/{name}")
