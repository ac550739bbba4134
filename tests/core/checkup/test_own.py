"""A user's own stack, judged: its files' faults, and what is deployed of it, one thing spoiled at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.checkup import own
from shelterctl.core.checkup.check import Area, CheckState
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.stack.stack import Stack
from shelterctl.core.state import Autoscaler, Condition, StackState
from tests.core.stack_examples import CLAIM, DATABASE, DEPLOYMENT, NOW, STATEFUL_SET, container, pod
from tests.stack.clean import changed, laid

pytestmark = pytest.mark.unit

WEB = replace(DEPLOYMENT, name="web", namespace="default")
MONGO = replace(STATEFUL_SET, name="mongo", namespace="default")
PODS = (pod("web-1", namespace="default"), pod("web-2", namespace="default"), replace(DATABASE, namespace="default"))
WAY_IN = Endpoint("web", 30080, "10.96.0.7", "http://192.168.49.2:30080", ready_pods=("web-1", "web-2"))
SCALER = Autoscaler("web", 2, 5, 2, 2, 70, 31, (Condition("ScalingActive", True, "ValidMetricFound", ""),))
CLAIMED = replace(CLAIM, namespace="default")
STATE = StackState(NOW, "default", (WEB, MONGO), PODS, SCALER, (CLAIMED,), WAY_IN)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return reader.read(laid(tmp_path_factory.mktemp("own") / "shop"))


def judged(stack: Stack, state: StackState) -> dict[str, list[tuple[CheckState, str, str, str]]]:
    found: dict[str, list[tuple[CheckState, str, str, str]]] = {}
    for each in own.judge_running(stack, state, now_s=NOW):
        found.setdefault(each.check, []).append((each.state, each.found, each.why, each.mend))
    return found


def test_a_good_stack(stack: Stack) -> None:
    found = judged(stack, STATE)
    assert {check: [state for state, *_ in each] for check, each in found.items()} == {
        "stack-parts": [CheckState.OK],
        "stack-rollout": [CheckState.OK, CheckState.OK],
        "stack-endpoint": [CheckState.OK],
        "stack-claim": [CheckState.OK],
        "stack-hpa-metric": [CheckState.OK],
    }
    assert found["stack-parts"][0][1] == "Deployment/web, StatefulSet/mongo"
    assert found["stack-hpa-metric"][0][1] == "cpu 31% of 70%"


def test_nothing_deployed_is_no_problem(stack: Stack) -> None:
    empty = replace(STATE, workloads=(), pods=(), claims=(), endpoint=None, autoscaler=None)
    found = judged(stack, empty)
    assert {(check, state, said) for check, each in found.items() for state, said, *_ in each} == {
        (check, CheckState.SKIPPED, "nothing is deployed")
        for check in ("stack-parts", "stack-rollout", "stack-endpoint", "stack-claim", "stack-hpa-metric")
    }


INACTIVE = Condition("ScalingActive", False, "FailedGetResourceMetric", "missing request for cpu in container web")


@pytest.mark.parametrize(
    ("changes", "check", "said", "meaning", "mend"),
    [
        ({"workloads": (WEB,)}, "stack-parts", "not there: StatefulSet/mongo", "cannot work without", "shelterctl up"),
        (
            # Of its name, in another namespace: another stack's.
            {"workloads": (WEB, replace(MONGO, namespace="other")), "pods": (*PODS[:2], replace(DATABASE, namespace="other"))},
            "stack-parts", "not there: StatefulSet/mongo", "", "shelterctl up",
        ),
        (
            {"workloads": (replace(WEB, ready=1, available=1), MONGO), "pods": (PODS[0], PODS[2])}, "stack-rollout", "web", "",
            "shelterctl status",
        ),
        (
            {
                "workloads": (replace(WEB, ready=1, available=1, updated=1), MONGO),
                "pods": (PODS[0], pod("web-2", container("waiting", "ImagePullBackOff"), namespace="default"), PODS[2]),
            },
            "stack-rollout", "ImagePullBackOff", "", "shelterctl status",
        ),
        ({"endpoint": None}, "stack-endpoint", "no Service leads to the application", "nothing can be asked", "shelterctl inspect"),
        ({"endpoint": replace(WAY_IN, ready_pods=())}, "stack-endpoint", "Service web has no ready endpoint", "nothing answers", "status"),
        ({"claims": (replace(CLAIMED, phase="Pending"),)}, "stack-claim", "is Pending", "its pod cannot start", "kubectl get pvc,pv"),
        ({"autoscaler": replace(SCALER, cpu_percent=None)}, "stack-hpa-metric", "HPA web has none", "60 to 120 s", "status watch"),
        (
            {"autoscaler": replace(SCALER, cpu_percent=None, conditions=(INACTIVE,))}, "stack-hpa-metric", "HPA web has none",
            "FailedGetResourceMetric: missing request for cpu in container web", "status watch",
        ),
        # A reading of before does not count once the controller says that it gets none.
        ({"autoscaler": replace(SCALER, conditions=(INACTIVE,))}, "stack-hpa-metric", "HPA web has none", "FailedGetResource", ""),
    ],
)  # fmt: skip
def test_what_is_spoiled_is_the_problem_and_nothing_else_is(
    changes: Mapping[str, object], check: str, said: str, meaning: str, mend: str, stack: Stack
) -> None:
    found = judged(stack, replace(STATE, **changes))  # type: ignore[arg-type]
    problems = {name: each for name, each in found.items() if any(state is CheckState.PROBLEM for state, *_ in each)}
    assert list(problems) == [check], problems
    (problem,) = [each for each in problems[check] if each[0] is CheckState.PROBLEM]
    assert said in problem[1], problem
    assert meaning in problem[2], problem
    assert mend in problem[3], problem


def test_what_a_stack_does_not_have_is_skipped(stack: Stack) -> None:
    found = judged(stack, replace(STATE, claims=(), autoscaler=None))
    assert (found["stack-claim"][0][:2], found["stack-hpa-metric"][0][:2]) == (
        (CheckState.SKIPPED, "no pod has one"),
        (CheckState.SKIPPED, "no HPA scales the application"),
    )


def test_files_without_a_fault_are_one_line(stack: Stack) -> None:
    (line,) = own.judge_files(stack)
    assert (line.state, line.found) == (CheckState.OK, f"{len(stack.documents)} objects, no fault among them")


def test_a_fault_is_a_problem_and_a_risk_a_warning_and_a_note_is_inspects(tmp_path: Path) -> None:
    files = {
        # Blocks, a risk, and a note.
        **changed("k8s/hpa.yaml", ("Deployment, name: web", "Deployment, name: wbe")),
        **changed("k8s/web.yaml", ("?journal=true", "")),
        **changed("k8s/mongo.yaml", ("mongo:8.0", "mongo")),
    }
    found = {each.check: each for each in own.judge_files(reader.read(laid(tmp_path / "shop", files)))}
    assert {check: (each.state, each.area) for check, each in found.items()} == {
        "hpa-target-missing": (CheckState.PROBLEM, Area.SCALING),
        "acknowledged-before-journaled": (CheckState.WARNING, Area.STACK),
    }
    assert "(k8s/hpa.yaml:6)" in found["hpa-target-missing"].found
