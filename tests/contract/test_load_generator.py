"""What every load generator does: Locust, and a swarm whose seconds are prepared."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.ports.clock import Clock
from shelterctl.ports.load import LoadGenerator
from tests.adapters.swarm.load_target import LOCUSTFILE, serving
from tests.core.load.examples import sample
from tests.ops.load_scenes import PreparedSwarm, SteppingClock, SystemClock

pytestmark = pytest.mark.local

DURATION_S = 3.0
Subject = tuple[LoadGenerator, Clock, LoadPlan]


@pytest.fixture(params=["locust", "prepared"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "prepared":
        clock = SteppingClock()
        seconds = [sample(float(at_s), final=at_s == DURATION_S) for at_s in range(1, int(DURATION_S) + 1)]
        plan = LoadPlan("http://127.0.0.1", 5, 5, DURATION_S, str(LOCUSTFILE))
        yield PreparedSwarm(clock, seconds, runs_until_s=DURATION_S), clock, plan
        return
    with serving() as target:
        runner = LocustRunner()
        yield runner, SystemClock(), LoadPlan(target.url, 5, 5, DURATION_S, str(LOCUSTFILE), think_s=0.1, seed=1)
        runner.stop()


def until_ended(generator: LoadGenerator, clock: Clock) -> list[LoadSample]:
    samples: list[LoadSample] = []
    deadline_s = clock.monotonic_s() + 30
    while generator.running():
        assert clock.monotonic_s() < deadline_s, "it did not end"
        clock.sleep(0.1)
        samples += generator.samples()
    return samples + list(generator.samples())


def test_before_the_start_nothing_runs_and_nothing_is_told(subject: Subject) -> None:
    generator, _, _ = subject
    assert (generator.running(), list(generator.samples())) == (False, [])
    generator.stop()


def test_a_load_runs_to_its_end_and_is_told_once(subject: Subject, tmp_path: Path) -> None:
    generator, clock, plan = subject
    generator.start(plan, tmp_path)
    assert generator.running()
    samples = until_ended(generator, clock)
    assert sum(item.requests for item in samples) > 0
    assert [item.elapsed_s for item in samples] == sorted(item.elapsed_s for item in samples)
    assert [item.final for item in samples] == [False] * (len(samples) - 1) + [True]
    assert list(generator.samples()) == []


def test_asking_for_samples_never_waits_for_one(subject: Subject, tmp_path: Path) -> None:
    generator, _, plan = subject
    generator.start(plan, tmp_path)
    generator.samples()
    began_s = time.monotonic()
    assert list(generator.samples()) == []
    assert time.monotonic() - began_s < 1, "it waited for the next second of load"


def test_a_load_that_is_stopped_tells_its_last_second(subject: Subject, tmp_path: Path) -> None:
    generator, clock, plan = subject
    generator.start(plan, tmp_path)
    clock.sleep(1.2)
    samples = list(generator.samples())
    generator.stop()
    assert not generator.running()
    samples += generator.samples()
    assert samples[-1].final
    assert list(generator.samples()) == []
    generator.stop()


def test_the_last_lines_are_lines(subject: Subject) -> None:
    generator, _, _ = subject
    assert generator.last_lines() == ()
