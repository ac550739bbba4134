"""Locust files of somebody's own that raise, exit, ask nothing or only fail, as whole loads of real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.verdict import Verdict
from shelterctl.errors import LoadGeneratorFailed
from shelterctl.ops.loadtest import LoadPorts, loadtest
from tests.adapters.swarm.judged import served
from tests.adapters.swarm.load_target import serving
from tests.ops.load_scenes import SystemClock

pytestmark = pytest.mark.local

FILE = """
import sys
from locust import FastHttpUser, constant, task

class Own(FastHttpUser):
    wait_time = constant(0.05)
{start}
    @task
    def look(self):
{body}
"""


def load(
    folder: Path, body: str, *options: str, start: str = "", requests: int | None = None, duration_s: float = 2, processes: int = 1
) -> LoadResult:
    file = folder / "own.py"
    file.write_text(FILE.format(body="\n".join(f"        {line}" for line in body.splitlines()), start=start))
    with serving(*options) as target:
        plan = LoadPlan(target.url, 4, 100, duration_s, str(file), requests=requests, processes=processes)
        operation = loadtest(LoadPorts(None, LocustRunner(), SystemClock(), folder), plan)
        while True:
            try:
                next(operation)
            except StopIteration as stop:
                result: LoadResult = stop.value
                return result


def words(result: LoadResult) -> str:
    return "; ".join(reason.text for reason in result.judgement.reasons)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_task_that_raises_after_a_good_answer_is_no_pass(tmp_path: Path, processes: int) -> None:
    result = load(tmp_path, 'self.client.get("/data")\n{}["absent"]', processes=processes)
    traffic = result.traffic
    assert (result.judgement.verdict, traffic.failures, traffic.users_ended) == (Verdict.UNKNOWN, 0, 0)
    # A user who is stopped within a task has begun it, and not raised.
    assert 0 < traffic.tasks - sum(traffic.task_errors.values()) + 4 <= 8
    assert list(traffic.task_errors) == ["KeyError: 'absent' (own.py:11)"]
    assert "of the Locust file's tasks raised" in words(result)


def test_a_check_of_the_files_own_that_fails_fails_the_run(tmp_path: Path) -> None:
    body = 'answer = self.client.get("/data")\nassert answer.status_code == 201, "not made"'
    result = load(tmp_path, body)
    assert (served(result), result.traffic.failures) == (Verdict.FAIL, 0)
    assert list(result.traffic.failed_checks) == ["AssertionError: not made (own.py:11)"]
    assert "tasks failed a check of its own" in words(result)


def test_a_check_within_an_answers_block_is_no_request_and_is_told(tmp_path: Path) -> None:
    """Locust counts no request there at all."""
    body = 'with self.client.get("/data", catch_response=True):\n    assert False'
    result = load(tmp_path, body)
    assert (result.judgement.verdict, result.traffic.requests) == (Verdict.UNKNOWN, 0)
    assert "failed a check of its own" in words(result)


def test_a_task_that_raises_because_its_request_failed_is_counted_once(tmp_path: Path) -> None:
    result = load(tmp_path, 'answer = self.client.get("/data")\nanswer.raise_for_status()', "--fail-every", "10")
    assert result.traffic.failures > 0
    assert (result.traffic.task_errors, result.traffic.failed_checks) == ({}, {})
    assert result.traffic.tasks > result.traffic.failures


def test_users_who_cannot_start_made_the_load_smaller(tmp_path: Path) -> None:
    start = """
    begun = 0
    def on_start(self):
        Own.begun += 1
        if Own.begun > 2:
            raise RuntimeError("no account left")
"""
    result = load(tmp_path, 'self.client.get("/data")', start=start)
    assert (result.judgement.verdict, result.traffic.users_ended) == (Verdict.UNKNOWN, 2)
    assert "2 users ended by an exception of the Locust file (2 × RuntimeError: no account left" in words(result)
    assert result.traffic.requests > 0


def test_a_file_that_exits_in_a_task_is_a_generator_that_ended_by_itself(tmp_path: Path) -> None:
    result = load(tmp_path, 'self.client.get("/data")\nsys.exit(0)', duration_s=20)
    assert (result.judgement.verdict, result.generator.end) == (Verdict.UNKNOWN, GeneratorEnd.DIED)
    assert "the generator ended by itself" in words(result)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_that_exits_when_it_is_read_begins_no_load(tmp_path: Path, processes: int) -> None:
    with pytest.raises(LoadGeneratorFailed) as caught:
        load(tmp_path, 'self.client.get("/data")', start="    sys.exit(0)", processes=processes)
    assert "ended before the load began (exit code 0)" in caught.value.what


def test_a_file_that_asks_nothing_is_unknown(tmp_path: Path) -> None:
    result = load(tmp_path, "pass")
    assert (result.judgement.verdict, result.traffic.requests) == (Verdict.UNKNOWN, 0)
    assert words(result) == "no request was answered: nothing can be said"
    assert result.traffic.tasks > 0


def test_a_file_whose_requests_only_fail_is_a_fail(tmp_path: Path) -> None:
    result = load(tmp_path, 'self.client.get("/data")', "--fail-every", "1")
    assert (served(result), result.traffic.failures) == (Verdict.FAIL, result.traffic.requests)
    assert "100% of the requests failed" in words(result)
