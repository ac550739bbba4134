"""A stack's pods and autoscaler, as the controller's model takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shelterctl.core.hpa.algorithm import ReplicaProposal, propose_replicas
from shelterctl.core.hpa.behavior import Behavior, EffectiveBehavior, parse_behavior, tolerances_of, with_defaults
from shelterctl.core.hpa.pods import PodSample
from shelterctl.core.hpa.stabilization import Stabilizer
from shelterctl.core.hpa.tolerance import Tolerances
from shelterctl.core.state import Autoscaler, Pod, Role, Usage

#: The controller looks so often (its --horizontal-pod-autoscaler-sync-period), where nobody set it otherwise.
SYNC_S = 15.0


@dataclass(frozen=True, slots=True)
class ScalerSettings:
    """What is written into an autoscaler; a `down_window_s` of None leaves its behavior as it is."""

    minimum: int
    maximum: int
    cpu_target_percent: int
    down_window_s: int | None = None


def behavior_of(scaler: Autoscaler) -> Behavior | None:
    """`spec.behavior`; None where there is none, or where it is of a shape that this version does not know."""
    try:
        return parse_behavior(scaler.behavior)
    except ValueError:
        return None


def effective_behavior(scaler: Autoscaler) -> EffectiveBehavior | None:
    """With the API's defaults filled in; None where the autoscaler has none, which follows other rules."""
    behavior = behavior_of(scaler)
    return None if behavior is None else with_defaults(behavior)


def tolerances(scaler: Autoscaler) -> Tolerances:
    """The API server drops a tolerance that the controller does not read, so that one that is there counts."""
    return tolerances_of(behavior_of(scaler), configurable=True)


def stabilizer(scaler: Autoscaler) -> Stabilizer:
    """Its bounds and behavior. A minimum above the maximum, which the API server refuses, is taken as the maximum."""
    return Stabilizer(min(scaler.minimum, scaler.maximum), scaler.maximum, effective_behavior(scaler))


def down_window_s(scaler: Autoscaler) -> float:
    """How long the controller remembers a higher recommendation before it follows a lower one (seconds)."""
    behavior = effective_behavior(scaler)
    return float(behavior.scale_down.stabilization_window_s if behavior is not None else stabilizer(scaler).downscale_stabilization_s)


def samples(pods: Iterable[Pod], usage: Iterable[Usage], now_s: float) -> tuple[PodSample, ...]:
    """The application's pods with their newest measurements, at `now_s` (epoch seconds of the cluster's clock)."""
    measured = {item.pod: item for item in usage}
    return tuple(_sample(pod, measured.get(pod.name), now_s) for pod in pods if pod.role is Role.APP)


def _sample(pod: Pod, usage: Usage | None, now_s: float) -> PodSample:
    def age_s(at_s: float | None) -> float | None:
        return None if at_s is None else max(0.0, now_s - at_s)

    return PodSample(
        name=pod.name,
        phase=pod.phase,
        ready=pod.ready,
        start_age_s=age_s(pod.start_time_s if pod.start_time_s is not None else pod.created_at_s),
        transition_age_s=age_s(pod.ready_since_s),
        deleting=pod.deleting,
        requests_millicores=pod.cpu_requests_millicores,
        usage_millicores=None if usage is None else usage.cpu_millicores,
        sample_age_s=0.0 if usage is None else age_s(usage.sampled_at_s) or 0.0,
        window_s=30.0 if usage is None else usage.window_s,
        container_names=tuple(c.name for c in pod.containers) if len(pod.containers) == len(pod.cpu_requests_millicores) else (),
    )


def proposal(scaler: Autoscaler, pods: Iterable[PodSample], replicas: int) -> ReplicaProposal | None:
    """What the CPU metric asks for at `replicas` of the scale; None where the autoscaler has no CPU utilization target."""
    if not scaler.cpu_target_percent:
        return None
    return propose_replicas(replicas, scaler.cpu_target_percent, tuple(pods), tolerance=tolerances(scaler))
