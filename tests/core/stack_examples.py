"""Pods, containers, workloads and claims as examples, each changed by name where it matters."""

from __future__ import annotations

from dataclasses import replace

from shelterctl.core.state import Claim, ContainerState, Pod, PodName, Role, Workload

NOW = 1_000_000.0
CONTAINER = ContainerState(
    name="app",
    ready=True,
    restarts=0,
    state="running",
    reason="",
    message="",
    image="shelter-app:3f9c1a07b2de",
    image_id="sha256:5c0e",
    container_id="c0",
    started_at_s=NOW - 300,
    probed=True,
)
POD = Pod(
    name=PodName("app-1"),
    namespace="shelter",
    uid="uid-app-1",
    role=Role.APP,
    phase="Running",
    ready=True,
    deleting=False,
    node="minikube",
    ip="10.244.0.7",
    revision="new",
    owner_uid="rs",
    created_at_s=NOW - 300,
    ready_since_s=NOW - 290,
    containers=(CONTAINER,),
)
DATABASE = replace(
    POD,
    name=PodName("mongodb-0"),
    uid="11111111-aaaa",
    role=Role.DATABASE,
    claims=("data-mongodb-0",),
    containers=(replace(CONTAINER, name="mongodb", container_id="c0" * 6),),
)
DEPLOYMENT = Workload(
    kind="Deployment",
    name="app",
    namespace="shelter",
    role=Role.APP,
    generation=2,
    observed_generation=2,
    revision="new",
    desired=2,
    updated=2,
    ready=2,
    available=2,
    total=2,
    image="shelter-app:3f9c1a07b2de",
)
STATEFUL_SET = replace(
    DEPLOYMENT, kind="StatefulSet", name="mongodb", role=Role.DATABASE, desired=1, updated=1, ready=1, available=1, total=1
)
CLAIM = Claim(
    name="data-mongodb-0",
    namespace="shelter",
    uid="claim-1",
    phase="Bound",
    volume="pvc-1",
    storage_class="standard",
    capacity="1Gi",
    deleting=False,
    volume_uid="volume-1",
    volume_kind="hostPath",
)


def container(state: str, reason: str = "", **changes: object) -> ContainerState:
    """A container that is not ready, in a state with a reason."""
    return replace(CONTAINER, ready=False, state=state, reason=reason, started_at_s=None, **changes)  # type: ignore[arg-type]


def pod(name: str, *containers: ContainerState, age_s: float = 300.0, **changes: object) -> Pod:
    """A pod of the application of the newest revision; ready where its containers are."""
    held = containers or (CONTAINER,)
    ready = all(item.ready for item in held)
    example = replace(POD, name=PodName(name), uid=f"uid-{name}", containers=held, ready=ready, created_at_s=NOW - age_s)
    return replace(example, **changes)  # type: ignore[arg-type]
