"""Fulfils `ports.checkup` for a minikube profile or any other kubeconfig context."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.checkup import cluster, host, stack
from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.cluster import KubernetesCluster
from shelterctl.adapters.kube.records import role_of
from shelterctl.adapters.minikube.machine import Minikube
from shelterctl.core.checkup.capacity import Demand, Requested
from shelterctl.core.checkup.check import Finding, Repair
from shelterctl.core.checkup.cluster import InsideNode, NodeFacts, StorageClassFacts, SystemPod
from shelterctl.core.checkup.host import EngineFacts, KubeconfigFacts, MachineFacts, ToolFacts
from shelterctl.core.checkup.metrics import MetricsFacts, StartOptions
from shelterctl.core.checkup.scaling import ScalingFacts
from shelterctl.core.checkup.service import AnswerFacts, ImageFacts, PortFacts
from shelterctl.core.checkup.stack import StackFacts
from shelterctl.core.deploy.image import told_by_id
from shelterctl.core.deploy.stack import StackOptions
from shelterctl.core.stack.service_routes import ServiceRoutes
from shelterctl.core.state import Role, StackState
from shelterctl.errors import ApiRejected, MinikubeUnavailable, NotDeployed, ShelterError
from shelterctl.ports.capabilities import NodeImages

T = TypeVar("T")
#: Any tag: only what the manifests request and where they listen is read.
_ANY_IMAGE = "shelter-app:any"


class Once(Generic[T]):
    """A value that several threads want and that is read once; an error is remembered too."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._value: list[T] = []
        self._error: ShelterError | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._error is not None:
                raise self._error
            if not self._value:
                try:
                    self._value.append(self._read())
                except ShelterError as error:
                    self._error = error
                    raise
            return self._value[0]


class KubernetesCheckup:
    """One look; make a new one for the next. `machine` is None where the context is no minikube profile's; `own` a stack of its user's.

    `routes` are those by which the application tells of itself.
    """

    def __init__(
        self,
        api: KubeApi,
        cluster: KubernetesCluster,
        machine: Minikube | None,
        images: Callable[[], NodeImages],
        overlay: str,
        *,
        routes: Callable[[], ServiceRoutes],
        own: bool = False,
    ) -> None:
        self._api = api
        self._cluster = cluster
        self._machine = machine
        self._images = images
        self._overlay = overlay
        self._own = own
        self._routes = routes
        self._profile = api.context if machine is not None else None
        self._docker = DockerEngine()
        self._pods: Once[list[Json]] = Once(lambda: api.items("/api/v1/pods"))
        self._namespaces: Once[tuple[str, ...]] = Once(cluster.namespaces)
        self._state: Once[StackState] = Once(lambda: cluster.state(with_usage=False))
        self._planned: Once[Sequence[Json]] = Once(lambda: cluster.plan(StackOptions(overlay, _ANY_IMAGE)).documents)

    def engine(self) -> EngineFacts:
        return host.engine(self._docker, host.profile_address(self._profile), self._profile or "")

    def tools(self) -> ToolFacts:
        return host.tools()

    def minikube_program(self) -> tuple[str, str]:
        return host.minikube_program()

    def machine(self) -> MachineFacts:
        return host.machine(self._required())

    def start_options(self) -> StartOptions:
        self._required()
        return host.start_options(self._api.context)

    def kubeconfig(self) -> KubeconfigFacts:
        return host.kubeconfig(self._api.context, self._profile)

    def server_version(self) -> str:
        return self._cluster.version()

    def nodes(self) -> tuple[NodeFacts, ...]:
        return cluster.nodes(self._api)

    def inside_nodes(self) -> tuple[InsideNode, ...]:
        shells = self._required().node_shells()
        return tuple(parallel([partial(host.inside, shell) for shell in shells]))

    def system_pods(self) -> tuple[SystemPod, ...]:
        return cluster.system_pods(self._pods())

    def storage_classes(self) -> tuple[StorageClassFacts, ...]:
        return cluster.storage_classes(self._api)

    def metrics(self) -> MetricsFacts:
        profile = self._machine.profile() if self._machine is not None else None
        enabled = profile.metrics_enabled if profile is not None else None
        return cluster.metrics(self._api, self._pods(), enabled, self._profile or "")

    def requested(self) -> tuple[Requested, ...]:
        return cluster.requested(self._pods(), self._namespaces())

    def demand(self) -> Demand:
        """Of what is deployed; of the manifests where nothing is."""
        kinds = {"Deployment": "apps/v1/{}/deployments", "StatefulSet": "apps/v1/{}/statefulsets",
                 "HorizontalPodAutoscaler": "autoscaling/v2/{}/horizontalpodautoscalers"}  # fmt: skip
        found = []
        for kind, path in kinds.items():
            group, _, plural = path.rpartition("/{}/")
            for namespace in self._namespaces():
                items = self._api.items(f"/apis/{group}/namespaces/{namespace}/{plural}")
                # Lists leave each item's kind out.
                found += [{**item, "kind": kind} for item in items]
        if any(role_of(item) is not None and item["kind"] == "Deployment" for item in found):
            return cluster.demand(found, "as deployed")
        return cluster.demand(self._planned(), f"the manifests, overlay {self._overlay}")

    def stack(self) -> StackFacts:
        return stack.stack(self._api, self._namespaces(), self._state())

    def scaling(self) -> ScalingFacts:
        service = self._api.get_or_none(cluster.METRICS_API) or {}
        conditions = (service.get("status") or {}).get("conditions") or ()
        served = any(c["type"] == "Available" and c["status"] == "True" for c in conditions)
        workload = self._state().workload(Role.APP)
        if workload is None or workload.kind != "Deployment":
            raise NotDeployed(f"no Deployment of the application is in {self._namespaces()[0]}", next_command="shelterctl up")
        return stack.scaling(self._api, workload.namespace, workload.name, self._pods(), served, own=self._own)

    def image(self) -> ImageFacts:
        state = self._state()
        workload = state.workload(Role.APP)
        if workload is None:
            raise NotDeployed("the application is not deployed", next_command="shelterctl up")
        item = self._api.get(f"/apis/apps/v1/namespaces/{workload.namespace}/deployments/{workload.name}")
        policy = str(item["spec"]["template"]["spec"]["containers"][0].get("imagePullPolicy", ""))
        ready = [pod for pod in state.pods_of(Role.APP) if pod.ready and not pod.deleting]
        running = {pod.containers[0].image_id for pod in ready if pod.containers[0].image == workload.image}
        built_id, built_problem, loaded_id, loaded_problem = "", "", "", ""
        try:
            built = self._docker.inspect(workload.image)
            built_id = built.image_id if built else ""
        except ShelterError as error:
            built_problem = error.what
        try:
            loaded_id = self._store().image_ids().get(workload.image, "")
            if running - {loaded_id}:
                running = set(told_by_id(running, self._store().ids_by_digest()))
        except ShelterError as error:
            loaded_problem = error.what
        return ImageFacts(workload.image, policy, built_id, built_problem, loaded_id, loaded_problem, tuple(sorted(running)))

    def port(self) -> PortFacts:
        """The deployed Service's port; else the one that the manifests ask for."""
        services = [s for n in self._namespaces() for s in self._api.items(f"/api/v1/namespaces/{n}/services")]
        documents = services if any(role_of(s) is Role.APP for s in services) else [d for d in self._planned() if d["kind"] == "Service"]
        ports = [p for d in documents if role_of(d) is Role.APP for p in d["spec"].get("ports") or () if p.get("nodePort")]
        if not ports:
            raise NotDeployed(f"the Service of overlay {self._overlay} has no node port", next_command="shelterctl up --node-port 30300")
        return stack.port(self._api, int(ports[0]["nodePort"]), self._namespaces())

    def answer(self) -> AnswerFacts:
        return stack.answer(self._state(), self._routes(), "" if self._own else stack.MAKE_USER)

    def _store(self) -> NodeImages:
        self._required()
        return self._images()

    def _required(self) -> Minikube:
        if self._machine is None:
            raise MinikubeUnavailable(f"context {self._api.context} is not a minikube profile's: nothing reaches its nodes")
        return self._machine


class Repairs:
    """The mends of `doctor --fix`."""

    def __init__(self, api: KubeApi, machine: Minikube | None) -> None:
        self._api = api
        self._machine = machine

    def repair(self, finding: Finding) -> Iterator[str]:
        """Runs the finding's repair. Raises MinikubeUnavailable, CommandFailed, WaitTimeout, ApiRejected, ApiUnreachable."""
        if finding.repair is Repair.REPLACE_STUCK_POD:
            yield from self._replace(finding)
            return
        if self._machine is None:
            raise MinikubeUnavailable(f"context {self._api.context} is not a minikube profile's")
        if finding.repair is Repair.START_MACHINE:
            yield from self._machine.start()
        elif finding.repair is Repair.UPDATE_CONTEXT:
            yield f"minikube update-context -p {self._api.context}"
            host.update_context(self._api.context)
        elif finding.repair is Repair.ENABLE_METRICS:
            yield "minikube addons enable metrics-server"
            self._machine.enable_metrics()

    def _replace(self, finding: Finding) -> Iterator[str]:
        """Deletes the pod that was judged, and no newer one of its name: the uid is a condition of the request."""
        pod = finding.stuck_pod
        if pod is None:
            return
        yield f"deleting pod {pod.namespace}/{pod.name}; its claim stays"
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": pod.uid}}
        try:
            self._api.request("DELETE", f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}", body=body)
        except ApiRejected as error:
            # Gone already, or replaced in the meantime: both are what was wanted.
            if error.status not in (404, 409):
                raise
