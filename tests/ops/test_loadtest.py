"""The load test as a whole: with real swarms against a server on 127.0.0.1, and with prepared ones for what must not be left to chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.cli.render.loadtest import lines
from shelterctl.core.events import (
    AutoscalerSeen,
    Event,
    LoadTick,
    Milestone,
    Notice,
    PeriodsSeen,
    PodsSeen,
    StepFinished,
    StepStarted,
    UsageSeen,
)
from shelterctl.core.load.plan import Expectations, LoadPlan, LoadSample
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.scaling import ScalingState
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.load.verdict import LAG_P99_LIMIT_MS
from shelterctl.core.serial import to_json
from shelterctl.core.verdict import Reason, Verdict
from shelterctl.errors import ApiUnreachable, LoadGeneratorFailed, NotDeployed, UsageError
from shelterctl.ops.load_told import title_of
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ports.target import Target
from tests.adapters.swarm.load_target import LOCUSTFILE, serving
from tests.core.load.examples import BEGAN, autoscaler, pod, sample, usage
from tests.ops.load_scenes import PreparedSwarm, SteppingClock, SystemClock, ToldStory, stack

PLAN = LoadPlan("http://127.0.0.1:1", users=200, spawn_rate=200, duration_s=240, locustfile="shelter.py")
TWO = (pod("app-1"), pod("app-2"))
SECONDS = [sample(float(second)) for second in range(1, 240)] + [sample(240.0, users=0, final=True)]


def scaled_to_three(clock: SteppingClock) -> ToldStory:
    """Two pods at 184% of 70%, one more decided on at 46 s and ready at 54 s."""
    story: dict[float, Event] = {
        36.0: UsageSeen(usage(35, 390, 380)),
        46.0: AutoscalerSeen(autoscaler(3, 184, current=2)),
        54.0: PodsSeen((*TWO, pod("app-3"))),
    }
    return ToldStory(clock, stack(TWO, autoscaler(2, 3)), story, stack((*TWO, pod("app-3")), autoscaler(3, 60)))


def run(
    swarm: PreparedSwarm, clock: SteppingClock, folder: Path, story: ToldStory | None = None, plan: LoadPlan = PLAN, **options: object
) -> tuple[list[Event], LoadResult]:
    return finished(
        loadtest(LoadPorts(cast(Target | None, story), swarm, clock, folder), plan, Expectations(**options))  # type: ignore[arg-type]
    )


def finished(operation: Iterator[Event]) -> tuple[list[Event], LoadResult]:
    events = []
    while True:
        try:
            events.append(next(operation))
        except StopIteration as stop:
            return events, stop.value


@pytest.mark.unit
@pytest.mark.parametrize(
    ("until_scaled", "requests", "length"),
    [
        (False, None, "for 240 s"),
        (True, None, "until scaling is decided, at most 240 s"),
        (False, 1000, "until 1,000 requests are sent, at most 240 s"),
        (True, 1000, "until scaling is decided or 1,000 requests are sent, at most 240 s"),
    ],
)
def test_the_title_says_what_ends_the_load(until_scaled: bool, requests: int | None, length: str) -> None:
    title = title_of(replace(PLAN, requests=requests), until_scaled=until_scaled)
    assert title == f"200 users on http://127.0.0.1:1 {length}"


@pytest.mark.local
def test_a_real_swarm_on_a_service_of_somebody_elses(tmp_path: Path) -> None:
    with serving("--pods", "2") as target:
        plan = LoadPlan(target.url, users=10, spawn_rate=10, duration_s=3, locustfile=str(LOCUSTFILE), think_s=0.2)
        events, result = finished(loadtest(LoadPorts(None, LocustRunner(), SystemClock(), tmp_path), plan))
        assert result.traffic.requests == target.count() > 0
    # A machine that was busy otherwise made the generator late, and then nothing may be called well.
    verdict = Verdict.PASS if result.generator.lag_p99_ms <= LAG_P99_LIMIT_MS else Verdict.UNKNOWN
    assert (result.judgement.verdict, result.interrupted, result.timeline, result.scaling) == (verdict, False, None, None)
    assert (result.generator.end, result.generator.users_reached) == (GeneratorEnd.FINISHED, 10)
    assert sorted(item.pod for item in result.traffic.by_pod) == ["pod-0", "pod-1"]
    ticks = [event for event in events if isinstance(event, LoadTick)]
    assert sum(tick.requests for tick in ticks) == result.traffic.requests
    assert events[0] == StepStarted("load", f"10 users on {target.url} for 3 s")
    assert isinstance(events[-1], StepFinished)
    assert isinstance(to_json(result), dict)


@pytest.mark.local
def test_an_interrupt_stops_a_real_swarm_and_still_gives_the_result(tmp_path: Path) -> None:
    with serving() as target:
        plan = LoadPlan(target.url, users=10, spawn_rate=10, duration_s=600, locustfile=str(LOCUSTFILE), think_s=0.2)
        generator = LocustRunner()
        operation = loadtest(LoadPorts(None, generator, SystemClock(), tmp_path), plan)
        while not isinstance(next(operation), LoadTick):
            pass
        notice = operation.throw(KeyboardInterrupt())
        assert not generator.running()
        _, result = finished(operation)
        assert result.traffic.requests == target.count() > 0
    assert notice == Notice("interrupted: the swarm was stopped, and this is what it showed until then", "warning")
    assert Reason("the run was interrupted: it shows what happened until then") in result.judgement.reasons
    assert (result.judgement.verdict, result.interrupted, result.generator.end) == (Verdict.UNKNOWN, True, GeneratorEnd.STOPPED)


@pytest.mark.local
def test_a_real_swarm_on_a_service_that_is_not_there(tmp_path: Path) -> None:
    with serving() as target:
        pass
    plan = LoadPlan(target.url, users=5, spawn_rate=10, duration_s=2, locustfile=str(LOCUSTFILE), think_s=0.2)
    _, result = finished(loadtest(LoadPorts(None, LocustRunner(), SystemClock(), tmp_path), plan))
    requests = result.traffic.requests
    reason = Reason(
        f"100% of the requests failed ({requests} × ConnectionRefusedError ECONNREFUSED); 1% is allowed", f"curl -i {target.url}"
    )
    # Where this machine was so busy that the generator was late itself, that is told first, and nothing is decided.
    *doubts, last = result.judgement.reasons
    assert (result.judgement.verdict, last) == (Verdict.UNKNOWN if doubts else Verdict.FAIL, reason)
    assert all(doubt.text.startswith("the generator was ") for doubt in doubts), doubts


@pytest.mark.unit
def test_load_and_cluster_are_merged_into_one_timeline(tmp_path: Path) -> None:
    clock = SteppingClock()
    story = scaled_to_three(clock)
    seconds = [replace(item, first_by_pod={"app-3": BEGAN + 55.0}) if item.elapsed_s == 56.0 else item for item in SECONDS]
    events, result = run(PreparedSwarm(clock, seconds, 240.0), clock, tmp_path, story, require_scale_up=True)

    assert (result.judgement.verdict, result.scaling, result.notes) == (Verdict.PASS, ScalingState.SHOWN, ())
    assert result.timeline is not None
    assert [(round(p.at_s), p.ready, p.desired, p.cpu_percent) for p in result.timeline.points] == [
        (0, 2, 2, 3),
        (46, 2, 3, 184),
        (54, 3, 3, 184),
        (240, 3, 3, 60),
    ]
    assert [(m.name, round(m.at_s), m.detail.split(",")[0]) for m in result.milestones] == [
        ("load began", 0, ""),
        ("first metric that showed it", 46, "cpu 184%"),
        ("autoscaler decided", 46, "2 → 3 at cpu 184%"),
        ("pod ready", 54, "app-3"),
        ("pod served its first request", 55, "app-3"),
    ]
    assert [event for event in events if isinstance(event, Milestone)] == list(result.milestones)
    kinds = [type(event) for event in events if not isinstance(event, LoadTick | Milestone)]
    load = [StepStarted, UsageSeen, AutoscalerSeen, PodsSeen]
    assert kinds == [PodsSeen, AutoscalerSeen, PeriodsSeen, *load, PodsSeen, AutoscalerSeen, PeriodsSeen, StepFinished]


@pytest.mark.unit
def test_pods_that_found_no_node_are_the_runs_limit(tmp_path: Path) -> None:
    clock = SteppingClock()
    message = "0/1 nodes are available: 1 Insufficient cpu."
    waiting = replace(pod("app-4", ready=False, scheduling_message=message), scheduled=False, cpu_requests_millicores=(100,))
    three = (*TWO, pod("app-3"))
    story: dict[float, Event] = {
        36.0: UsageSeen(usage(35, 390, 380)),
        46.0: AutoscalerSeen(autoscaler(4, 184, current=2)),
        54.0: PodsSeen((*three, waiting)),
    }
    told = ToldStory(clock, stack(TWO, autoscaler(2, 3)), story, stack((*three, waiting), autoscaler(4, 120)))
    _, result = run(PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, told)
    assert result.timeline is not None
    numbers = "it asks for 100m of CPU; node minikube has 50m of 2000m left (1950m are requested)"
    assert result.timeline.unplaced == f"1 pod found no node: {numbers}"
    reached = "reached, and the load was served all the same"
    assert f"{reached}: the node's room: 1 pod found no node: {numbers}" in "\n".join(line.text for line in lines(result, "run"))


@pytest.mark.unit
def test_new_pods_that_get_nothing_are_told_with_the_reason(tmp_path: Path) -> None:
    clock = SteppingClock()
    story: dict[float, Event] = {
        36.0: UsageSeen(usage(35, 390, 380)),
        46.0: AutoscalerSeen(autoscaler(3, 184, current=2)),
        54.0: PodsSeen((*TWO, pod("app-3"))),
    }

    def noted(seconds: list[LoadSample]) -> list[str]:
        told = ToldStory(clock, stack(TWO, autoscaler(2, 3)), story, stack((*TWO, pod("app-3")), autoscaler(3, 120)))
        _, result = run(PreparedSwarm(clock, seconds, 240.0), clock, tmp_path, told)
        return [note for note in result.notes if note.startswith("ready, and never answered a request: app-3")]

    (note,) = noted(SECONDS)
    assert "a kept-alive connection stays with the pod that it was opened to" in note
    clock.now_s = 0
    served = [replace(item, by_pod={"app-1": 5, "app-3": 5}, first_by_pod={"app-3": BEGAN + 56}) for item in SECONDS]
    assert noted(served) == []


@pytest.mark.unit
@pytest.mark.parametrize(("ready", "told"), [(("app-1", "app-2"), True), (("app-1",), False), (("web-1", "web-2"), False)])
def test_a_url_that_leads_to_one_pod_of_several_is_told(tmp_path: Path, ready: tuple[str, ...], told: bool) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS, 240.0)
    _, result = finished(loadtest(LoadPorts(None, swarm, clock, tmp_path, behind=lambda: ready), PLAN, Expectations()))
    assert any("a port-forward reaches one pod" in note for note in result.notes) == told


@pytest.mark.unit
def test_another_command_that_works_on_the_stack_meanwhile_is_told_once_and_may_have_scaled_it(tmp_path: Path) -> None:
    clock = SteppingClock()
    story = scaled_to_three(clock)
    who = "shelterctl chaos kill-db (process 1, since 10:00:00)"
    ports = LoadPorts(
        cast(Target, story), PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, lambda: who if 10 <= clock.now_s < 20 else ""
    )
    events, result = finished(loadtest(ports, PLAN, Expectations()))
    assert result.scaling is ScalingState.UNATTRIBUTED
    notices = [event.text for event in events if isinstance(event, Notice) and who in event.text]
    assert notices == [f"{who} works on the stack meanwhile: a scale-up can be its doing as well, and so can what fails from now on"]


@pytest.mark.unit
def test_an_api_server_that_has_gone_is_named_and_no_pass(tmp_path: Path) -> None:
    clock = SteppingClock()
    gone = ApiUnreachable("the API server does not answer", why="connection refused")
    story = ToldStory(clock, stack(TWO, autoscaler(2, 3)), {}, gone)
    events, result = run(PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, story)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert result.judgement.reasons[0] == Reason(
        "the cluster did not answer from 240 s to the end: the API server does not answer: connection refused", "shelterctl status"
    )
    assert Notice("the cluster does not answer any more: the API server does not answer: connection refused", "warning") in events


@pytest.mark.unit
def test_a_tunnel_that_broke_is_known_though_the_cluster_does_not_answer(tmp_path: Path) -> None:
    """The node that takes the tunnel along takes the API server, too: its failures are no doing of the service."""
    clock = SteppingClock()
    gone = ApiUnreachable("the API server does not answer", why="connection refused")
    story = ToldStory(clock, stack(TWO, autoscaler(2, 3)), {}, gone, breaks_s=3.0)
    _, result = run(PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, story)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert result.judgement.reasons[0].text.startswith("the tunnel to the service was broken for 3.0 s of the load")


@pytest.mark.unit
def test_an_autoscaler_that_was_deleted_meanwhile_is_no_pass(tmp_path: Path) -> None:
    clock = SteppingClock()
    story = ToldStory(clock, stack(TWO, autoscaler(2, 3)), {}, stack(TWO, None))
    _, result = run(PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, story)
    assert (result.judgement.verdict, result.scaling) == (Verdict.UNKNOWN, ScalingState.UNKNOWN)


@pytest.mark.unit
def test_a_watch_that_breaks_down_is_no_pass(tmp_path: Path) -> None:
    clock = SteppingClock()

    class Breaking(ToldStory):
        def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
            yield PodsSeen(TWO)
            raise ApiUnreachable("the watch ended", why="certificate expired")

    story = Breaking(clock, stack(TWO, autoscaler(2, 3)))
    _, result = run(PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, story)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert result.judgement.reasons[0].text.endswith("s to the end: the watch ended: certificate expired")


@pytest.mark.unit
def test_a_generator_that_dies_early_is_named_with_its_last_line(tmp_path: Path) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS[:31], 31.5, lines=("Traceback (most recent call last):", "MemoryError"))
    _, result = run(swarm, clock, tmp_path)
    assert (result.judgement.verdict, result.generator.end) == (Verdict.UNKNOWN, GeneratorEnd.DIED)
    assert result.judgement.reasons == (Reason("the generator ended by itself after 31 of 240 s: MemoryError"),)


@pytest.mark.unit
def test_a_generator_that_ends_well_but_early_is_no_pass(tmp_path: Path) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, [*SECONDS[:31], sample(32.0, users=0, final=True)], 32.5)
    _, result = run(swarm, clock, tmp_path)
    assert (result.judgement.verdict, result.generator.end) == (Verdict.UNKNOWN, GeneratorEnd.DIED)


@pytest.mark.unit
def test_a_generator_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS[:-1], float("inf"))
    _, result = run(swarm, clock, tmp_path)
    assert (swarm.stopped, result.generator.end, result.judgement.verdict) == (True, GeneratorEnd.STUCK, Verdict.UNKNOWN)
    assert clock.now_s == pytest.approx(240 + 30, abs=1)


@pytest.mark.unit
def test_a_run_without_a_request_is_unknown(tmp_path: Path) -> None:
    clock = SteppingClock()
    silent = [replace(item, requests=0, by_pod={}, latency_bins={}, last_answer_s=None) for item in SECONDS]
    _, result = run(PreparedSwarm(clock, silent, 240.0), clock, tmp_path)
    assert (result.judgement.verdict, result.judgement.reasons[0].text) == (Verdict.UNKNOWN, "no request was answered: nothing can be said")


@pytest.mark.unit
@pytest.mark.parametrize("after", range(8))
def test_an_interrupt_at_any_event_gives_a_result_and_leaves_no_swarm(tmp_path: Path, after: int) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS, 240.0)
    operation = loadtest(LoadPorts(cast(Target, ToldStory(clock, stack(TWO, autoscaler(2, 3)))), swarm, clock, tmp_path), PLAN)
    for _ in range(after + 1):
        next(operation)
    operation.throw(KeyboardInterrupt())
    _, result = finished(operation)
    assert (swarm.stopped, result.interrupted, result.judgement.verdict) == (True, True, Verdict.UNKNOWN)


@pytest.mark.unit
def test_an_interrupt_while_the_swarm_starts_gives_a_result(tmp_path: Path) -> None:
    clock = SteppingClock()

    def interrupt() -> None:
        raise KeyboardInterrupt

    swarm = PreparedSwarm(clock, (), 0.0, on_start=interrupt)
    _, result = run(swarm, clock, tmp_path)
    assert (swarm.stopped, result.interrupted, result.traffic.requests, result.began_wall_s) == (True, True, 0, None)


@pytest.mark.unit
def test_whoever_stops_listening_leaves_no_swarm(tmp_path: Path) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS, 240.0)
    operation = loadtest(LoadPorts(None, swarm, clock, tmp_path), PLAN)
    while not isinstance(next(operation), LoadTick):
        pass
    operation.close()
    assert swarm.stopped


@pytest.mark.unit
@pytest.mark.parametrize("users", [0, -1, 10_000_000])
def test_a_plan_that_cannot_be_meant_starts_nothing(tmp_path: Path, users: int) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS, 240.0)
    with pytest.raises(UsageError, match=f"--users {users}: "):
        run(swarm, clock, tmp_path, plan=replace(PLAN, users=users))
    assert not swarm.started


@pytest.mark.unit
def test_an_application_that_is_not_there_gets_no_load(tmp_path: Path) -> None:
    clock = SteppingClock()
    swarm = PreparedSwarm(clock, SECONDS, 240.0)
    with pytest.raises(NotDeployed, match="the application has no pod"):
        run(swarm, clock, tmp_path, ToldStory(clock, stack((), None)))
    assert not swarm.started


@pytest.mark.unit
def test_a_swarm_that_does_not_begin_is_an_error(tmp_path: Path) -> None:
    clock = SteppingClock()

    def fail() -> None:
        raise LoadGeneratorFailed("the load generator did not begin within 30 s")

    with pytest.raises(LoadGeneratorFailed):
        run(PreparedSwarm(clock, (), 0.0, on_start=fail), clock, tmp_path)


@pytest.mark.unit
def test_a_load_that_may_be_too_short_says_so_before_it_starts(tmp_path: Path) -> None:
    clock = SteppingClock()
    short = replace(PLAN, duration_s=60)
    swarm = PreparedSwarm(clock, SECONDS[:60], 60.0)
    events, _ = run(swarm, clock, tmp_path, ToldStory(clock, stack(TWO, autoscaler(2, 3))), plan=short)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert events.index(notice) < next(number for number, event in enumerate(events) if isinstance(event, StepStarted))
    assert notice.text == (
        "60 s may be too short to show a scale-up: a metric of this load, its reading and a pod can take 231 s.   "
        "Surely long enough: shelterctl loadtest --users 200 --spawn-rate 200 --duration 231s"
    )
