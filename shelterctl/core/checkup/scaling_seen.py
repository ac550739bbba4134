"""What an autoscaler's record, and a state by itself, show for its checks."""

from __future__ import annotations

from shelterctl.core.checkup.scaling import ScalerFacts, ScalingFacts, ScalingRule, SelectedContainer, SelectedPod
from shelterctl.core.hpa.behavior import SelectPolicy, parse_behavior
from shelterctl.core.state import Autoscaler, Role, StackState


def seen_in(state: StackState) -> ScalingFacts | None:
    """The facts as far as a state shows them, for a target whose pods are all of one Deployment; None without one."""
    workload, record = state.workload(Role.APP), state.autoscaler
    if workload is None:
        return None
    pods = tuple(
        SelectedPod(
            pod.name,
            owned=True,
            counted=not pod.deleting,
            containers=tuple(
                SelectedContainer(container.name, request, limit)
                for container, request, limit in zip(pod.containers, pod.cpu_requests_millicores, pod.cpu_limits_millicores, strict=False)
            ),
        )
        for pod in state.pods_of(Role.APP)
    )
    key = f"Deployment/{workload.name}"
    # The autoscaler is as old as what it scales, as far as a state tells.
    age_s = state.taken_at_s - min((pod.created_at_s for pod in state.pods_of(Role.APP)), default=state.taken_at_s)
    scalers = (ScalerFacts(record, key, rules_of(record), age_s),) if record is not None else ()
    return ScalingFacts(state.namespace, workload.name, scalers, "", pods, workload.desired, (), metrics_served=True)


def rules_of(record: Autoscaler) -> tuple[ScalingRule, ...]:
    """The directions that its behavior states."""
    try:
        behavior = parse_behavior(record.behavior)
    except ValueError:
        return ()
    found = []
    for direction, rules in (("up", behavior.scale_up), ("down", behavior.scale_down)) if behavior is not None else ():
        if rules is not None:
            policies = tuple((policy.type.value, policy.value, policy.period_s) for policy in rules.policies or ())
            found.append(ScalingRule(direction, (rules.select_policy or SelectPolicy.MAX).value, policies, rules.tolerance))
    return tuple(found)
