"""`hpa explain`: looks at the stack and at what the autoscaler's figures rest on, and explains the replicas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from shelterctl.core.autoscaling.explain import Explanation, Sentence, Topic, explain
from shelterctl.core.autoscaling.traps import LastLoad
from shelterctl.core.checkup import metrics, scaling
from shelterctl.core.checkup.check import Finding
from shelterctl.core.checkup.scaling import ScalingFacts
from shelterctl.core.checkup.scaling_seen import seen_in
from shelterctl.core.state import Role, StackState, Workload
from shelterctl.errors import NotDeployed, Refused
from shelterctl.ops.doctor.looks import Look, Looks
from shelterctl.ports.checkup import ClusterFacts
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target


@dataclass(frozen=True, slots=True)
class ExplainPorts:
    """What the operation works with. `facts` is None where the state has all that the checks need."""

    target: Target
    facts: ClusterFacts | None
    clock: Clock
    last_load: Callable[[], LastLoad | None]


def explain_autoscaler(ports: ExplainPorts) -> Explanation:
    """One look. Raises NotDeployed without a stack, Refused without an autoscaler, ApiUnreachable."""
    looks = Looks(ports.clock)
    facts = ports.facts
    scaling_look = looks.take("autoscaler", facts.scaling) if facts is not None else None
    metrics_look = looks.take("metrics", facts.metrics) if facts is not None else None
    state = ports.target.state()
    for _ in looks.wait():
        """Each look is bounded, and takes less time than it would take to tell of it."""
    workload = state.workload(Role.APP)
    if workload is None:
        raise NotDeployed(f"nothing is deployed in namespace {state.namespace}", next_command="shelterctl up")
    if state.autoscaler is None:
        raise _no_autoscaler(workload, scaling_look.value if scaling_look is not None else None)
    found: list[Finding] = []
    every_s: float | None = None
    if scaling_look is not None and metrics_look is not None:
        found += scaling_look.findings(scaling.ALL, scaling.judge_scaling)
        if metrics_look.value is not None and metrics_look.value.api_available:
            every_s = metrics_look.value.resolution_s
        found += metrics_look.findings((metrics.ADDON, metrics.METRICS_API, metrics.SAMPLES), metrics.judge_metrics)
    else:
        found += _of_state(state)
    result = explain(state, found, now_s=ports.clock.wall_s(), last_load=ports.last_load(), metrics_every_s=every_s)
    return replace(result, sentences=(*result.sentences, *_unseen(scaling_look, metrics_look)))


def _no_autoscaler(workload: Workload, facts: ScalingFacts | None) -> Refused:
    """Nobody's, or one that scales something else: a name that was mistyped is the most frequent reason."""
    what = f"no autoscaler scales {workload.kind.lower()}/{workload.name}"
    if facts is None or not facts.scalers:
        return Refused(
            f"{what}: its {workload.desired} replicas are what its manifest or somebody asked for",
            next_command=f"kubectl -n {workload.namespace} autoscale deployment {workload.name} --cpu-percent=70 --min=2 --max=5",
        )
    other = facts.scalers[0]
    able = other.record.condition("AbleToScale")
    patch = json.dumps({"spec": {"scaleTargetRef": {"name": workload.name}}}, separators=(",", ":"))
    return Refused(
        f"{what}: {other.record.name} scales {other.target}",
        why=able.message if able is not None and not able.status else "",
        next_command=f"kubectl -n {workload.namespace} patch hpa {other.record.name} --type=merge -p '{patch}'",
    )


def _unseen(*looks: Look[Any] | None) -> Iterator[Sentence]:
    """What was not seen hides its traps: no trap is then no sign that there is none."""
    for look in looks:
        if look is not None and look.value is None:
            error = look.error
            why = "it did not answer in time" if error is None else f"{error.what}: {error.why}" if error.why else error.what
            yield Sentence(Topic.UNSEEN, f"the {look.name} could not be looked at: {why}; its traps are not ruled out")


def _of_state(state: StackState) -> list[Finding]:
    facts = seen_in(state)
    return [*scaling.judge_scaling(facts)] if facts is not None else []
