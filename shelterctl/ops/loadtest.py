"""Puts a load on the service and watches what the cluster does under it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shelterctl.core.events import (
    AutoscalerGone,
    AutoscalerSeen,
    Event,
    LoadTick,
    Notice,
    Outcome,
    PodsSeen,
    StepFinished,
    StepStarted,
    UsageSeen,
    WatchDropped,
)
from shelterctl.core.load.histogram import Histogram
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.plan import Expectations, LoadPlan, LoadSample
from shelterctl.core.load.result import LoadResult, conclude
from shelterctl.core.load.tally import GeneratorEnd, LoadTally, sample_percentiles
from shelterctl.core.state import Role
from shelterctl.errors import NotDeployed, ShelterError, UsageError
from shelterctl.ops.cluster_feed import ClusterFeed, Gap
from shelterctl.ports import Clock, Cluster, LoadGenerator

STEP = "load"
POLL_S = 0.2
#: A swarm that still runs so long after its end is stuck: its users may finish what they do for 12 s.
OVERTIME_S = 30.0
#: A swarm that ends more than this before its time ended by itself.
EARLY_S = 2.0


@dataclass(slots=True)
class _Run:
    """What is known so far."""

    plan: LoadPlan
    tally: LoadTally
    observer: Observer | None = None
    feed: ClusterFeed | None = None
    gaps: list[Gap] = field(default_factory=list)
    interrupted: bool = False
    ended_wall_s: float | None = None
    end: GeneratorEnd | None = None


def loadtest(
    cluster: Cluster | None,
    generator: LoadGenerator,
    clock: Clock,
    folder: Path,
    plan: LoadPlan,
    expectations: Expectations | None = None,
) -> Generator[Event, None, LoadResult]:
    """Runs the swarm of `plan` and judges what it showed; `cluster` is None for a service that no cluster of ours runs.

    The generator's samples and log stay in `folder`. KeyboardInterrupt, at whatever point of the run and thrown into the generator
    too, ends the swarm and still gives the result. Raises UsageError for a plan that cannot be meant, NotDeployed where the
    application has no pod, ApiUnreachable before the load begins, LoadGeneratorFailed where it does not begin.
    """
    expectations = expectations or Expectations()
    problems = plan.problems() + expectations.problems()
    if problems:
        raise UsageError(problems[0], details=problems[1:])
    run = _Run(plan, LoadTally(plan))
    started_s = clock.monotonic_s()
    try:
        try:
            if cluster is not None:
                yield from _first_look(cluster, clock, run)
            yield StepStarted(STEP, f"{plan.users:,} users on {plan.host} for {plan.duration_s:g} s")
            generator.start(plan, folder)
            yield from _follow(generator, clock, run)
        except KeyboardInterrupt:
            run.interrupted = True
            # Stopped before anything is yielded: whoever reads the events may be interrupted again.
            generator.stop()
            yield Notice("interrupted: the swarm was stopped, and this is what it showed until then", "warning")
        run.ended_wall_s = clock.wall_s()
        try:
            yield from _finish(cluster, generator, clock, run)
        except KeyboardInterrupt:
            run.interrupted = True
    finally:
        generator.stop()
        if run.feed is not None:
            run.feed.stop()
    if run.observer is not None:
        for gap in run.gaps:
            run.observer.blind(gap.from_s, gap.until_s, gap.why)
    end = run.end or GeneratorEnd.STOPPED
    result = conclude(
        plan,
        expectations,
        run.tally,
        run.tally.generator(end, generator.last_lines()),
        run.observer,
        ended_wall_s=run.ended_wall_s,
        interrupted=run.interrupted,
    )
    yield from result.milestones
    title = f"{result.traffic.requests:,} requests in {result.traffic.duration_s:.0f} s, {result.traffic.failures:,} failed"
    yield StepFinished(STEP, title, Outcome.CHANGED if result.traffic.requests else Outcome.FAILED, clock.monotonic_s() - started_s)
    return result


def _first_look(cluster: Cluster, clock: Clock, run: _Run) -> Iterator[Event]:
    """The replicas before the load, so that what comes later can be told from what was there."""
    state = cluster.state()
    pods = tuple(pod for pod in state.pods if pod.role is Role.APP)
    if not pods:
        raise NotDeployed("the application has no pod", next_command="shelterctl up")
    run.observer = Observer()
    now = clock.wall_s()
    run.observer.pods(now, state.pods)
    run.observer.autoscaler(now, state.autoscaler)
    run.observer.usage(now, state.usage)
    if state.usage_problem:
        run.observer.usage_missing(state.usage_problem)
    yield PodsSeen(state.pods)
    if state.autoscaler is None:
        yield Notice("there is no autoscaler: the run can say nothing about scaling", "warning")
    else:
        yield AutoscalerSeen(state.autoscaler)
    run.feed = ClusterFeed(cluster, clock)
    run.feed.start()


def _follow(generator: LoadGenerator, clock: Clock, run: _Run) -> Iterator[Event]:
    """Yields seconds of load and changes of the cluster until the swarm has ended."""
    deadline_s = clock.monotonic_s() + run.plan.duration_s + OVERTIME_S
    while generator.running():
        if clock.monotonic_s() > deadline_s:
            run.end = GeneratorEnd.STUCK
            generator.stop()
            break
        yield from _drain(generator, run)
        clock.sleep(POLL_S)
    yield from _drain(generator, run)


def _drain(generator: LoadGenerator, run: _Run) -> Iterator[Event]:
    # Everything is counted before anything is yielded: an interrupt in between loses no sample.
    events: list[Event] = []
    for sample in generator.samples():
        run.tally.add(sample)
        events.append(tick_of(sample))
    if run.feed is not None and run.observer is not None:
        for at_s, event in run.feed.take():
            events.append(_observe(run, run.observer, at_s, event))
    yield from events


def _observe(run: _Run, observer: Observer, at_s: float, event: Event | Gap) -> Event:
    if isinstance(event, Gap):
        run.gaps.append(event)
        until = "" if event.until_s is None else f" for {event.until_s - event.from_s:.0f} s"
        return Notice(f"the cluster did not answer{until}: {event.why}", "warning")
    if isinstance(event, PodsSeen):
        observer.pods(at_s, event.pods)
    elif isinstance(event, AutoscalerSeen):
        observer.autoscaler(at_s, event.autoscaler)
    elif isinstance(event, AutoscalerGone):
        observer.autoscaler(at_s, None)
    elif isinstance(event, UsageSeen):
        observer.usage(at_s, event.usage)
    elif isinstance(event, WatchDropped):
        observer.watch_dropped()
    return event


def _finish(cluster: Cluster | None, generator: LoadGenerator, clock: Clock, run: _Run) -> Iterator[Event]:
    """The last samples and a last look: an autoscaler that was deleted meanwhile, or an API server that has gone, is seen here."""
    if run.feed is not None:
        run.feed.stop()
    yield from _drain(generator, run)
    if not run.interrupted and run.end is None:
        early = run.tally.elapsed_s < run.plan.duration_s - EARLY_S
        run.end = GeneratorEnd.DIED if early or not run.tally.complete else GeneratorEnd.FINISHED
    if cluster is None or run.observer is None:
        return
    last: list[Event] = []
    if not run.interrupted:
        try:
            state = cluster.state()
        except ShelterError as error:
            why = f"{error.what}: {error.why}" if error.why else error.what
            last.append(Notice(f"the cluster does not answer any more: {why}", "warning"))
            if not any(gap.until_s is None for gap in run.gaps):
                run.gaps.append(Gap(clock.wall_s(), None, why))
        else:
            now = clock.wall_s()
            run.observer.pods(now, state.pods)
            run.observer.autoscaler(now, state.autoscaler)
            run.observer.usage(now, state.usage)
            if state.usage_problem:
                run.observer.usage_missing(state.usage_problem)
            last.append(PodsSeen(state.pods))
            if state.autoscaler is not None:
                last.append(AutoscalerSeen(state.autoscaler))
    yield from last


def tick_of(sample: LoadSample) -> LoadTick:
    """A sample as the event that is shown and kept."""
    p50_ms, p95_ms, p99_ms = sample_percentiles(sample)
    lag = Histogram()
    lag.merge(sample.lag_bins, max_ms=sample.lag_max_ms)
    return LoadTick(
        elapsed_s=sample.elapsed_s,
        users=sample.users,
        requests=sample.requests,
        failures=sample.failures,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        generator_cpu_percent=100 * sample.cpu_s / sample.interval_s if sample.interval_s else 0.0,
        generator_lag_ms=lag.percentile(99) or 0.0,
        by_pod=sample.by_pod,
    )
