"""The decisions of Kubernetes 1.34.4's own controller code, recorded, against ours.

Each line of the data is a case and the answer to it; ``make_cases.py`` makes more of them.
"""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shelterctl.core.hpa.algorithm import PodSample, ReplicaProposal, propose_replicas
from shelterctl.core.hpa.behavior import parse_behavior, with_defaults
from shelterctl.core.hpa.conditions import Condition
from shelterctl.core.hpa.stabilization import History, Stabilizer
from shelterctl.core.hpa.sync import sync

pytestmark = pytest.mark.unit

DATA = Path(__file__).parent / "data"

# The recorded controller read a clock that had moved on a little at each step: an age of just 300 s was a bit more.
CLOCK_DRIFT_S = 0.001

JsonObject = dict[str, Any]


def read_cases(name: str) -> list[tuple[JsonObject, JsonObject]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [(line["case"], line["answer"]) for line in map(json.loads, lines)]


def pod_sample(raw: JsonObject) -> PodSample:
    return PodSample(
        name=raw["name"],
        phase=raw["phase"],
        ready=raw.get("ready"),
        start_age_s=raw.get("start_age_s"),
        transition_age_s=raw.get("transition_age_s"),
        deleting=raw["deleting"],
        requests_millicores=tuple(None if request < 0 else request for request in raw["requests_millicores"]),
        usage_millicores=raw.get("usage_millicores"),
        sample_age_s=raw["sample_age_s"],
        window_s=raw["window_s"],
    )


def propose(case: JsonObject) -> ReplicaProposal:
    pods = [pod_sample(pod) for pod in case["pods"]]
    return propose_replicas(case["current"], case["target"], pods, tolerance=case["tolerance"])


def propose_answer(case: JsonObject) -> JsonObject:
    """Our answer in the form of the recorded ones."""
    proposal = propose(case)
    if proposal.error is not None:
        return {"replicas": 0, "utilization": 0, "error": proposal.error}
    return {"replicas": proposal.replicas, "utilization": proposal.utilization_percent}


def trace_answer(case: JsonObject) -> JsonObject:
    """Our answer in the form of the recorded ones, whose conditions are those of stabilization and limits alone."""
    trace = case["trace"]
    behavior = parse_behavior(trace.get("behavior"))
    stabilizer = Stabilizer(trace["min"], trace["max"], None if behavior is None else with_defaults(behavior))
    history, current = History(), trace["start"]
    replicas, conditions = [], []
    for step, recommendation in enumerate(trace["recommendations"]):
        now_s = step * (trace["step_s"] + CLOCK_DRIFT_S)
        outcome = sync(stabilizer, history, current, [ReplicaProposal(recommendation)], now_s)
        history, current = outcome.history, outcome.replicas
        replicas.append(current)
        told = outcome.normalized
        conditions.append(text_of(told.able_to_scale) + text_of(told.scaling_limited) if told else "")
    return {"replicas": replicas, "conditions": conditions}


def text_of(condition: Condition) -> str:
    return f"{condition.type}={condition.reason} "


def test_the_replica_calculator_answers_as_recorded() -> None:
    cases = read_cases("hpa-proposals.jsonl.gz")

    differences = [case for case, answer in cases if propose_answer(case) != answer]

    assert differences == []
    assert len(cases) >= 2500


def test_the_recorded_proposals_use_every_rule_many_times() -> None:
    rules = Counter(propose(case).rule.name for case, _ in read_cases("hpa-proposals.jsonl.gz"))

    assert {rule: count for rule, count in rules.items() if count >= 40}.keys() == {
        "FAILED",
        "WITHIN_TOLERANCE",
        "READY_PODS",
        "ALL_PODS",
        "FILLED_WITHIN_TOLERANCE",
        "FILLED_CHANGES_DIRECTION",
        "COUNT_CONTRADICTS_RATIO",
    }


def test_stabilization_and_limits_answer_as_recorded() -> None:
    cases = read_cases("hpa-traces.jsonl.gz")

    differences = [case for case, answer in cases if trace_answer(case) != answer]

    assert differences == []
    assert len(cases) >= 1000


def test_the_recorded_traces_show_every_condition_many_times() -> None:
    traces = read_cases("hpa-traces.jsonl.gz")

    words = Counter(word for _, answer in traces for told in answer["conditions"] for word in told.split())

    assert {word for word, count in words.items() if count >= 40} == {
        "AbleToScale=ReadyForNewScale",
        "AbleToScale=ScaleUpStabilized",
        "AbleToScale=ScaleDownStabilized",
        "ScalingLimited=DesiredWithinRange",
        "ScalingLimited=ScaleUpLimit",
        "ScalingLimited=ScaleDownLimit",
        "ScalingLimited=TooManyReplicas",
        "ScalingLimited=TooFewReplicas",
    }
