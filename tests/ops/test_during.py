"""A rollout while a load is at work: what its users noticed, and what a load that was over too soon leaves open."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.deploy.stack import ApplyReport
from shelterctl.core.events import Event, LoadTick, StepProgress
from shelterctl.core.load.plan import Expectations
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.load.verdict import Check, CheckName
from shelterctl.core.verdict import Judgement, Reason, Verdict, judge
from shelterctl.errors import RolloutFailed
from shelterctl.ops.during import RolledOut, judge_rollout, rolled_out
from shelterctl.ops.up.up import UpResult
from tests.core.load.examples import GENERATOR, PLAN, TRAFFIC

pytestmark = pytest.mark.unit

DEPLOYED = UpResult("here", "shelter", False, True, ImageChain("app:1"), (), ApplyReport(()), (), None, (), None, 4.0)
ROLLED_AT_S = 8
Work = Generator[Event, None, UpResult]


def load(seconds: int, failures_at_s: int = 0) -> Generator[Event, None, LoadResult]:
    """A load whose users are all there from its first second, told fast."""
    for second in range(1, seconds + 1):
        failed = 3 if second == failures_at_s else 0
        yield LoadTick(float(second), PLAN.users, 100, failed, 5.0, 9.0, 12.0, 10.0, 1.0)
        # The rollout has a thread of its own.
        time.sleep(0.01)
    traffic = replace(TRAFFIC, duration_s=float(seconds), failure_kinds={"503": 3} if failures_at_s else {})
    return LoadResult(PLAN, Expectations(), 0.0, False, Judgement(Verdict.PASS), (), traffic, GENERATOR, None, None, (), ())


def works() -> Work:
    yield StepProgress("rollout", "1 of 2 updated")
    return DEPLOYED


def fails() -> Work:
    yield StepProgress("rollout", "1 of 2 updated")
    raise RolloutFailed("app: the image crashes")


def waits_for_ever() -> Work:
    while True:
        yield StepProgress("rollout", "1 of 2 updated")
        time.sleep(0.005)


def unchanged() -> Work:
    yield from ()
    return replace(DEPLOYED, changed=False)


def ended(running: Generator[Event, None, LoadResult], work: Callable[[], Work]) -> RolledOut:
    both = rolled_out(running, PLAN, work)
    try:
        while True:
            next(both)
    except StopIteration as stop:
        found: RolledOut = stop.value
        return found


@pytest.mark.parametrize(
    ("running", "work", "verdict", "said"),
    [
        (lambda: load(40), works, Verdict.PASS, ""),
        (lambda: load(40, ROLLED_AT_S), works, Verdict.FAIL, "3 of "),
        (lambda: load(40), fails, Verdict.FAIL, "the rollout failed: app: the image crashes"),
        (lambda: load(40), unchanged, Verdict.UNKNOWN, "nothing was rolled out"),
        (lambda: load(12), works, Verdict.UNKNOWN, "the load ended "),
        # Broken off because the load was over: that is no failure of it.
        (lambda: load(20), waits_for_ever, Verdict.UNKNOWN, "the load ended before the rollout did"),
        (lambda: load(3), works, Verdict.UNKNOWN, "the load ended before its users were all there"),
    ],
)
def test_what_a_rollout_under_load_shows(
    running: Callable[[], Generator[Event, None, LoadResult]], work: Callable[[], Work], verdict: Verdict, said: str
) -> None:
    judgement = ended(running(), work).judgement
    assert judgement.verdict is verdict, judgement
    assert [reason.text.startswith(said) for reason in judgement.reasons] == ([True] if said else [])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"requests": 0}, "no request was answered while it was rolled out"),
        ({"load": {"generator": replace(GENERATOR, lost=("process 2 went away (9 s into the load)",))}}, "process 2 went away"),
        ({"load": {"generator": replace(GENERATOR, end=GeneratorEnd.STUCK)}}, "the generator did not end as it should"),
        (
            {"load": {"checks": (Check(CheckName.SERVING, judge([], [Reason("nothing was answered in the last 20 s of the load")])),)}},
            "nothing",
        ),
    ],
)
def test_users_who_wait_and_counts_that_are_missing_prove_no_rollout(changes: dict[str, Any], said: str) -> None:
    found = ended(load(40), works)
    whole = replace(found, **{**changes, "load": replace(found.load, **changes.get("load", {}))})
    judgement = judge_rollout(whole, PLAN)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reasons[0].text.startswith(said)
