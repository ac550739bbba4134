"""A healthy stack on a healthy node, for tests that spoil one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.core.checkup.check import CheckState, Finding
from shelterctl.core.checkup.cluster import NodeFacts, SystemPod
from shelterctl.core.checkup.scaling import ScalerFacts, ScalingFacts, ScalingRule, SelectedContainer, SelectedPod
from shelterctl.core.checkup.stack import BudgetFacts, StackFacts
from shelterctl.core.state import Autoscaler, Claim, Condition, ContainerState, Pod, PodName, Role, StackState, Workload

NOW_S = 1_000_000.0
NODE = NodeFacts("minikube", True, "KubeletReady", True, (), "v1.34.4", 2000, 8 * 2**30)
CLAIM = Claim("data-mongodb-0", "shelter", "c1", "Bound", "pvc-1", "standard", "1Gi", False, "v1", "hostPath")
BUDGET = BudgetFacts("shelter", "app", 2, 1, 2)
SECRETS = (("shelter", "mongodb-app"), ("shelter", "mongodb-root"))
ACTIVE = Condition("ScalingActive", True, "ValidMetricFound", "the HPA was able to successfully calculate a replica count")
HPA = Autoscaler("app", 2, 5, 2, 2, 70, 4, (Condition("AbleToScale", True, "ReadyForNewScale", "ready"), ACTIVE))
SCALER = ScalerFacts(HPA, "Deployment/app", (), 3600.0)


def short(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Check, state, what was found; the well ones left out."""
    return [(f.check, f.state.value, f.found) for f in findings if f.state is not CheckState.OK]


def system_pod(name: str, app: str, *, owner: str = "", image: str = "", ready: bool = True, trouble: str = "") -> SystemPod:
    return SystemPod("kube-system", name, app, owner, image, "Running" if not trouble else "Pending", ready, trouble)


def pod(
    role: Role, name: str, *, revision: str = "r1", ready: bool = True, reason: str = "", restarts: int = 0, claims: tuple[str, ...] = ()
) -> Pod:
    state = "waiting" if reason else "running"
    container = ContainerState(role.value, ready, restarts, state, reason, "", "image", "sha256:1", "c")
    return Pod(
        PodName(name), "shelter", f"uid-{name}", role, "Running", ready, False, "minikube", "10.0.0.1", revision, "o", NOW_S - 600,
        NOW_S - 500 if ready else None, (container,), claims=claims,
    )  # fmt: skip


APP = Workload("Deployment", "app", "shelter", Role.APP, 1, 1, "r1", 2, 2, 2, 2, 2, "shelter-app:1")
DATABASE = Workload("StatefulSet", "mongodb", "shelter", Role.DATABASE, 1, 1, "r1", 1, 1, 1, 1, 1, "mongo:8")
PODS = (pod(Role.APP, "app-1"), pod(Role.APP, "app-2"), pod(Role.DATABASE, "mongodb-0", claims=("data-mongodb-0",)))


def state(
    workloads: tuple[Workload, ...] = (APP, DATABASE), pods: tuple[Pod, ...] = PODS, claims: tuple[Claim, ...] = (CLAIM,)
) -> StackState:
    return StackState(NOW_S, "shelter", workloads, pods, HPA, claims, None)


def stack(
    seen: StackState | None = None,
    *,
    phases: tuple[tuple[str, str], ...] = (("shelter", "Active"),),
    secrets: tuple[tuple[str, str], ...] = SECRETS,
    budgets: tuple[BudgetFacts, ...] = (BUDGET,),
) -> StackFacts:
    return StackFacts("shelter", phases, "", seen or state(), secrets, SECRETS, budgets, NOW_S, (CLAIM.name,), "mongodb-root")


def selected(name: str, *, owned: bool = True, counted: bool = True, request: int | None = 100, limit: int | None = 500) -> SelectedPod:
    return SelectedPod(name, owned, counted, (SelectedContainer("app", request, limit),))


def scaling(
    *scalers: ScalerFacts,
    pods: tuple[SelectedPod, ...] = (selected("app-1"), selected("app-2")),
    managers: tuple[str, ...] = (),
    served: bool = True,
) -> ScalingFacts:
    return ScalingFacts("shelter", "app", scalers, "app.kubernetes.io/name=app", pods, 2, managers, served)


def up(*policies: tuple[str, int, int], select: str = "Max") -> ScalingRule:
    return ScalingRule("up", select, policies)
