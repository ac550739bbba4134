"""The Target port for Kubernetes: plan, apply, look, watch, run in a pod, remove. Its parts are the modules beside it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters.kube import apply, kustomize, manifest_edits, others, records, remove, scale
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.hints import KubectlHints
from shelterctl.adapters.kube.look import state
from shelterctl.adapters.kube.look.endpoint import Way
from shelterctl.adapters.parts import pods_of_part
from shelterctl.core.deploy.stack import ApplyReport, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.serial import JsonValue
from shelterctl.core.state import Autoscaler, Pod, PodName, Role, StackState, Usage, Workload
from shelterctl.errors import ApiRejected, ApiUnreachable, UsageError

if TYPE_CHECKING:
    from shelterctl.core.controller import ScalerSettings
    from shelterctl.core.deploy.room import NodeRoom
    from shelterctl.core.events import Event, PeriodsSeen
    from shelterctl.core.load.clocks import ClockReading


class KubernetesCluster:
    """One namespace (and its `-db` companion, where the overlay has one) of one context. Fulfils `ports.capabilities.Policies` too."""

    noun = "the cluster"

    def __init__(self, api: KubeApi, namespace: str, manifests: Callable[[], Path], way: Way | None = None) -> None:
        self.hints = KubectlHints()
        self.api = api
        self.namespace = namespace
        self._manifests = manifests
        self._way = way or Way()
        self._alone = False

    @property
    def scale_up_within_s(self) -> float:
        # A load's judgement is much to import for a look at the stack.
        from shelterctl.core.load.scaling import SCALE_UP_WITHIN_S

        return SCALE_UP_WITHIN_S

    def version(self) -> str:
        return str(self.api.get("/version")["gitVersion"])

    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the stack that exist or may exist: the application's first."""
        companion = f"{self.namespace}-db"
        try:
            found = self.api.get_or_none(f"/api/v1/namespaces/{companion}")
        except ApiRejected as error:
            if error.status != 403:
                raise
            # Rights on one namespace alone: the stack is what is in it.
            self._alone = True
            return (self.namespace,)
        # One of that name that shelterctl did not make is somebody else's: it is neither looked into nor changed.
        return (self.namespace, companion) if found is not None and manifest_edits.is_managed(found) else (self.namespace,)

    def role(self, item: Json) -> Role | None:
        """Which part of the stack an object is."""
        return records.role_of(item)

    def watched(self) -> tuple[str, ...]:
        """The namespaces that are followed, whether they exist already or not."""
        return (self.namespace,) if self._alone else (self.namespace, f"{self.namespace}-db")

    def plan(self, options: StackOptions) -> StackPlan:
        refuse_options_of_others(options)
        rendered = kustomize.render(self._manifests(), options.overlay)
        documents = manifest_edits.edit(rendered, options, self.namespace)
        autoscaled = any(document["kind"] == "HorizontalPodAutoscaler" for document in documents)
        return StackPlan(options, manifest_edits.images(documents), len(documents), autoscaled, documents)

    def cut_off_s(self) -> float:
        return self._way.cut_off_s

    def cut_off(self, plan: StackPlan) -> tuple[str, ...]:
        return others.pods_of_others(self.api, plan.documents)

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        # The Secrets need their namespace, and the pods need the Secrets: so the namespaces come first, here.
        spaces = [document for document in plan.documents if document["kind"] == "Namespace"]
        ahead = tuple(apply.apply_document(self.api, document, dry_run=False, force=force) for document in spaces)
        from shelterctl.adapters.kube import credentials

        return credentials.ensure_shipped(self.api, plan.documents), ahead

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:
        managed = apply.managed_objects(self.api, self.namespaces())
        # What old pods still read when they restart goes only when they have gone (`prune_superseded`).
        doomed = [item for item in managed if dry_run or item["kind"] != "ConfigMap"]
        rehearsed: Sequence[apply.Rehearsed] = ()
        if not dry_run:
            rehearsed = apply.rehearse(self.api, plan.documents, force=force, origin=self._origin, there=managed)
            scale.keep_replicas(self.api, plan.documents)
        changes = apply.apply_all(self.api, plan.documents, dry_run=dry_run, force=force, rehearsed=rehearsed)
        changes += apply.prune(self.api, plan.documents, doomed, dry_run=dry_run)
        report = ApplyReport(tuple(changes))
        return report if dry_run else report.including(scale.raise_to_minimum(self.api, plan.documents))

    def prune_superseded(self, plan: StackPlan) -> ApplyReport:
        managed = [item for item in apply.managed_objects(self.api, self.namespaces()) if item["kind"] == "ConfigMap"]
        return ApplyReport(tuple(apply.prune(self.api, plan.documents, managed, dry_run=False)))

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        spaces = self.namespaces()
        return state.read(self.api, spaces, warnings_since_s=warnings_since_s, with_usage=with_usage, role=self.role, way=self._way)

    def restart(self, workload: Workload) -> None:
        # What `kubectl rollout restart` writes: another template, so another revision.
        at = datetime.now(UTC).isoformat(timespec="seconds")
        body = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}}}}}
        path = self.api.object_path("apps/v1", workload.kind, workload.namespace, workload.name)
        query = {"fieldManager": f"{apply.FIELD_MANAGER}-restart"}
        self.api.request("PATCH", path, query=query, body=body, content_type="application/merge-patch+json")

    def replace_pod(self, pod: Pod) -> None:
        item = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": pod.namespace, "name": pod.name}}
        apply.delete(self.api, item)

    def set_autoscaler(self, scaler: Autoscaler, settings: ScalerSettings) -> str:
        found = self.state(with_usage=False).workload(Role.APP)
        return scale.set_settings(self.api, found.namespace if found is not None else self.namespaces()[0], scaler.name, settings)

    def clocks(self) -> tuple[ClockReading, ...]:
        return state.read_clocks(self.api)

    def usage(self) -> tuple[Usage, ...]:
        return state.read_usage(self.api, self.namespaces())

    def periods(self, pods: Sequence[Pod]) -> PeriodsSeen:
        from shelterctl.adapters.kube.look.periods import read_periods

        return read_periods(self.api, pods)

    def rooms(self) -> tuple[NodeRoom, ...]:
        from shelterctl.adapters.kube.look import requests

        return requests.read_rooms(self.api)

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        # A look at the stack needs none of it.
        from shelterctl.adapters.kube import watch
        from shelterctl.adapters.kube.look.nodes import NodeMetrics

        # Asked here, so that an API server that is not there is an error at once. Both are followed: the companion may come later.
        self.namespaces()
        spaces = self.watched()
        return watch.watch(self.api, spaces, lambda: state.read_usage(self.api, spaces), stop, self.role, NodeMetrics(self.api).read)

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]:
        query = {"container": container, "tailLines": str(lines), **({"previous": "true"} if previous else {})}
        try:
            text = self.api.text(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log", query)
        except ApiRejected as error:
            # A container that never ran has no log; that is an answer, not an error.
            if error.status in (400, 404):
                return ()
            raise
        return tuple(text.splitlines())

    def follow_logs(self, part: str, *, follow: bool, previous: bool, lines: int) -> Iterator[tuple[PodName, str]]:
        pods = [records.pod(i, self.role) for n in self.namespaces() for i in self.api.items(f"/api/v1/namespaces/{n}/pods")]
        pods = pods_of_part(pods, part)
        lines_in: queue.Queue[tuple[PodName, str] | None] = queue.Queue(maxsize=10_000)

        def read(pod: Pod) -> None:
            container = pod.containers[0].name
            try:
                if not follow:
                    for line in self.log_tail(pod, container, lines=lines, previous=previous):
                        lines_in.put((pod.name, line))
                    return
                query = {"container": container, "tailLines": str(lines), "follow": "true"}
                for raw in self.api.stream_lines(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log", query, read_timeout_s=3600):
                    lines_in.put((pod.name, raw.decode("utf-8", "replace")))
            except (ApiRejected, ApiUnreachable) as error:
                lines_in.put((pod.name, f"[shelterctl: {error.what}: {error.why}]"))
            finally:
                lines_in.put(None)

        for pod in pods:
            threading.Thread(target=read, args=(pod,), daemon=True).start()
        open_streams = len(pods)
        while open_streams:
            # A timeout, so that Ctrl-C reaches the main thread while nothing is logged.
            with suppress(queue.Empty):
                item = lines_in.get(timeout=0.5)
                if item is None:
                    open_streams -= 1
                else:
                    yield item

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:
        return remove.remove(self.api, self.namespaces(), delete_data=delete_data)

    def _origin(self, document: Json) -> str:
        return kustomize.origin(self._manifests(), str(document["kind"]), str(document["metadata"]["name"]))

    def run_in_pod(self, pod: Pod, container: str, program: str, arguments: Sequence[str], *, timeout_s: float) -> JsonValue:
        code, out, err = self.api.exec(pod.namespace, pod.name, container, ["python", "-c", program, *arguments], timeout_s=timeout_s)
        if code != 0:
            why = (err.strip() or out.strip())[-400:]
            raise ApiRejected(f"a program in pod {pod.name} failed with exit code {code}", reason=f"ExitCode{code}", why=why)
        try:
            parsed: JsonValue = json.loads(out)
        except ValueError as error:
            raise ApiRejected(f"a program in pod {pod.name} gave no JSON", why=(err or out).strip()[-400:]) from error
        return parsed


def refuse_options_of_others(options: StackOptions) -> None:
    """Raises UsageError for what only the embedded target can do."""
    if options.sync_period_s is not None:
        raise UsageError("--sync-period: a cluster's controller has its own", next_command="--target local")
    if options.port is not None:
        raise UsageError("--port: a cluster's Service has a node port", next_command="--node-port, or --target local")
    if options.database_uri is not None:
        raise UsageError("--mongo-uri: on a cluster the manifests say where the database is", next_command="--target local")
