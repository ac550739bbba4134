"""Judges the HorizontalPodAutoscaler: whether it can scale at all, and the traps that `kubectl describe hpa` does not tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding, Repair
from shelterctl.core.hpa.dead_zone import dead_zone
from shelterctl.core.hpa.int32 import int32_from_float, wrap_int
from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE
from shelterctl.core.state import Autoscaler
from shelterctl.core.words import listed

HPA = Check("hpa", Area.SCALING, "HPA")
HPA_METRIC = Check("hpa-metric", Area.SCALING, "HPA's metric", essential=True)
HPA_RANGE = Check("hpa-range", Area.SCALING, "HPA's range")
CPU_REQUESTS = Check("cpu-requests", Area.SCALING, "CPU requests")
DEAD_ZONE = Check("dead-zone", Area.SCALING, "target in reach")
OTHER_PODS = Check("other-pods", Area.SCALING, "pods in the average")
RIVALS = Check("two-hpas", Area.SCALING, "one HPA only")
REPLICAS_OWNER = Check("replicas-owner", Area.SCALING, "spec.replicas")
BEHAVIOR = Check("hpa-behavior", Area.SCALING, "HPA's behavior")

ALL = (HPA, HPA_METRIC, HPA_RANGE, CPU_REQUESTS, DEAD_ZONE, OTHER_PODS, RIVALS, REPLICAS_OWNER, BEHAVIOR)
#: A new HPA has no metric before two samples were taken.
FIRST_METRIC_S = 165.0


@dataclass(frozen=True, slots=True)
class ScalingRule:
    """One direction of `behavior`. `policies` are (type, value, period in seconds); `tolerance` None is the controller's own."""

    direction: str
    select: str
    policies: tuple[tuple[str, int, int], ...]
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class ScalerFacts:
    """An HPA beyond its status: what it scales (`kind/name`), its behavior, and how long it could have had a metric.

    `age_s` counts from its creation, or from the start of what measures where that is younger.
    """

    record: Autoscaler
    target: str
    rules: tuple[ScalingRule, ...]
    age_s: float


@dataclass(frozen=True, slots=True)
class SelectedContainer:
    """A container (or a restartable init container) of a pod that the scale's selector matches; None where nothing is set."""

    name: str
    cpu_request_millicores: int | None
    cpu_limit_millicores: int | None


@dataclass(frozen=True, slots=True)
class SelectedPod:
    """A pod that the scale's selector matches. `owned` where the HPA's target made it; the average takes it in either way."""

    name: str
    owned: bool
    counted: bool
    containers: tuple[SelectedContainer, ...]


@dataclass(frozen=True, slots=True)
class ScalingFacts:
    """The HPAs of the namespace and the Deployment that they scale.

    `replicas_managers` are the field managers that own spec.replicas by an apply or an update of the Deployment itself, not through its
    scale, where the HPA and `kubectl scale` write. `metrics_served` is whether metrics.k8s.io is Available;
    `metrics_age_s` is how long metrics-server's container runs, None where none does. `owners`: the manifests are the user's own.
    """

    namespace: str
    deployment: str
    scalers: tuple[ScalerFacts, ...]
    selector: str
    pods: tuple[SelectedPod, ...]
    replicas: int
    replicas_managers: tuple[str, ...]
    metrics_served: bool
    metrics_age_s: float | None = None
    owners: bool = False


def judge_scaling(facts: ScalingFacts) -> Iterator[Finding]:
    """All checks of the autoscaler; where there is none, that is what is said."""
    own = [scaler for scaler in facts.scalers if scaler.target == f"Deployment/{facts.deployment}"]
    if not own:
        yield _absent(facts)
        yield from (check.skipped("no HPA") for check in ALL[1:])
        return
    scaler = own[0]
    look = f"kubectl -n {facts.namespace} describe hpa {scaler.record.name}"
    yield _judge_scale_access(scaler, look)
    requests = _judge_requests(facts)
    yield _judge_metric(scaler, facts, requests, look)
    yield _judge_range(scaler)
    yield requests
    yield _judge_dead_zone(scaler, facts)
    yield _judge_others(facts)
    yield _judge_rivals(own, facts)
    yield _judge_replicas_owner(facts)
    yield _judge_behavior(scaler)


def _absent(facts: ScalingFacts) -> Finding:
    if facts.scalers:
        target = facts.scalers[0].target
        return HPA.problem(
            f"{facts.scalers[0].record.name} scales {target}, which is not Deployment/{facts.deployment}",
            "the application's pods are never added",
            "shelterctl up",
        )
    return HPA.skipped(f"none: {facts.replicas} pods, as `up --replicas` asks for")


def _judge_scale_access(scaler: ScalerFacts, look: str) -> Finding:
    able = scaler.record.condition("AbleToScale")
    name = scaler.record.name
    if able is not None and not able.status:
        return HPA.problem(f"{name} is not able to scale: {able.reason}: {able.message}", "its decisions do not reach the Deployment", look)
    return HPA.ok(f"{name}: {scaler.record.current} pods of {scaler.record.minimum} to {scaler.record.maximum}")


def _judge_metric(scaler: ScalerFacts, facts: ScalingFacts, requests: Finding, look: str) -> Finding:
    record = scaler.record
    if record.cpu_target_percent is None:
        return HPA_METRIC.unknown("no CPU utilization target: only that one is judged here", look)
    active = record.condition("ScalingActive")
    if active is not None and active.reason == "ScalingDisabled":
        why = "with 0 replicas the HPA stands still until somebody scales up"
        return HPA_METRIC.problem(
            "scaling is disabled: 0 replicas", why, f"kubectl -n {facts.namespace} scale deployment {facts.deployment} --replicas=1"
        )
    said = f"<unknown>: {active.reason}: {active.message}" if active is not None else "<unknown>: the controller has not looked yet"
    if not facts.metrics_served:
        # The HPA looks every 15 s: until then its status still shows what it saw last.
        last = f"cpu {record.cpu_percent}% is history" if record.has_metric else said
        mend = "minikube addons enable metrics-server"
        if facts.metrics_age_s is not None and facts.metrics_age_s < FIRST_METRIC_S:
            why = f"metrics-server started {facts.metrics_age_s:.0f} s ago: its first samples take 60 to 120 s"
            return HPA_METRIC.warning(last, why, look)
        return HPA_METRIC.problem(last, "nothing serves metrics.k8s.io", mend, Repair.ENABLE_METRICS)
    if record.has_metric and active is not None:
        return HPA_METRIC.ok(f"cpu {record.cpu_percent}% of {record.cpu_target_percent}%")
    why = "without a metric the HPA never scales"
    if "missing request for cpu" in said or requests.mend:
        return HPA_METRIC.problem(said, "a container without a CPU request spoils the average of all", requests.mend or look)
    if scaler.age_s < FIRST_METRIC_S:
        return HPA_METRIC.warning(said, f"the HPA is {scaler.age_s:.0f} s old: the first samples take 60 to 120 s", look)
    return HPA_METRIC.problem(said, why, look)


def _judge_range(scaler: ScalerFacts) -> Finding:
    record = scaler.record
    if record.minimum >= record.maximum:
        why = "there is nothing to decide: no load ever changes the number of pods"
        return HPA_RANGE.warning(f"minimum = maximum = {record.maximum}", why, f"shelterctl up --max {record.maximum + 3}")
    return HPA_RANGE.ok(f"{record.minimum} to {record.maximum}")


def _judge_requests(facts: ScalingFacts) -> Finding:
    """Every container of every pod in the average needs a request, whoever made the pod (`calculatePodRequests`)."""
    if not facts.pods:
        return CPU_REQUESTS.unknown(f"no pod matches {facts.selector}", "kubectl get pods -n " + facts.namespace)
    missing = [(pod, c.name) for pod in facts.pods for c in pod.containers if c.cpu_request_millicores is None]
    if missing:
        pod, container = missing[0]
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        own = f"kubectl -n {facts.namespace} set resources deployment {facts.deployment} -c {container} --requests=cpu=100m"
        mend = (own if facts.owners else "shelterctl up") if pod.owned else _show_selected(facts)
        return CPU_REQUESTS.problem(
            f"container {container} of pod {pod.name} has none{more}",
            "one container without a request, and the HPA has no metric at all",
            mend,
        )
    return CPU_REQUESTS.ok(f"every container of {len(facts.pods)} pods has one")


def _judge_dead_zone(scaler: ScalerFacts, facts: ScalingFacts) -> Finding:
    target = scaler.record.cpu_target_percent
    pod = next((pod for pod in facts.pods if pod.owned), None)
    requests = [c.cpu_request_millicores for c in pod.containers] if pod else []
    known = [value for value in requests if value is not None]
    if target is None or pod is None or len(known) < len(requests) or sum(known) == 0:
        return DEAD_ZONE.unknown("no pod of the Deployment with requests and a target to compare with", blocked_by=CPU_REQUESTS.id)
    rule = next((rule for rule in scaler.rules if rule.direction == "up"), None)
    tolerance = rule.tolerance if rule is not None and rule.tolerance is not None else DEFAULT_TOLERANCE
    found = dead_zone([c.cpu_limit_millicores for c in pod.containers], known, target, tolerance=tolerance)
    if found is None:
        limits = [c.cpu_limit_millicores for c in pod.containers]
        ceiling = "no limit" if None in limits else f"the limits allow {100 * sum(v or 0 for v in limits) // sum(known)}%"
        return DEAD_ZONE.ok(f"{target}% (tolerance {tolerance:.0%}), {ceiling}")
    best = found.highest_working_target_percent
    mend = f"shelterctl up --cpu-target {best}" if best else "raise the container's CPU limit above its request"
    return DEAD_ZONE.problem(
        f"target {target}%: the CPU limits end at {found.ceiling_percent}%, and {found.scale_up_from_percent}% would scale up",
        "no load ever adds a pod",
        mend,
    )


def _judge_others(facts: ScalingFacts) -> Finding:
    strangers = [pod.name for pod in facts.pods if not pod.owned and pod.counted]
    if strangers:
        return OTHER_PODS.problem(
            f"{listed(strangers, 3)}: matched by the selector, not made by the Deployment",
            "the HPA averages over whatever its selector matches, and counts it as replicas",
            _show_selected(facts),
        )
    return OTHER_PODS.ok(f"only the Deployment's {sum(pod.owned and pod.counted for pod in facts.pods)}")


def _show_selected(facts: ScalingFacts) -> str:
    return f"kubectl -n {facts.namespace} get pods -l {facts.selector} --show-labels   (and give the strangers other labels)"


def _judge_rivals(own: Sequence[ScalerFacts], facts: ScalingFacts) -> Finding:
    if len(own) > 1:
        names = ", ".join(scaler.record.name for scaler in own)
        why = "each undoes what the other decides, every 15 s"
        return RIVALS.problem(f"{names} scale the same Deployment", why, f"kubectl -n {facts.namespace} delete hpa {own[-1].record.name}")
    return RIVALS.ok(f"{own[0].record.name} alone scales {own[0].target}")


def _judge_replicas_owner(facts: ScalingFacts) -> Finding:
    if facts.replicas_managers:
        mend = f"kubectl -n {facts.namespace} apply edit-last-applied deployment/{facts.deployment}   (take spec.replicas out)"
        if facts.replicas_managers == ("shelterctl",):
            mend = "shelterctl up"
        return REPLICAS_OWNER.warning(
            f"set to {facts.replicas} by {', '.join(facts.replicas_managers)}",
            "its next apply resets what the HPA chose: pods vanish under load",
            mend,
        )
    return REPLICAS_OWNER.ok("left to the HPA")


def _judge_behavior(scaler: ScalerFacts) -> Finding:
    look = f"kubectl edit hpa {scaler.record.name}"
    notes = []
    for rule in scaler.rules:
        if rule.select == "Disabled":
            why = "pods are never added" if rule.direction == "up" else "pods that a load added stay for ever"
            return BEHAVIOR.warning(f"scale {rule.direction} is disabled", why, look)
        if rule.direction == "up" and (stuck := _stuck_by_overflow(rule, scaler.record)) is not None:
            kind, value = stuck
            why = "replicas + value overflows the controller's 32 bits and turns negative: no pod is ever added"
            return BEHAVIOR.problem(f"scale up: {kind} {value}", why, look)
        if rule.tolerance is not None:
            notes.append(f"tolerance {rule.direction} {rule.tolerance:g}")
        if rule.policies:
            steps = " or ".join(f"{v}{'%' if k == 'Percent' else ' pod' if v == 1 else ' pods'} in {s} s" for k, v, s in rule.policies)
            notes.append(f"{rule.direction} {steps}")
    return BEHAVIOR.ok("; ".join(notes) or "the controller's defaults")


def _stuck_by_overflow(rule: ScalingRule, record: Autoscaler) -> tuple[str, int] | None:
    """The policy whose limit overflows to below the replicas that there are, where no other policy makes up for it.

    Source: `calculateScaleUpLimitWithScalingRules` in Kubernetes' `horizontal.go`, which adds and multiplies in int32.
    """
    for start in range(max(record.minimum, 1), record.maximum):
        limits = [
            (wrap_int(start + value) if kind == "Pods" else int32_from_float(float(math.ceil(start * (1 + value / 100)))), kind, value)
            for kind, value, _ in rule.policies
        ]
        if not limits:
            return None
        limit, kind, value = min(limits) if rule.select == "Min" else max(limits)
        if limit <= start and value > 0:
            return kind, value
    return None
