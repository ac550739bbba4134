"""The autoscaler's traps, each judged by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.checkup.check import CheckState, Repair
from shelterctl.core.checkup.scaling import ScalerFacts, ScalingFacts, ScalingRule, judge_scaling
from shelterctl.core.state import Condition
from tests.core.checkup.examples import HPA, SCALER, scaling, selected, short, up

pytestmark = pytest.mark.unit


def hpa(**changes: object) -> ScalerFacts:
    return replace(SCALER, record=replace(HPA, **changes))  # type: ignore[arg-type]


def behaving(*rules: ScalingRule) -> ScalingFacts:
    return scaling(replace(SCALER, rules=rules))


def without_metric(reason: str, message: str) -> ScalerFacts:
    return hpa(cpu_percent=None, conditions=(Condition("ScalingActive", False, reason, message),))


def test_a_good_autoscaler() -> None:
    assert [(f.check, f.found) for f in judge_scaling(scaling(SCALER))] == [
        ("hpa", "app: 2 pods of 2 to 5"),
        ("hpa-metric", "cpu 4% of 70%"),
        ("hpa-range", "2 to 5"),
        ("cpu-requests", "every container of 2 pods has one"),
        ("dead-zone", "70% (tolerance 10%), the limits allow 500%"),
        ("other-pods", "only the Deployment's 2"),
        ("two-hpas", "app alone scales Deployment/app"),
        ("replicas-owner", "left to the HPA"),
        ("hpa-behavior", "the controller's defaults"),
    ]


def test_no_autoscaler_is_what_a_fixed_number_of_pods_looks_like() -> None:
    assert {f.state for f in judge_scaling(scaling())} == {CheckState.SKIPPED}
    other = replace(SCALER, target="Deployment/web")
    assert short(judge_scaling(scaling(other)))[0] == ("hpa", "problem", "app scales Deployment/web, which is not Deployment/app")


def test_one_container_without_a_request_and_no_metric_at_all() -> None:
    message = "failed to get cpu utilization: missing request for cpu in container log of Pod app-2"
    spoiled = scaling(without_metric("FailedGetResourceMetric", message), pods=(selected("app-1"), selected("app-2", request=None)))
    assert short(judge_scaling(spoiled)) == [
        ("hpa-metric", "problem", f"<unknown>: FailedGetResourceMetric: {message}"),
        ("cpu-requests", "problem", "container app of pod app-2 has none"),
    ]


def test_a_metric_from_before_the_metrics_went_away_is_history() -> None:
    found = next(f for f in judge_scaling(scaling(SCALER, served=False)) if f.check == "hpa-metric")
    assert (found.state, found.found, found.repair) == (CheckState.PROBLEM, "cpu 4% is history", Repair.ENABLE_METRICS)


def test_a_metrics_server_that_has_just_started_is_given_time() -> None:
    """As after a restart of the node: its first samples take two of its periods, and turning it on again mends nothing."""
    facts = [replace(scaling(SCALER, served=False), metrics_age_s=age_s) for age_s in (30.0, 600.0)]
    found = [next(f for f in judge_scaling(each) if f.check == "hpa-metric") for each in facts]
    assert [(f.state, f.repair) for f in found] == [(CheckState.WARNING, None), (CheckState.PROBLEM, Repair.ENABLE_METRICS)]
    assert found[0].why == "metrics-server started 30 s ago: its first samples take 60 to 120 s"


def test_a_new_autoscaler_is_given_time() -> None:
    unknown = without_metric("FailedGetResourceMetric", "no metrics returned")
    states = [
        next(f.state for f in judge_scaling(scaling(replace(unknown, age_s=age_s))) if f.check == "hpa-metric") for age_s in (30.0, 600.0)
    ]
    assert states == [CheckState.WARNING, CheckState.PROBLEM]


def test_a_target_that_the_limits_keep_out_of_reach() -> None:
    tight = scaling(hpa(cpu_target_percent=95), pods=(selected("app-1", limit=100),))
    found = next(f for f in judge_scaling(tight) if f.check == "dead-zone")
    assert (found.state, found.found, found.mend) == (
        CheckState.PROBLEM, "target 95%: the CPU limits end at 100%, and 105% would scale up", "shelterctl up --cpu-target 90",
    )  # fmt: skip
    unlimited = scaling(hpa(cpu_target_percent=95), pods=(selected("app-1", limit=None),))
    assert next(f.found for f in judge_scaling(unlimited) if f.check == "dead-zone") == "95% (tolerance 10%), no limit"


def test_strangers_in_the_average() -> None:
    assert short(judge_scaling(scaling(SCALER, pods=(selected("app-1"), selected("canary", owned=False))))) == [
        ("other-pods", "problem", "canary: matched by the selector, not made by the Deployment")
    ]
    # The controller leaves failed pods and those being deleted out.
    assert short(judge_scaling(scaling(SCALER, pods=(selected("app-1"), selected("old", owned=False, counted=False))))) == []


def test_two_autoscalers_on_one_target() -> None:
    rival = replace(SCALER, record=replace(HPA, name="second"))
    assert short(judge_scaling(scaling(SCALER, rival))) == [("two-hpas", "problem", "app, second scale the same Deployment")]


def test_who_owns_the_replicas() -> None:
    assert short(judge_scaling(scaling(SCALER, managers=("kubectl-client-side-apply",)))) == [
        ("replicas-owner", "warning", "set to 2 by kubectl-client-side-apply")
    ]


def test_nothing_to_decide() -> None:
    assert short(judge_scaling(scaling(hpa(minimum=5)))) == [("hpa-range", "warning", "minimum = maximum = 5")]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (behaving(up(("Pods", 2, 60), ("Percent", 100, 60))), []),
        (behaving(up(("Pods", 2147483647, 15))), [("hpa-behavior", "problem", "scale up: Pods 2147483647")]),
        # The largest counts, so the other policy makes up for the one that overflows.
        (behaving(up(("Pods", 2147483647, 15), ("Percent", 100, 15))), []),
        (
            behaving(up(("Pods", 2147483647, 15), ("Percent", 100, 15), select="Min")),
            [("hpa-behavior", "problem", "scale up: Pods 2147483647")],
        ),
        # Going down it only means "all of them".
        (behaving(ScalingRule("down", "Max", (("Pods", 2147483647, 15),))), []),
        (behaving(ScalingRule("down", "Disabled", ())), [("hpa-behavior", "warning", "scale down is disabled")]),
        (behaving(ScalingRule("up", "Disabled", ())), [("hpa-behavior", "warning", "scale up is disabled")]),
    ],
)
def test_behavior(facts: ScalingFacts, expected: list[tuple[str, str, str]]) -> None:
    assert short(judge_scaling(facts)) == expected


def test_the_tolerance_of_the_autoscaler_is_told_and_used() -> None:
    own = ScalingRule("up", "Max", (), 0.02)
    found = {f.check: f.found for f in judge_scaling(behaving(own))}
    assert (found["hpa-behavior"], found["dead-zone"]) == ("tolerance up 0.02", "70% (tolerance 2%), the limits allow 500%")
