"""The DNS prober: the scene from the Kubernetes API, the questions from inside a pod of the application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Protocol

from shelterctl.adapters.kube.asking.objects import Json, lives, read_pod, read_service
from shelterctl.adapters.kube.asking.pod import AskingPod, MadePods, lacks_python
from shelterctl.core.dns.records import (
    DnsAnswer,
    DnsAttempt,
    DnsQuery,
    DnsScene,
    DnsServer,
    DnsService,
    ResolverConfig,
    Status,
)
from shelterctl.core.serial import JsonValue, to_json
from shelterctl.core.state import Pod, Role, StackState, Workload
from shelterctl.errors import ApiRejected, ClusterError, NotDeployed

#: The probe stops asking after this time; what it has not asked by then is said to be so.
PROBE_DEADLINE_S = 90.0
#: For Python's start in a pod whose CPU limit is a fraction of a core.
START_S = 30.0
DNS_NAMESPACE = "kube-system"
DNS_SELECTOR = "k8s-app=kube-dns"


class ApiReader(Protocol):
    """Reads the Kubernetes API. Raises ApiRejected (404 for what is not there) and ApiUnreachable."""

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json: ...


class PodHost(Protocol):
    """The part of the cluster that the prober needs."""

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState: ...

    def run_in_pod(self, pod: Pod, container: str, program: str, arguments: Sequence[str], *, timeout_s: float) -> JsonValue: ...


class PodDnsProber:
    """Fulfils `ports.capabilities.DnsProber` with a ready pod of the application, chosen anew for each scene.

    `container` names the container that has Python, None means the pod's first. The stack's Services are those in the namespaces of its
    workloads that `service_selector` (a label selector, empty for all) matches, and of which `services` says so by namespace and name.
    `hosts` are the names by which the application itself looks for others, `nowhere` those that no Service of the stack has. `made` makes a
    pod to ask from where the application's image has no Python; without it that is an error.
    """

    def __init__(
        self,
        api: ApiReader,
        host: PodHost,
        *,
        container: str | None = "app",
        service_selector: str = "",
        services: Callable[[str, str], bool] | None = None,
        hosts: Callable[[], Sequence[str]] = tuple,
        nowhere: Callable[[], Sequence[str]] = tuple,
        notes: Callable[[], Sequence[str]] = tuple,
        made: MadePods | None = None,
    ) -> None:
        self._api = api
        self._host = host
        self._container = container
        self._selector = service_selector
        self._is_own = services
        self._hosts = hosts
        self._nowhere = nowhere
        self._notes = notes
        self._made = made
        self._asking: AskingPod | None = None
        self._pod: Pod | None = None
        self._resolvers: dict[str, ResolverConfig] = {}

    def scene(self) -> DnsScene:
        """Raises NotDeployed where no pod of the application is ready, ApiRejected, ApiUnreachable, ClusterError."""
        state = self._host.state(with_usage=False)
        pod = self._choose(state)
        resolver = self._resolver(pod)
        workloads = [workload.namespace for workload in state.workloads]
        namespaces = sorted({state.namespace, pod.namespace, *workloads})
        found = (service for namespace in namespaces for service in self._services(namespace))
        services = tuple(service for service in found if self._is_own is None or self._is_own(service.namespace, service.name))
        return DnsScene(
            client_pod=pod.name if self._asking is None else self._asking.name,
            client_namespace=pod.namespace,
            resolver=resolver,
            services=services,
            api_service=self._api_service(),
            servers=self._servers(),
            unserved=unserved_workloads(state, services),
            hosts=tuple(self._hosts()),
            nowhere=tuple(self._nowhere()),
            notes=(*([self._asking.words] if self._asking is not None else []), *self._notes()),
            taken_at_s=state.taken_at_s,
        )

    def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]:
        """One answer for each query, in order. Raises ClusterError where the probe could not run or printed something else."""
        if not queries:
            return ()
        pod = self._pod or self._choose(self._host.state(with_usage=False))
        document = self._run(pod, queries, PROBE_DEADLINE_S)
        return read_answers(queries, document)

    def _choose(self, state: StackState) -> Pod:
        """The pod that was asked before while it is ready, so that the rounds of a check are asked from one place."""
        ready = [pod for pod in state.pods_of(Role.APP) if pod.ready and not pod.deleting]
        if not ready:
            raise NotDeployed(
                "no pod of the application is ready to ask from",
                why=f"namespace {state.namespace}",
                next_command="shelterctl status" if state.pods else "shelterctl up",
            )
        known = self._pod.uid if self._pod is not None else ""
        self._pod = next((pod for pod in ready if pod.uid == known), ready[0])
        return self._pod

    def _resolver(self, pod: Pod) -> ResolverConfig:
        if pod.uid not in self._resolvers:
            self._resolvers[pod.uid] = read_resolver(self._run(pod, (), 0.0))
        return self._resolvers[pod.uid]

    def _run(self, pod: Pod, queries: Sequence[DnsQuery], deadline_s: float) -> Json:
        argument = json.dumps({"queries": [to_json(query) for query in queries], "deadline_s": deadline_s})
        if self._asking is None:
            container = self._container or pod.containers[0].name
            try:
                document = self._host.run_in_pod(pod, container, probe_source(), [argument], timeout_s=deadline_s + START_S)
                return checked_document(document, pod.name)
            except ApiRejected as error:
                if self._made is None or not lacks_python(error):
                    raise
            self._asking = self._made.make(pod, container)
        asking = self._asking
        try:
            document = self._host.run_in_pod(asking.pod, asking.container, probe_source(), [argument], timeout_s=deadline_s + START_S)
        except ApiRejected:
            # It may have ended, or been taken away: the next round makes another.
            self.close()
            raise
        return checked_document(document, asking.name)

    def close(self) -> None:
        """Takes away the pod that was made to ask from; where that cannot be, it ends by itself."""
        asking, self._asking = self._asking, None
        self._resolvers.clear()
        if asking is not None and self._made is not None:
            self._made.remove(asking)

    def _services(self, namespace: str) -> tuple[DnsService, ...]:
        selector = {"labelSelector": self._selector} if self._selector else {}
        services = self._items(f"/api/v1/namespaces/{namespace}/services", selector)
        slices = self._items(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices")
        pods = self._items(f"/api/v1/namespaces/{namespace}/pods")
        return tuple(read_service(service, slices, pods) for service in sorted(services, key=lambda item: str(item["metadata"]["name"])))

    def _api_service(self) -> DnsService | None:
        found = self._items("/api/v1/namespaces/default/services", {"fieldSelector": "metadata.name=kubernetes"})
        return read_service(found[0], (), ()) if found else None

    def _servers(self) -> tuple[DnsServer, ...]:
        pods = self._items(f"/api/v1/namespaces/{DNS_NAMESPACE}/pods", {"labelSelector": DNS_SELECTOR})
        return tuple(
            DnsServer(pod.name, DNS_NAMESPACE, pod.addresses, pod.ready)
            for pod in sorted((read_pod(item) for item in pods if lives(item)), key=lambda item: item.name)
            if not pod.terminating
        )

    def _items(self, path: str, query: Mapping[str, str] | None = None) -> Sequence[Json]:
        """A list's items; none where the namespace is not there, or the reader may not look into a namespace that is not its own."""
        try:
            items: Sequence[Json] = self._api.get(path, query or {}).get("items") or ()
        except ApiRejected as error:
            if error.status == 404 or (error.status == 403 and f"/{DNS_NAMESPACE}/" in path):
                return ()
            raise
        return items


def unserved_workloads(state: StackState, services: Iterable[DnsService]) -> tuple[str, ...]:
    """The workloads (`name.namespace`) whose pods no Service selects; one without pods is held to a Service of its own name.

    A worker or a tool beside the application need not have one.
    """
    known = tuple(services)

    def served(workload: Workload) -> bool:
        pods = {pod.name for pod in state.pods if pod.belongs_to(workload)}
        near = [service for service in known if service.namespace == workload.namespace]
        if not pods:
            return any(service.name == workload.name for service in near)
        return any(pod.name in pods for service in near for pod in service.pods)

    return tuple(
        f"{workload.name}.{workload.namespace}" for workload in state.workloads if not (workload.role is Role.OTHER or served(workload))
    )


def probe_source() -> str:
    """The probe's source, to be run by `python -c`: what it needs where there is no dnspython stands before it."""
    probes = files("shelterctl.adapters.kube.probes")
    wire, probe = (probes.joinpath(name).read_text(encoding="utf-8") for name in ("dns_wire.py", "dns_probe.py"))
    # One source begins with its imports from the future once.
    return wire + "\n" + probe.replace("from __future__ import annotations\n", "", 1)


def checked_document(document: JsonValue, pod: str) -> Json:
    """The probe's document. Raises ClusterError where it is none, or where the probe could not work."""
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        raise ClusterError(f"the DNS probe in pod {pod} printed something else than its answers")
    if document.get("error"):
        why = str(document["error"])
        raise ClusterError(f"the DNS probe in pod {pod} lacks what it needs", why=why, next_command="shelterctl up")
    return document


def read_resolver(document: Json) -> ResolverConfig:
    """The pod's resolv.conf as the probe parsed it."""
    config = document["resolver"]
    return ResolverConfig(tuple(config["nameservers"]), tuple(config["search"]), int(config["ndots"]))


def read_answers(queries: Sequence[DnsQuery], document: Json) -> tuple[DnsAnswer, ...]:
    """The answers beside their queries. Raises ClusterError where their number differs: none could be matched to its question."""
    answers = document.get("answers") or []
    if len(answers) != len(queries):
        raise ClusterError(f"the DNS probe answered {len(answers)} of {len(queries)} questions")
    return tuple(_read_answer(query, answer) for query, answer in zip(queries, answers, strict=True))


def _read_answer(query: DnsQuery, answer: Json) -> DnsAnswer:
    return DnsAnswer(
        query=query,
        status=Status(answer["status"]),
        records=tuple(answer.get("records") or ()),
        asked_name=answer.get("asked_name", ""),
        canonical_name=answer.get("canonical_name", ""),
        aliases=tuple(answer.get("aliases") or ()),
        attempts=tuple(
            DnsAttempt(item["name"], Status(item["status"]), float(item["elapsed_s"]), item["server"], bool(item["tcp"]))
            for item in answer["attempts"]
        ),
        elapsed_s=float(answer["elapsed_s"]),
        ttl_s=answer.get("ttl_s"),
        truncated=bool(answer.get("truncated")),
        detail=str(answer.get("detail", "")),
        throttled_s=float(answer["throttled_s"]),
        answered_at_s=float(answer["answered_at_s"]),
        varied=bool(answer.get("varied")),
    )
