"""What the tasks of a Locust file of somebody's own decide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.plan import Expectations
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import Traffic
from shelterctl.core.load.verdict import judge_load
from shelterctl.core.verdict import Judgement, Reason, Verdict
from tests.core.load.examples import GENERATOR, PLAN, TRAFFIC, sample

pytestmark = pytest.mark.unit


def judged(**changes: object) -> Judgement:
    traffic: Traffic = replace(TRAFFIC, **changes)  # type: ignore[arg-type]
    return judge_load(PLAN, Expectations(), traffic, GENERATOR, None, None, interrupted=False).judgement


@pytest.mark.parametrize(("raised", "checks", "errors"), [(100, Verdict.PASS, Verdict.PASS), (101, Verdict.FAIL, Verdict.UNKNOWN)])
def test_tasks_that_raise_are_held_to_the_share_of_failures_that_is_allowed(raised: int, checks: Verdict, errors: Verdict) -> None:
    assert judged(tasks=10_000, failed_checks={"AssertionError": raised}).verdict is checks
    assert judged(tasks=10_000, task_errors={"KeyError: 'id'": raised}).verdict is errors


def test_the_share_is_one_of_the_tasks_and_not_of_their_requests() -> None:
    found = judged(tasks=100, failed_checks={"AssertionError: no total (own.py:12)": 40, "AssertionError": 10})
    text = "50% of the Locust file's tasks failed a check of its own (40 × AssertionError: no total (own.py:12), 10 × AssertionError)"
    assert found == Judgement(Verdict.FAIL, (Reason(f"{text}; 1% is allowed"),))


def test_one_user_who_ended_is_another_load_than_was_asked_for() -> None:
    found = judged(tasks=10_000, users_ended=1, task_errors={"KeyError: 'id'": 1})
    assert found.verdict is Verdict.UNKNOWN
    assert found.reasons[0].text == "1 user ended by an exception of the Locust file (1 × KeyError: 'id'): the load was smaller"


def test_samples_add_up() -> None:
    tally = LoadTally(PLAN)
    for second in (1.0, 2.0):
        tally.add(sample(second, tasks=20, users_ended=1, failed_checks={"AssertionError": 2}, task_errors={"KeyError": 3, "OSError": 1}))
    traffic = tally.traffic()
    assert (traffic.tasks, traffic.users_ended) == (40, 2)
    assert (traffic.failed_checks, traffic.task_errors) == ({"AssertionError": 4}, {"KeyError": 6, "OSError": 2})
