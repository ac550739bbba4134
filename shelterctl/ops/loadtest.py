"""Puts a load on the service and watches what the target does under it."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from shelterctl.core.events import AutoscalerSeen, Event, Notice, Outcome, PodsSeen, StepFinished, StepStarted
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.result import LoadResult, conclude
from shelterctl.core.load.scaling import enough_s, judge_scaling, settled
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.state import Role, StackState
from shelterctl.errors import NotDeployed, ShelterError, UsageError
from shelterctl.ops.bystanders import Bystanders
from shelterctl.ops.feed import ClocksSeen, Gap, TargetFeed
from shelterctl.ops.held_now import HeldNow
from shelterctl.ops.load_told import one_of_several, title_of, told_of, unplaced
from shelterctl.ops.machine_watch import MachineWatch
from shelterctl.ops.observing import take_in
from shelterctl.ops.throttle_watch import ThrottleWatch
from shelterctl.ports.clock import Clock
from shelterctl.ports.load import LoadGenerator, Machine
from shelterctl.ports.target import Target

STEP = "load"
POLL_S = 0.2
#: A swarm that still runs so long after its end is stuck: its users may finish what they do for 12 s.
OVERTIME_S = 30.0
#: A swarm that ends more than this before its time ended by itself.
EARLY_S = 2.0
#: How often it is judged whether the load has shown enough: judging replays the whole timeline.
JUDGED_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class LoadPorts:
    """What the operation works with. `target` is None for a service that no target of ours runs.

    The generator's samples and log stay in `folder`. `others` tells who else changes the stack at the moment, where that can be known, and
    `behind` the ready pods of the Service that a URL of somebody's choice may lead to. `machine` is the one that the load comes from, where
    that is this one.
    """

    target: Target | None
    generator: LoadGenerator
    clock: Clock
    folder: Path
    others: Callable[[], str] | None = None
    behind: Callable[[], Sequence[str]] | None = None
    machine: Machine | None = None


def loadtest(
    ports: LoadPorts, plan: LoadPlan, expectations: Expectations | None = None, *, until_scaled: bool = False, rolls_out: bool = False
) -> Generator[Event, None, LoadResult]:
    """Runs the swarm of `plan` and judges what it showed.

    With `until_scaled` it ends as soon as it shows all about scaling that it can show; the plan's duration bounds it. With
    `rolls_out` the command that works on the stack is this one's own, and its users must notice nothing.

    KeyboardInterrupt, at whatever point of the run and thrown into the generator too, ends the swarm and still gives the result. Raises
    UsageError for a plan that cannot be meant, NotDeployed where the application has no pod, ApiUnreachable before the load begins,
    LoadGeneratorFailed where it does not begin.
    """
    expectations = expectations or Expectations()
    problems = plan.problems() + expectations.problems()
    if problems:
        raise UsageError(problems[0], details=problems[1:])
    tally = LoadTally(plan)
    around = Bystanders(ports.others, ports.clock, tally)
    conditions = HeldNow(plan, expectations, tally, ports.clock)
    machine = MachineWatch(ports.machine, ports.clock)
    run = _Run(ports, plan, tally, around, conditions, machine, rolls_out=rolls_out, until_scaled=until_scaled)
    started_s = ports.clock.monotonic_s()
    try:
        try:
            yield from run.first_look()
            yield StepStarted(STEP, title_of(plan, until_scaled=until_scaled))
            ports.generator.start(plan, ports.folder)
            yield from run.follow()
        except KeyboardInterrupt:
            run.interrupted = True
            # Stopped before anything is yielded: whoever reads the events may be interrupted again.
            ports.generator.stop()
            yield Notice("interrupted: the swarm was stopped, and this is what it showed until then", "warning")
        run.ended_wall_s = ports.clock.wall_s()
        try:
            yield from run.finish()
        except KeyboardInterrupt:
            run.interrupted = True
    finally:
        run.stop()
    result = run.conclude(expectations)
    result = replace(result, notes=(*result.notes, *one_of_several(ports.behind, result), *run.caveats))
    yield from result.milestones
    title = f"{result.traffic.requests:,} requests in {result.traffic.duration_s:.0f} s, {result.traffic.failures:,} failed"
    outcome = Outcome.CHANGED if result.traffic.requests else Outcome.FAILED
    yield StepFinished(STEP, title, outcome, ports.clock.monotonic_s() - started_s)
    return result


@dataclass(slots=True)
class _Run:
    """One load: what is known so far. `observer` and `feed` are None where no target is watched."""

    ports: LoadPorts
    plan: LoadPlan
    tally: LoadTally
    bystanders: Bystanders
    conditions: HeldNow
    machine: MachineWatch
    rolls_out: bool = False
    observer: Observer | None = None
    feed: TargetFeed | None = None
    throttled: ThrottleWatch | None = None
    gaps: list[Gap] = field(default_factory=list)
    interrupted: bool = False
    until_scaled: bool = False
    caveats: tuple[str, ...] = ()
    cut_off_before_s: float = 0.0
    settled: str = ""
    judged_s: float = -math.inf
    ended_wall_s: float = 0.0
    end: GeneratorEnd | None = None

    def first_look(self) -> Iterator[Event]:
        """The replicas before the load, so that what comes later can be told from what was there; and the watch begins."""
        target = self.ports.target
        if target is None:
            return
        state = target.state()
        if not state.pods_of(Role.APP):
            raise NotDeployed("the application has no pod", next_command="shelterctl up")
        self.observer, self.caveats = Observer(), state.caveats
        self.cut_off_before_s = target.cut_off_s()
        with suppress(ShelterError):
            # Where they may not be read, the verdict says so.
            self.observer.clocks(target.clocks())
        yield from self.look(self.observer, state)
        if state.autoscaler is None:
            yield Notice("there is no autoscaler: the run can say nothing about scaling", "warning")
        elif (
            not self.until_scaled
            and self.plan.requests is None
            and self.plan.duration_s < (needed_s := enough_s(self.plan, state.autoscaler.scale_up_window_s, target.scale_up_within_s))
        ):
            yield Notice(
                f"{self.plan.duration_s:.0f} s may be too short to show a scale-up: a metric of this load, its reading and a pod can take "
                f"{needed_s:.0f} s.   Surely long enough: {self.plan.command(duration_s=needed_s, watched=True)}"
            )
        self.throttled = ThrottleWatch(target)
        yield from self.throttled.begin(state.pods_of(Role.APP))
        self.feed = TargetFeed(target, self.ports.clock)
        self.feed.start()

    def follow(self) -> Iterator[Event]:
        """Yields seconds of load and changes of the target until the swarm has ended."""
        generator, clock = self.ports.generator, self.ports.clock
        deadline_s = clock.monotonic_s() + self.plan.duration_s + OVERTIME_S
        while generator.running():
            if clock.monotonic_s() > deadline_s:
                self.end = GeneratorEnd.STUCK
                generator.stop()
                break
            yield from self.drain()
            yield from self.look_around()
            self.machine.look(counts=self.tally.began_wall_s is not None)
            yield from self.conditions.look(self.observer.ready if self.observer is not None else None)
            if self.conditions.aborted:
                generator.stop()
                break
            if self.until_scaled and self.is_settled():
                yield Notice(f"{self.settled}: the load ends")
                generator.stop()
                break
            clock.sleep(POLL_S)
        yield from self.drain()

    def is_settled(self) -> bool:
        """Whether the rest of the load would show nothing more about scaling."""
        now_s = self.ports.clock.monotonic_s()
        began_s = self.tally.began_wall_s
        if self.observer is None or began_s is None or now_s - self.judged_s < JUDGED_EVERY_S:
            return False
        self.judged_s = now_s
        timeline = self.observer.timeline(began_s, self.ports.clock.wall_s(), self.tally.first_by_pod)
        self.settled = settled(self.plan, judge_scaling(self.plan, timeline), timeline)
        return bool(self.settled)

    def look_around(self) -> Iterator[Event]:
        """Another command that changes the stack meanwhile."""
        if self.observer is not None:
            yield from self.bystanders.look(self.observer)

    def drain(self) -> Iterator[Event]:
        """What came since the last call."""
        # Everything is counted before anything is yielded: an interrupt in between loses no sample.
        events: list[Event] = []
        for sample in self.ports.generator.samples():
            self.tally.add(sample)
            events += told_of(sample)
        if self.feed is not None and self.observer is not None:
            for at_s, event in self.feed.take():
                if isinstance(event, ClocksSeen):
                    self.observer.clocks(event.readings)
                else:
                    events.append(self.observe(self.observer, at_s, event))
            self.observer.settle(self.ports.clock.wall_s())
            events += self.observer.incidents.take()
        yield from events

    def observe(self, observer: Observer, at_s: float, event: Event | Gap) -> Event:
        if isinstance(event, Gap):
            self.gaps.append(event)
            until = "" if event.until_s is None else f" for {event.until_s - event.from_s:.0f} s"
            return Notice(f"{self.noun} did not answer{until}: {event.why}", "warning")
        take_in(observer, at_s, event)
        return event

    def look(self, observer: Observer, state: StackState) -> tuple[Event, ...]:
        """Takes in a whole look at the stack."""
        now_s = self.ports.clock.wall_s()
        observer.pods(now_s, state.pods)
        observer.autoscaler(now_s, state.autoscaler)
        observer.usage(now_s, state.usage)
        if state.usage_problem:
            observer.usage_missing(state.usage_problem)
        return (PodsSeen(state.pods), *([AutoscalerSeen(state.autoscaler)] if state.autoscaler is not None else ()))

    def finish(self) -> Iterator[Event]:
        """The last samples and a last look: an autoscaler that was deleted meanwhile, or a target that has gone, is seen here."""
        if self.feed is not None:
            self.feed.stop()
        yield from self.drain()
        if not self.interrupted and self.end is None:
            meant = (
                self.settled or self.conditions.aborted or (self.plan.requests is not None and self.tally.requests >= self.plan.requests)
            )
            # Where its processes are gone before its time, what is told of them says why.
            early = not meant and not self.tally.told and self.tally.elapsed_s < self.plan.duration_s - EARLY_S
            self.end = GeneratorEnd.DIED if early or not self.tally.complete else GeneratorEnd.FINISHED
        if self.ports.target is None or self.observer is None or self.interrupted:
            return
        try:
            state = self.ports.target.state()
        except ShelterError as error:
            why = f"{error.what}: {error.why}" if error.why else error.what
            if not any(gap.until_s is None for gap in self.gaps):
                self.gaps.append(Gap(self.ports.clock.wall_s(), None, why))
            yield Notice(f"{self.noun} does not answer any more: {why}", "warning")
        else:
            yield from self.look(self.observer, state)
            if words := unplaced(self.ports.target, state):
                self.observer.unplaced(words)
            if self.throttled is not None:
                yield from self.throttled.end(state.pods_of(Role.APP))
                self.observer.throttled(self.throttled.found())

    def stop(self) -> None:
        self.ports.generator.stop()
        if self.feed is not None:
            self.feed.stop()

    def conclude(self, expectations: Expectations) -> LoadResult:
        """Judges what was counted and observed."""
        if self.observer is not None:
            for gap in self.gaps:
                self.observer.blind(gap.from_s, gap.until_s, gap.why)
        generator = self.tally.generator(self.end or GeneratorEnd.STOPPED, self.ports.generator.last_lines())
        if self.ports.target is not None:
            # Whether or not the cluster answers: the node that takes the tunnel along takes the API server, too.
            generator = replace(generator, cut_off_s=max(self.ports.target.cut_off_s() - self.cut_off_before_s, 0.0))
        return conclude(
            self.plan,
            expectations,
            self.tally,
            generator,
            self.observer,
            ended_wall_s=self.ended_wall_s,
            interrupted=self.interrupted,
            aborted=self.conditions.aborted,
            settled=self.settled,
            machine=self.machine.load(),
            disturbed=None if self.rolls_out else self.bystanders.disturbance,
        )

    @property
    def noun(self) -> str:
        return self.ports.target.noun if self.ports.target is not None else "the service"
