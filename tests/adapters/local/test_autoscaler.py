"""The embedded autoscaler: the controller's own rules over what was measured, with its conditions, events and memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shelterctl.adapters.local import manifest
from shelterctl.adapters.local.spec import ScalerSpec
from shelterctl.adapters.local.supervisor.autoscaler import FIRST_METRIC_S, Scaler
from shelterctl.core.state import Usage
from tests.adapters.local.examples import pod

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
SPEC = ScalerSpec(2, 5, 70, {"scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}})


def scaler(replicas: int = 2) -> Scaler:
    return Scaler(SPEC, replicas, 15.0)


def passed(of: Scaler, *millicores: int, at_s: float, window_s: float = 5.0) -> list[str]:
    """One pass over ready replicas that used so much each; returns the reasons of its events."""
    pods = [pod(f"app-{number}", "new", ready=True) for number in range(len(millicores))]
    for each in pods:
        object.__setattr__(each.template, "cpu_request_millicores", 100)
        # It has run for ten minutes.
        each.created_at, each.restarts = time.monotonic() - 600, 1
    usage = [Usage(each.name, used, 0, time.time(), window_s) for each, used in zip(pods, millicores, strict=True)]
    return [reason for reason, _ in of.step(pods, usage, at_s)]


def test_a_load_calls_for_as_many_as_the_policy_allows_and_is_told_as_a_cluster_tells_it() -> None:
    found = scaler()
    assert passed(found, 190, 190, at_s=100.0) == ["SuccessfulRescale"]
    record = found.record(2)
    # 190% of 70% calls for 6; two a minute are allowed, and five is the maximum.
    assert (record.desired, record.cpu_percent) == (4, 190)
    told = {condition.type: condition.reason for condition in record.conditions}
    assert told == {"AbleToScale": "SucceededRescale", "ScalingActive": "ValidMetricFound", "ScalingLimited": "ScaleUpLimit"}


def test_it_looks_once_in_a_period() -> None:
    found = scaler()
    passed(found, 20, 20, at_s=100.0)
    assert passed(found, 190, 190, at_s=114.0) == []
    assert passed(found, 190, 190, at_s=115.0) == ["SuccessfulRescale"]


def test_the_policy_s_minute_is_remembered() -> None:
    found = scaler()
    passed(found, 190, 190, at_s=100.0)
    assert passed(found, 190, 190, 190, 190, at_s=115.0) == []
    assert passed(found, 190, 190, 190, 190, at_s=161.0) == ["SuccessfulRescale"]
    assert found.replicas == 5


def test_within_the_tolerance_it_holds() -> None:
    found = scaler()
    assert (passed(found, 75, 75, at_s=100.0), found.replicas) == ([], 2)


def test_a_scale_down_waits_for_the_stabilization_window() -> None:
    found = scaler(4)
    passed(found, 100, 100, 100, 100, at_s=100.0)
    assert (passed(found, 5, 5, 5, 5, at_s=200.0), found.replicas) == ([], 5)
    assert passed(found, 5, 5, 5, 5, 5, at_s=500.0) == ["SuccessfulRescale"]
    assert found.replicas < 5


def test_without_a_metric_it_says_nothing_at_first_and_then_what_a_cluster_says() -> None:
    found = scaler()
    found.began_s = 100.0
    assert found.step([pod("app-0", "new", ready=False)], [], 101.0) == ()
    assert found.record(1).conditions == ()
    reasons = [reason for reason, _ in found.step([pod("app-0", "new", ready=False)], [], 101.0 + FIRST_METRIC_S)]
    assert reasons == ["FailedGetResourceMetric", "FailedComputeMetricsReplicas"]
    assert found.record(1).cpu_percent is None


def test_the_settings_are_those_of_the_manifest() -> None:
    found = manifest.read(ROOT)
    assert found.scaler is not None
    assert found.liveness is not None
    assert (found.scaler.minimum, found.scaler.maximum, found.scaler.cpu_target_percent) == (2, 5, 70)
    assert found.scaler.behavior is not None
    assert (found.cpu_request_millicores, found.cpu_limit_millicores, found.memory_request_bytes) == (100, 500, 96 * 2**20)
    assert (found.readiness.path, found.readiness.failure_threshold) == ("/health/ready", 15)
    assert (found.startup.failure_threshold, found.liveness.period_s) == (60, 10.0)
    assert found.settings["SHELTER_MONGO_DATABASE"] == "shelter"
