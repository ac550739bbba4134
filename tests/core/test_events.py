"""Events as the run folder keeps them: a later report reads them by these names."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from shelterctl.core.events import (
    Event,
    LoadTick,
    Milestone,
    Notice,
    Outcome,
    PodsSeen,
    StepFinished,
    StepProgress,
    StepStarted,
    TargetChosen,
    WatchDropped,
    WritesSoFar,
    event_to_json,
)
from tests.core.stack_examples import POD

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (StepStarted("build", "Building"), {"kind": "step_started", "step": "build", "title": "Building"}),
        (StepProgress("build", "line"), {"kind": "step_progress", "step": "build", "detail": "line"}),
        (
            StepFinished("build", "Built", Outcome.CHANGED, 2.1),
            {"kind": "step_finished", "step": "build", "title": "Built", "outcome": "changed", "elapsed_s": 2.1},
        ),
        (Notice("text"), {"kind": "notice", "text": "text", "level": "info"}),
        (
            TargetChosen("minikube", "shelter", "minikube", "v1.34.4", "containerd"),
            {
                "kind": "target_chosen",
                "context": "minikube",
                "namespace": "shelter",
                "profile": "minikube",
                "kubernetes_version": "v1.34.4",
                "runtime": "containerd",
                "label": "Context",
            },
        ),
        (WatchDropped("pods", "closed"), {"kind": "watch_dropped", "resource": "pods", "why": "closed"}),
        (Milestone("fault", 0.0, "sigkill"), {"kind": "milestone", "name": "fault", "at_s": 0.0, "detail": "sigkill"}),
        (
            WritesSoFar(3, 1, 1, 1),
            {"kind": "writes", "attempts": 3, "acknowledged": 1, "rejected": 1, "indeterminate": 1},
        ),
    ],
)
def test_an_event_is_its_kind_and_its_fields(event: Event, expected: dict[str, object]) -> None:
    assert event_to_json(event) == expected


def test_records_in_events_are_whole() -> None:
    (pod,) = json.loads(json.dumps(event_to_json(PodsSeen((POD,)))))["pods"]
    assert (pod["name"], pod["role"], pod["containers"][0]["image_id"]) == ("app-1", "app", "sha256:5c0e")


def test_a_second_without_an_answer_has_no_latency() -> None:
    tick = event_to_json(LoadTick(1.0, 10, 0, 0, None, None, None, 3.0, 0.5))
    assert (tick["p50_ms"], tick["by_pod"]) == (None, {})


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    kinds = [event.kind for event in get_args(Event)]
    assert len(set(kinds)) == len(kinds)
