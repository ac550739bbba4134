"""Facts about what was deployed, for `doctor`: Secrets, budgets, the HPAs and whom their selector matches, ports, answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from shelterctl.adapters.checkup.cluster import metrics_pods, started_s
from shelterctl.adapters.http_client import HttpxClient
from shelterctl.adapters.kube import records
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.credentials import APP_SECRET, ROOT_SECRET, holds_database
from shelterctl.adapters.kube.scale import FIELD_MANAGER as HAND_OVER
from shelterctl.core.checkup.scaling import ScalerFacts, ScalingFacts, SelectedContainer, SelectedPod
from shelterctl.core.checkup.scaling_seen import rules_of
from shelterctl.core.checkup.service import AnswerFacts, PortFacts
from shelterctl.core.checkup.stack import BudgetFacts, StackFacts
from shelterctl.core.stack.service_routes import ServiceRoutes
from shelterctl.core.state import Role, StackState
from shelterctl.errors import NotDeployed
from shelterctl.ports.http import HttpAnswer, SendOutcome

ANSWER_TIMEOUT_S = 5.0
ANSWER_BYTES = 2**20
MAKE_USER = "the init script runs again by hand: see the head of manifests/base/mongodb/init/10-app-user.js"


def stack(api: KubeApi, namespaces: Sequence[str], state: StackState) -> StackFacts:
    """The stack's namespaces and what is in them. Of a Secret only its name is kept."""
    phases, message = [], ""
    for name in namespaces:
        found = api.get_or_none(f"/api/v1/namespaces/{name}")
        if found is not None:
            status = found.get("status") or {}
            phases.append((name, str(status.get("phase", "Active"))))
            held = [c["message"] for c in status.get("conditions") or () if c.get("status") == "True" and c.get("message")]
            message = message or "; ".join(held)
    secrets = [
        (namespace, name)
        for namespace in namespaces
        for name in (ROOT_SECRET, APP_SECRET)
        if api.get_or_none(f"/api/v1/namespaces/{namespace}/secrets/{name}") is not None
    ]
    wanted, budgets = [], []
    for namespace in namespaces:
        for kind in ("deployments", "statefulsets"):
            for item in api.items(f"/apis/apps/v1/namespaces/{namespace}/{kind}"):
                if records.role_of(item) is not None:
                    wanted += [(namespace, name) for name in _secrets_of(item["spec"]["template"]["spec"])]
        budgets += [_budget(item) for item in api.items(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets")]
    return StackFacts(
        namespace=namespaces[0],
        phases=tuple(phases),
        terminating_message=message,
        state=state,
        secrets=tuple(secrets),
        wanted_secrets=tuple(dict.fromkeys(wanted)),
        budgets=tuple(budgets),
        now_s=time.time(),
        data_claims=tuple(claim.name for claim in state.claims if holds_database(claim.name)),
        data_secret=ROOT_SECRET,
    )


def _secrets_of(spec: Json) -> Iterable[str]:
    for volume in spec.get("volumes") or ():
        secret = volume.get("secret") or {}
        if secret.get("secretName") and not secret.get("optional"):
            yield secret["secretName"]


def _budget(item: Json) -> BudgetFacts:
    status = item.get("status") or {}
    allowed: Json = next((c for c in status.get("conditions") or () if c["type"] == "DisruptionAllowed"), {})
    return BudgetFacts(
        item["metadata"]["namespace"],
        item["metadata"]["name"],
        int(status.get("currentHealthy", 0)),
        int(status.get("desiredHealthy", 0)),
        int(status.get("expectedPods", 0)),
        allowed.get("message", ""),
    )


def scaling(api: KubeApi, namespace: str, name: str, pods: Iterable[Json], metrics_served: bool, *, own: bool) -> ScalingFacts:
    """The HPAs, and the pods that the scale of the Deployment `name` selects, whoever made them. Raises ApiRejected."""
    deployment = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    scale = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale")
    selector = str((scale.get("status") or {}).get("selector", ""))
    selected = api.items(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector}) if selector else []
    replica_sets = api.items(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    own_sets = {
        item["metadata"]["uid"]
        for item in replica_sets
        if any(owner.get("uid") == deployment["metadata"]["uid"] for owner in item["metadata"].get("ownerReferences") or ())
    }
    now_s = time.time()
    measuring_since_s = started_s(metrics_pods(pods), 0.0)
    scalers = api.items(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
    return ScalingFacts(
        namespace=namespace,
        deployment=name,
        scalers=tuple(_scaler(item, now_s, measuring_since_s) for item in scalers),
        selector=selector,
        pods=tuple(_selected(item, own_sets) for item in selected),
        replicas=int(deployment["spec"].get("replicas", 1)),
        replicas_managers=_replicas_managers(deployment),
        metrics_served=metrics_served,
        metrics_age_s=now_s - measuring_since_s if measuring_since_s else None,
        owners=own,
    )


def _scaler(item: Json, now_s: float, measuring_since_s: float) -> ScalerFacts:
    target = item["spec"]["scaleTargetRef"]
    created_s = records.epoch_s(item["metadata"].get("creationTimestamp")) or 0.0
    since_s = max(created_s, measuring_since_s)
    record = records.autoscaler(item)
    return ScalerFacts(record, f"{target['kind']}/{target['name']}", rules_of(record), now_s - since_s)


def _selected(item: Json, own_sets: set[str]) -> SelectedPod:
    spec = item["spec"]
    counted = [*(spec.get("containers") or ())]
    counted += [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    ended = (item.get("status") or {}).get("phase") == "Failed" or "deletionTimestamp" in item["metadata"]
    return SelectedPod(
        item["metadata"]["name"],
        any(owner.get("uid") in own_sets for owner in item["metadata"].get("ownerReferences") or ()),
        not ended,
        tuple(_container(container) for container in counted),
    )


def _container(container: Json) -> SelectedContainer:
    resources = container.get("resources") or {}
    request, limit = (records.millicores((resources.get(kind) or {}).get("cpu")) for kind in ("requests", "limits"))
    return SelectedContainer(container["name"], request, limit)


def _replicas_managers(deployment: Json) -> tuple[str, ...]:
    """Who owns spec.replicas by writing the Deployment itself; the HPA and `kubectl scale` write its scale instead."""
    found = []
    for entry in deployment["metadata"].get("managedFields") or ():
        spec = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        # Our own hand-over to the autoscaler is written once, and never applied again.
        if "f:replicas" in spec and entry.get("subresource") != "scale" and entry.get("manager") != HAND_OVER:
            found.append(str(entry.get("manager", "somebody")))
    return tuple(dict.fromkeys(found))


def port(api: KubeApi, wanted: int, namespaces: Sequence[str]) -> PortFacts:
    """Who holds the node port that the stack has; `wanted` where it has none."""
    services = api.items("/api/v1/services")
    own = next((item for item in services if item["metadata"]["namespace"] in namespaces and records.role_of(item) is Role.APP), None)
    number = next((p["nodePort"] for p in (own["spec"].get("ports") or () if own else ()) if p.get("nodePort")), wanted)
    holder = next((item for item in services for p in item["spec"].get("ports") or () if p.get("nodePort") == number), None)
    return PortFacts(int(number), _name(own), _name(holder))


def _name(service: Json | None) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}" if service else ""


def answer(state: StackState, routes: ServiceRoutes, user_mend: str = "") -> AnswerFacts:
    """The routes that tell whether it serves and reaches its database, through the node port. Raises NotDeployed without a workload."""
    endpoint = state.endpoint
    if state.workload(Role.APP) is None:
        raise NotDeployed("the application is not deployed", next_command="shelterctl up")
    if endpoint is None or not endpoint.url:
        return AnswerFacts("", endpoint.problem if endpoint else "there is no Service of the application")
    told = AnswerFacts(
        endpoint.url, ready_pods=len(endpoint.ready_pods), user_mend=user_mend, live_path=routes.live, health_path=routes.health
    )
    with closing(HttpxClient()) as http:
        if routes.live:
            try:
                told = replace(told, live_status=_asked(http, f"{endpoint.url}{routes.live}").status)
            except SendOutcome as error:
                return replace(told, live_problem=error.reason)
        if routes.health:
            try:
                health = _asked(http, f"{endpoint.url}{routes.health}")
            except SendOutcome as error:
                return replace(told, health_problem=error.reason)
            told = replace(told, health_status=health.status, database_reason=_database_reason(health.body))
    return told


def _asked(http: HttpxClient, address: str) -> HttpAnswer:
    return http.request("GET", address, timeout_s=ANSWER_TIMEOUT_S, most_bytes=ANSWER_BYTES)


def _database_reason(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["ready"]["checks"]["database"]["reason"] or "")
    return ""
