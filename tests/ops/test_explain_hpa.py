"""`hpa explain` in each broken state: the right cause is named, with what mends it, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shelterctl.cli.render.autoscaling import hpa as render
from shelterctl.core.autoscaling.explain import Explanation, Topic
from shelterctl.core.autoscaling.traps import LastLoad
from shelterctl.core.checkup.check import CheckState
from shelterctl.core.checkup.metrics import MetricsFacts
from shelterctl.core.checkup.scaling import ScalerFacts, ScalingFacts
from shelterctl.core.state import Condition, StackState
from shelterctl.errors import ApiUnreachable, NotDeployed, Refused
from shelterctl.ops.hpa.explain import ExplainPorts, explain_autoscaler
from tests.core.autoscaling.examples import pod, scaler, state
from tests.core.checkup.examples import scaling, selected, system_pod
from tests.core.stack_examples import NOW

pytestmark = pytest.mark.unit

SERVER = system_pod("metrics-server-x", "metrics-server")
METRICS = MetricsFacts(True, (SERVER,), 3600.0, True, "all checks passed", 15.0, (NOW - 10.0,), NOW, "minikube")


class Facts:
    """What a look at the cluster shows; all is well but what a test changes."""

    def __init__(self, seen: ScalingFacts, measured: MetricsFacts) -> None:
        self.scaling: Callable[[], ScalingFacts] = lambda: seen
        self.metrics: Callable[[], MetricsFacts] = lambda: measured


class Clock:
    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return NOW

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Target:
    def __init__(self, seen: StackState) -> None:
        self.seen = seen

    def state(self) -> StackState:
        return self.seen


def explained(
    seen: StackState,
    *,
    measured: MetricsFacts = METRICS,
    last: LastLoad | None = None,
    own: bool = False,
    **facts: Any,
) -> Explanation:
    """`own`: a target whose state has all that is to be known of it."""
    judged = scaling(ScalerFacts(seen.autoscaler, "Deployment/app", (), 3600.0), **facts) if seen.autoscaler is not None else scaling()
    ports: Any = ExplainPorts(Target(seen), None if own else Facts(judged, measured), Clock(), lambda: last)  # type: ignore[arg-type]
    return explain_autoscaler(ports)


def traps(result: Explanation) -> list[tuple[str, CheckState]]:
    return [(trap.check, trap.state) for trap in result.traps]


def told(result: Explanation) -> str:
    return " | ".join(sentence.text for sentence in result.sentences)


def without_metric(message: str) -> tuple[Condition, ...]:
    return (Condition("ScalingActive", False, "FailedGetResourceMetric", message),)


def test_where_nothing_is_wrong_no_trap_is_named() -> None:
    result = explained(state(scaler(20), 20, 20))
    assert result.traps == ()
    assert "late" not in told(result)


def test_a_missing_request_is_the_cause_and_not_the_metric() -> None:
    message = "missing request for cpu in container app of Pod app-1"
    pods = (pod(0), pod(1, cpu_requests_millicores=(None,)))
    seen = state(scaler(None, conditions=without_metric(message)), 20, 20, pods=pods)
    result = explained(seen, pods=(selected("app-0"), selected("app-1", request=None)))
    assert traps(result) == [("hpa-metric", CheckState.PROBLEM), ("cpu-requests", CheckState.PROBLEM)]
    metric, requests = result.traps
    assert message in metric.found
    assert "spoils the average" in metric.why
    assert requests.found == "container app of pod app-1 has none"
    assert metric.mend == requests.mend == "shelterctl up"
    assert message in told(result)


def test_metrics_that_are_off_are_told_with_what_turns_them_on() -> None:
    message = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    off = MetricsFacts(False, (), 0.0, None, "", None, (), NOW, "minikube")
    seen = state(scaler(None, conditions=without_metric(message)), None, None)
    result = explained(replace(seen, usage=(), usage_problem="the metrics API is not there"), measured=off, served=False)
    names = [name for name, _ in traps(result)]
    assert names == ["hpa-metric", "metrics-addon", "metrics-api", "metrics-samples"]
    assert {trap.mend for trap in result.traps} == {"minikube addons enable metrics-server"}
    assert "nothing measures the pods: the metrics API is not there" in told(result)
    assert "while it has no reading it changes nothing: 2 replicas" in told(result)


def test_replicas_in_a_manifest_are_named_with_who_wrote_them() -> None:
    result = explained(state(scaler(20), 20, 20), managers=("kubectl-client-side-apply",))
    assert traps(result) == [("replicas-owner", CheckState.WARNING)]
    (trap,) = result.traps
    assert trap.found == "set to 2 by kubectl-client-side-apply"
    assert "resets what the HPA chose" in trap.why
    assert "take spec.replicas out" in trap.mend


def test_a_rollout_that_is_stuck_is_told_with_its_pods_trouble() -> None:
    message = "0/1 nodes are available: 1 Insufficient cpu."
    stuck = pod(1, ready=False, scheduled=False, scheduling_message=message, phase="Pending")
    result = explained(state(scaler(90), 90, None, pods=(pod(0), stuck)))
    assert traps(result) == [("rollout", CheckState.PROBLEM)]
    (trap,) = result.traps
    assert trap.found == "1 of 2 pods are ready"
    assert message in trap.why


@pytest.mark.parametrize("own", [False, True])
def test_a_target_that_the_load_never_reached_is_told_with_the_one_that_would_have_scaled(own: bool) -> None:
    last = LastLoad("20261130-030000-loadtest", 3600.0, 26, 70)
    result = explained(state(scaler(5), 5, 5), last=last, own=own)
    assert traps(result) == [("measured-load", CheckState.WARNING)]
    (trap,) = result.traps
    assert "read 26% at most, of a target of 70%" in trap.found
    assert "a target of 23% or less would have called for a pod" in trap.why
    assert trap.mend.startswith("shelterctl up --cpu-target 23")


def test_a_target_beyond_the_limits_pods_of_others_and_a_rival() -> None:
    beyond = explained(state(scaler(5, cpu_target_percent=600), 5, 5))
    assert traps(beyond) == [("dead-zone", CheckState.PROBLEM)]
    strangers = explained(state(scaler(5), 5, 5), pods=(selected("app-0"), selected("batch-1", owned=False)))
    assert traps(strangers) == [("other-pods", CheckState.PROBLEM)]
    assert strangers.traps[0].found.startswith("batch-1: matched by the selector")


def test_measurements_a_minute_apart_are_a_delay_and_no_trap() -> None:
    slow = replace(METRICS, resolution_s=60.0)
    result = explained(state(scaler(20), 20, 20), measured=slow)
    assert result.traps == ()
    (sentence,) = [item for item in result.sentences if "late" in item.text]
    assert sentence.topic is Topic.SAMPLES
    assert "measured every 60 s" in sentence.text
    # Where nothing serves them, how often they would come is nothing to tell.
    away = explained(state(scaler(20), 20, 20), measured=replace(slow, api_available=False), served=False)
    assert "measured every" not in told(away)


def test_a_look_that_failed_leaves_its_traps_open_and_says_so() -> None:
    """Without it no trap is named: that must not look as if there was none."""
    facts = Facts(scaling(), METRICS)

    def forbidden() -> ScalingFacts:
        raise ApiUnreachable("horizontalpodautoscalers is forbidden", why="no role allows it")

    facts.scaling = forbidden
    ports: Any = ExplainPorts(Target(state(scaler(20), 20, 20)), facts, Clock(), lambda: None)  # type: ignore[arg-type]
    result = explain_autoscaler(ports)
    assert result.traps == ()
    (sentence,) = [item for item in result.sentences if item.topic is Topic.UNSEEN]
    assert "horizontalpodautoscalers is forbidden: no role allows it" in sentence.text
    assert "its traps are not ruled out" in sentence.text
    assert "  Not seen " in [line.text[:11] for line in render.explain_lines(result)]


def test_nothing_deployed_and_no_autoscaler() -> None:
    with pytest.raises(NotDeployed):
        explained(replace(state(None, 5), workloads=()))
    with pytest.raises(Refused, match="no autoscaler scales deployment/app") as refused:
        explained(state(None, 5))
    assert "autoscale deployment app" in refused.value.next_command


def test_an_autoscaler_of_something_else_is_named() -> None:
    lost = Condition("AbleToScale", False, "FailedGetScale", "the HPA controller was unable to get the target's current scale")
    elsewhere = ScalerFacts(replace(scaler(5), conditions=(lost,)), "Deployment/app-v1", (), 3600.0)
    ports: Any = ExplainPorts(Target(state(None, 5)), Facts(scaling(elsewhere), METRICS), Clock(), lambda: None)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="no autoscaler scales deployment/app: app scales Deployment/app-v1") as refused:
        explain_autoscaler(ports)
    assert refused.value.why == lost.message
    assert """patch hpa app --type=merge -p '{"spec":{"scaleTargetRef":{"name":"app"}}}'""" in refused.value.next_command
