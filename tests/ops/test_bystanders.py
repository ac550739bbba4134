"""Another command that changes the stack while it is under load: what fails then is not put down to the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from shelterctl.core.load.histogram import bin_of
from shelterctl.core.load.plan import Expectations, LoadSample
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.thresholds import parse_threshold
from shelterctl.core.load.verdict import CheckName
from shelterctl.core.verdict import Verdict
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ports.target import Target
from tests.core.load.examples import sample
from tests.ops.load_scenes import PreparedSwarm, SteppingClock
from tests.ops.test_loadtest import PLAN, finished, scaled_to_three

pytestmark = pytest.mark.unit
EXPECTED = Expectations()
WHO = "shelterctl down (process 1, since 10:00:00)"
EXCUSE = f"{WHO} worked on the stack from 101 s on: what failed since may be its doing, not the service's"


def second(at_s: int, *, from_s: int, until_s: int) -> LoadSample:
    if not from_s < at_s <= until_s:
        return sample(float(at_s))
    bins = {bin_of(900.0): 10}
    return sample(float(at_s), failures=10, failure_kinds={"HTTP 503": 10}, latency_bins=bins, max_ms=900.0)


def load(
    folder: Path,
    *,
    from_s: int,
    until_s: int = 240,
    works_s: tuple[float, float] = (101, 103),
    rolls_out: bool = False,
    expected: Expectations = EXPECTED,
) -> LoadResult:
    clock = SteppingClock()
    seconds = [second(at_s, from_s=from_s, until_s=until_s) for at_s in range(1, 240)] + [sample(240.0, users=0, final=True)]
    others = lambda: WHO if works_s[0] <= clock.now_s < works_s[1] else ""  # noqa: E731
    ports = LoadPorts(cast(Target, scaled_to_three(clock)), PreparedSwarm(clock, seconds, 240.0), clock, folder, others)
    _, result = finished(loadtest(ports, PLAN, expected, rolls_out=rolls_out))
    return result


def test_requests_that_fail_once_somebody_takes_the_stack_down_are_no_failure_of_the_service(tmp_path: Path) -> None:
    result = load(tmp_path, from_s=100)
    texts = [reason.text for reason in result.judgement.reasons]
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert EXCUSE in texts
    assert any("of the requests failed (1,390 × HTTP 503)" in text for text in texts)
    # What reads the checks alone, as a report does, is told the same.
    assert {check.name: check.judgement.verdict for check in result.checks}[CheckName.SERVING] is Verdict.UNKNOWN


def test_what_another_command_did_is_in_the_timeline_with_its_times(tmp_path: Path) -> None:
    timeline = load(tmp_path, from_s=100, works_s=(101, 130)).timeline
    assert timeline is not None
    (incident,) = timeline.incidents
    assert (incident.text, incident.part) == (f"{WHO} worked on the stack", "")
    assert incident.at_s == pytest.approx(101, abs=1)
    assert incident.until_s == pytest.approx(130, abs=1)


def test_a_service_that_had_failed_before_has_failed(tmp_path: Path) -> None:
    result = load(tmp_path, from_s=10)
    assert result.judgement.verdict is Verdict.FAIL


def test_a_service_that_serves_on_passes_serving(tmp_path: Path) -> None:
    checks = {check.name: check.judgement.verdict for check in load(tmp_path, from_s=240).checks}
    assert checks[CheckName.SERVING] is Verdict.PASS


def test_a_rollout_of_ones_own_must_not_be_noticed(tmp_path: Path) -> None:
    assert load(tmp_path, from_s=100, rolls_out=True).judgement.verdict is Verdict.FAIL


def test_nobody_who_works_on_it_is_no_excuse(tmp_path: Path) -> None:
    assert load(tmp_path, from_s=100, works_s=(0, 0)).judgement.verdict is Verdict.FAIL


@pytest.mark.parametrize("limit", [{"max_p95_ms": 300.0}, {"fail_on": (parse_threshold("p95 > 300ms"),)}])
def test_limits_that_are_broken_then_are_no_failure_either(tmp_path: Path, limit: dict[str, Any]) -> None:
    expected = Expectations(max_failure_ratio=0.99, **limit)
    result = load(tmp_path, from_s=100, expected=expected)
    assert (result.judgement.verdict, EXCUSE in [reason.text for reason in result.judgement.reasons]) == (Verdict.UNKNOWN, True)
    assert load(tmp_path, from_s=100, works_s=(0, 0), expected=expected).judgement.verdict is Verdict.FAIL


def test_a_load_that_is_broken_off_by_them_is_no_failure(tmp_path: Path) -> None:
    expected = Expectations(max_failure_ratio=0.99, abort_on=(parse_threshold("errors > 20%"),))
    result = load(tmp_path, from_s=100, expected=expected)
    texts = [reason.text for reason in result.judgement.reasons]
    assert (result.judgement.verdict, texts.count(EXCUSE)) == (Verdict.UNKNOWN, 1)
    assert any(text.startswith("broken off: errors > 20%") for text in texts)
