"""The replica count the HorizontalPodAutoscaler derives from CPU utilization, and how it came to it.

Source: ``GetResourceReplicas`` in Kubernetes' ``pkg/controller/podautoscaler/replica_calculator.go`` and
``GetResourceUtilizationRatio`` in ``metrics/utilization.go``, release 1.34.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shelterctl.core.hpa.int32 import int32_from_float, quotient, wrap_int
from shelterctl.core.hpa.pods import (
    DEFAULT_CPU_INITIALIZATION_PERIOD_S,
    DEFAULT_INITIAL_READINESS_DELAY_S,
    PodGroup,
    PodSample,
    SortedPod,
    find_missing_request,
    sort_pods,
)
from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE, Tolerances, both_ways

__all__ = [
    "AssumedUsage",
    "PodSample",
    "ProposalRule",
    "ReplicaProposal",
    "Tolerances",
    "Utilization",
    "desired_from_utilization",
    "propose_replicas",
]

NO_METRICS = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
NO_TARGETED_METRICS = "did not receive metrics for targeted pods (pods might be unready)"
NO_REQUESTS = "no metrics returned matched known pods"


class ProposalRule(StrEnum):
    """Which rule gave a proposal's replicas; the values are texts for people."""

    FAILED = "the metric failed"
    WITHIN_TOLERANCE = "the ratio is within the tolerance: hold"
    READY_PODS = "ceil(ratio * ready pods)"
    ALL_PODS = "ceil(ratio with the gaps filled * pods counted)"
    FILLED_WITHIN_TOLERANCE = "the ratio with the gaps filled is within the tolerance: hold"
    FILLED_CHANGES_DIRECTION = "the ratio with the gaps filled points the other way: hold"
    COUNT_CONTRADICTS_RATIO = "the count contradicts the direction of the ratio: hold"


HOLDS = frozenset(
    {
        ProposalRule.WITHIN_TOLERANCE,
        ProposalRule.FILLED_WITHIN_TOLERANCE,
        ProposalRule.FILLED_CHANGES_DIRECTION,
        ProposalRule.COUNT_CONTRADICTS_RATIO,
    }
)


@dataclass(frozen=True, slots=True)
class Utilization:
    """Usage over requests of the pods counted.

    :param percent: ``100 * usage / request``, truncated.
    :param ratio: ``percent / target``.
    """

    usage_millicores: int
    request_millicores: int
    pods: int
    percent: int
    ratio: float

    @property
    def average_usage_millicores(self) -> int:
        """What ``status.currentMetrics`` shows as ``averageValue``."""
        return quotient(self.usage_millicores, self.pods)


@dataclass(frozen=True, slots=True)
class AssumedUsage:
    """What a pod whose usage isn't known, or isn't trusted, was counted at."""

    pod: str
    usage_millicores: int


@dataclass(frozen=True, slots=True)
class ReplicaProposal:
    """The replicas one metric asks for, before stabilization and limits.

    :param replicas: None when the metric failed.
    :param utilization_percent: what the status reports: the first utilization, without the gaps filled.
    :param error: the controller's own text; None when the metric was computed.
    :param measured: utilization of the ready pods.
    :param filled: utilization with the gaps filled by ``assumed``; None when there was no need.
    :param tolerances: None only where a proposal isn't made from pods.
    """

    replicas: int | None
    utilization_percent: int | None = None
    error: str | None = None
    rule: ProposalRule = ProposalRule.READY_PODS
    measured: Utilization | None = None
    filled: Utilization | None = None
    assumed: tuple[AssumedUsage, ...] = ()
    pods: tuple[SortedPod, ...] = ()
    tolerances: Tolerances | None = None
    metric: str = "cpu resource utilization (percentage of request)"

    @property
    def ratio(self) -> float | None:
        """The ratio that decided: with the gaps filled where they were, else the measured one."""
        decisive = self.filled or self.measured
        return None if decisive is None else decisive.ratio

    @property
    def within_tolerance(self) -> bool:
        """Whether the deciding ratio was within the tolerance."""
        return self.rule in (ProposalRule.WITHIN_TOLERANCE, ProposalRule.FILLED_WITHIN_TOLERANCE)

    @property
    def held(self) -> bool:
        """Whether the current replicas were kept, for whatever reason other than a failure."""
        return self.rule in HOLDS

    def in_group(self, group: PodGroup) -> tuple[str, ...]:
        """The names of the pods in that group."""
        return tuple(pod.name for pod in self.pods if pod.group is group)


def propose_replicas(
    current: int,
    target_percent: int,
    pods: Sequence[PodSample],
    *,
    tolerance: float | Tolerances = DEFAULT_TOLERANCE,
    cpu_initialization_period_s: float = DEFAULT_CPU_INITIALIZATION_PERIOD_S,
    initial_readiness_delay_s: float = DEFAULT_INITIAL_READINESS_DELAY_S,
) -> ReplicaProposal:
    """Compute the replicas for an average CPU utilization target.

    :param current: the scale's ``spec.replicas``, which is returned wherever the rules say hold.
    :param target_percent: ``target.averageUtilization``.
    :param pods: every pod the scale's selector matches, whoever owns it.
    :raises ValueError: a target below 1, or two pods of one name.
    """
    if target_percent < 1:
        raise ValueError(f"the target utilization must be at least 1 percent, got {target_percent}")
    samples = {pod.name: pod for pod in pods}
    if len(samples) != len(pods):
        raise ValueError("two pods have the same name")
    if all(pod.usage_millicores is None for pod in pods):
        return _failed(NO_METRICS, ())

    sorted_pods = sort_pods(
        pods,
        cpu_initialization_period_s=cpu_initialization_period_s,
        initial_readiness_delay_s=initial_readiness_delay_s,
    )
    names = {group: [pod.name for pod in sorted_pods if pod.group is group] for group in PodGroup}
    usage = {name: samples[name].usage_millicores or 0 for name in names[PodGroup.READY]}
    if not usage:
        return _failed(NO_TARGETED_METRICS, sorted_pods)
    missing_request = find_missing_request(pods)
    if missing_request is not None:
        return _failed(str(missing_request), sorted_pods)
    requests = {pod.name: sum(request or 0 for request in pod.requests_millicores) for pod in pods}
    measured = _utilization(usage, requests, target_percent)
    if measured is None:
        return _failed(NO_REQUESTS, sorted_pods)

    tolerances = both_ways(tolerance)
    assumed = _fill_gaps(measured.ratio, target_percent, requests, names[PodGroup.UNREADY], names[PodGroup.MISSING])
    if not names[PodGroup.MISSING] and not assumed:
        filled = None
        replicas, rule = _from_ready(current, measured.ratio, len(usage), tolerances)
    else:
        filled = _utilization(usage | assumed, requests, target_percent) or measured
        replicas, rule = _from_filled(current, measured.ratio, filled, tolerances)
    return ReplicaProposal(
        replicas=replicas,
        utilization_percent=measured.percent,
        rule=rule,
        measured=measured,
        filled=filled,
        assumed=tuple(AssumedUsage(name, millicores) for name, millicores in assumed.items()),
        pods=sorted_pods,
        tolerances=tolerances,
    )


def _failed(error: str, pods: tuple[SortedPod, ...]) -> ReplicaProposal:
    return ReplicaProposal(replicas=None, error=error, rule=ProposalRule.FAILED, pods=pods)


def _utilization(usage: Mapping[str, int], requests: Mapping[str, int], target_percent: int) -> Utilization | None:
    """Usage over requests of the pods that have a usage; None when they request nothing."""
    used, requested = sum(usage.values()), sum(requests[name] for name in usage)
    if requested == 0:
        return None
    percent = wrap_int(quotient(wrap_int(used * 100, bits=64), requested))
    return Utilization(used, requested, len(usage), percent, percent / target_percent)


def _fill_gaps(
    ratio: float, target_percent: int, requests: Mapping[str, int], unready: Sequence[str], missing: Sequence[str]
) -> dict[str, int]:
    """Millicores for the pods without a usage, chosen against the direction of the change."""
    if ratio > 1.0:
        return dict.fromkeys((*missing, *unready), 0)
    if ratio < 1.0:
        # More than the request where the target is: else such a pod would still pull the average below the target.
        percent = max(100, target_percent)
        return {name: quotient(requests[name] * percent, 100) for name in missing}
    return {}


def _from_ready(current: int, ratio: float, ready: int, tolerances: Tolerances) -> tuple[int, ProposalRule]:
    if tolerances.holds(ratio):
        return current, ProposalRule.WITHIN_TOLERANCE
    return _ceil_int32(ratio * ready), ProposalRule.READY_PODS


def _from_filled(current: int, measured_ratio: float, filled: Utilization, tolerances: Tolerances) -> tuple[int, ProposalRule]:
    if tolerances.holds(filled.ratio):
        return current, ProposalRule.FILLED_WITHIN_TOLERANCE
    if (measured_ratio < 1.0 < filled.ratio) or (filled.ratio < 1.0 < measured_ratio):
        return current, ProposalRule.FILLED_CHANGES_DIRECTION
    replicas = _ceil_int32(filled.ratio * filled.pods)
    if (filled.ratio < 1.0 and replicas > current) or (filled.ratio > 1.0 and replicas < current):
        return current, ProposalRule.COUNT_CONTRADICTS_RATIO
    return replicas, ProposalRule.ALL_PODS


def _ceil_int32(value: float) -> int:
    return int32_from_float(float(math.ceil(value)))


def desired_from_utilization(
    current_ready: int, utilization_percent: int, target_percent: int, tolerance: float | Tolerances = DEFAULT_TOLERANCE
) -> int:
    """``ceil(ready * utilization / target)``, or ``current_ready`` within the tolerance.

    For displays that know only what the status shows: it holds where every pod is ready and has a metric, and leaves
    out stabilization and limits.

    :raises ValueError: a target below 1.
    """
    if target_percent < 1:
        raise ValueError(f"the target utilization must be at least 1 percent, got {target_percent}")
    return _from_ready(current_ready, utilization_percent / target_percent, current_ready, both_ways(tolerance))[0]
