"""What kept a load from more: each suspect with its evidence, the first that is proved before the others, or UNKNOWN.

A limit is proved by its own figures alone: that a suspect was busy while answers were slow is not enough where another was, too. And a
suspect that was busy while every answer came soon kept nobody from anything: it is told beside "none".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from shelterctl.core.load.busy import MACHINE_BUSY_PERCENT, MachineLoad
from shelterctl.core.load.course.database import DatabaseLoad
from shelterctl.core.load.course.faults import felt_share
from shelterctl.core.load.course.nodes import NODE_BUSY_PERCENT, busy_nodes
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.tally import LATE_S, SLOW_MS, SLOW_TIMES
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.load.traffic import GeneratorLoad, Traffic
from shelterctl.core.load.verdict import BUSY_RATIO, judge_generator
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import percent

#: A pod that uses this much of its limit is throttled part of the time (metrics are means over half a minute and more).
AT_LIMIT_PERCENT = 85.0
#: Throttled in so many of their periods, pods waited for their limit often; in half of them, it is what they waited for.
THROTTLED_SHARE = 0.25
THROTTLED_HALF = 0.5
#: Users who wait for an answer for more than this share of their pause ask noticeably less than they would.
WAITS_SHARE = 0.5
#: Users who wait for this share of their time send so much less than they would: that is noticeable, and so many requests are missing.
NOTICED_SHARE = 0.1
#: More failures than this share, and the load was not served.
FAILED_SHARE = 0.001
#: Trouble of which this much lies near a fault is that fault's.
FAULT_SHARE = 0.5
#: More requests than this that began late, and the load's rate was not kept by the answers alone.
LATE_SHARE = 0.01
#: A machine or a node that was busy for so much of the load is a suspect; for half of it, it is the limit.
BUSY_SHARE = 0.1
BUSY_HALF = 0.5
#: A database that usually takes so much of a crowded node is what it is crowded by.
DATABASE_SHARE = 0.5
#: Connections that stay where they are opened leave a new pod with less than this share of an even part.
LEAST_SHARE = 0.25


class Limit(Enum):
    """Who is meant; the value is the word for people."""

    NONE = "none was reached"
    GENERATOR = "the generator"
    NODE = "the node's room"
    MAXIMUM = "the HPA's maximum"
    METRIC = "an HPA without a metric"
    CPU = "the application's CPU limit"
    FAULT = "a fault during the load"
    NODE_CPU = "the node's CPU"
    MACHINE = "this machine's CPU"
    CONNECTIONS = "kept connections"
    DATABASE = "the database"
    UNKNOWN = "unknown"


#: What more users would only wait for longer: the application's own pods would use no more CPU.
WHATEVER_USERS = frozenset({Limit.DATABASE, Limit.MACHINE, Limit.NODE_CPU, Limit.GENERATOR})


@dataclass(frozen=True, slots=True)
class Suspect:
    """A limit with what speaks for it. `proved` where the figures show it by themselves."""

    limit: Limit
    evidence: str
    proved: bool = True


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """`limit` is what kept the load from more; the suspects are in the order of their weight.

    `reached` are limits that were reached while the load was served all the same: those kept it from nothing.
    """

    limit: Limit
    suspects: tuple[Suspect, ...]
    reached: tuple[Suspect, ...] = ()


def bottleneck(
    plan: LoadPlan,
    traffic: Traffic,
    generator: GeneratorLoad,
    timeline: Timeline | None,
    *,
    database: DatabaseLoad | None = None,
    machine: MachineLoad | None = None,
) -> Bottleneck:
    """`database` is what the database used of the CPU, where that was measured; `machine` is how busy the machine was that the load came
    from, and the pods of a cluster on this machine run on."""
    own = tuple(_generator(traffic, generator))
    crowded = (*_nodes(traffic, timeline), *_machine(machine, timeline))
    others = (
        *_cluster(timeline, database),
        *_taken_by_database(database, timeline, machine, crowded),
        *crowded,
        *_connections(traffic, timeline),
    )
    # What a generator measured that was at its own limit does not show that the load was served.
    served = not own and not held_back(plan, traffic)
    faults = tuple(_faults(traffic, timeline))
    if faults and not held_back(plan, replace(traffic, failures=traffic.own_failures, p95_ms=traffic.p50_ms)):
        # But for the time near it the load was served: what else was busy explains nothing of it.
        others = tuple(replace(suspect, proved=False) for suspect in others)
    starved = tuple(suspect for suspect in others if suspect.limit is Limit.MACHINE and suspect.proved)
    if own and starved and generator.busy_ratio < BUSY_RATIO and not (generator.cut_off_s or traffic.own_failures):
        # It was late for want of the machine's time, and used little itself.
        own, others = (*starved, *own), tuple(suspect for suspect in others if suspect not in starved)
    suspects, reached = (own, others) if served else ((*own, *faults, *others), ())
    proved = [suspect for suspect in suspects if suspect.proved]
    if proved:
        return Bottleneck(proved[0].limit, (*proved, *(suspect for suspect in suspects if not suspect.proved)))
    open_ones = (*suspects, *_unexplained(plan, traffic, timeline))
    slow = traffic.p50_ms is not None and traffic.p95_ms is not None and traffic.p95_ms > SLOW_TIMES * traffic.p50_ms
    if open_ones or timeline is None or (slow and traffic.failure_ratio > 0) or generator.users_reached < plan.users_reachable:
        return Bottleneck(Limit.UNKNOWN, open_ones, reached)
    return Bottleneck(Limit.NONE, (), reached)


def held_back(plan: LoadPlan, traffic: Traffic) -> str:
    """How it shows that the load was kept from more: requests failed, began late, answers were slow, or users waited noticeably. Empty
    where it was served as it was meant."""
    if traffic.p50_ms is None or traffic.p95_ms is None:
        return "nothing was timed"
    if traffic.failure_ratio > FAILED_SHARE:
        return f"{percent(traffic.failure_ratio)} of the requests failed"
    if plan.rate_per_s is not None and traffic.late > LATE_SHARE * traffic.requests:
        return "requests began late"
    waited_s = traffic.p50_ms / 1000
    if plan.rate_per_s is None and waited_s >= NOTICED_SHARE * (plan.think_s + waited_s):
        return f"the users waited {traffic.p50_ms:.0f} ms for half of the answers"
    usual_ms = traffic.p50_ms if traffic.fastest_ms is None else min(traffic.fastest_ms, traffic.p50_ms)
    if traffic.p95_ms >= SLOW_MS and traffic.p95_ms > SLOW_TIMES * usual_ms:
        return f"p95 was {traffic.p95_ms:.0f} ms, and half of the answers took {usual_ms:.0f} ms in the fastest second"
    return ""


def _unexplained(plan: LoadPlan, traffic: Traffic, timeline: Timeline | None) -> Iterator[Suspect]:
    """What speaks against "none": the load was held back and nothing shows by what, or nothing measured the pods."""
    waited_s = 0.0 if traffic.p50_ms is None else traffic.p50_ms / 1000
    if plan.rate_per_s is not None:
        if traffic.late > LATE_SHARE * traffic.requests:
            yield Suspect(Limit.UNKNOWN, "requests began late, since the users waited for answers", proved=False)
    elif waited_s > WAITS_SHARE * plan.think_s:
        pause = f"users who pause for {plan.think_s:g} s" if plan.think_s else "users who do not pause"
        yield Suspect(Limit.UNKNOWN, f"{pause} wait {1000 * waited_s:.0f} ms for half of the answers, and so ask less", proved=False)
    if timeline is not None and timeline.cpu_limit_percent is None:
        why = "the pods have no CPU limit" if timeline.usage else timeline.usage_problem or "the pods' CPU was not measured"
        yield Suspect(Limit.UNKNOWN, f"{why}: whether it held them back is not known", proved=False)


def _generator(traffic: Traffic, generator: GeneratorLoad) -> Iterator[Suspect]:
    doubts = judge_generator(traffic, generator, fewer="")
    if doubts.verdict is Verdict.UNKNOWN:
        yield Suspect(Limit.GENERATOR, doubts.reasons[0].text)


def _faults(traffic: Traffic, timeline: Timeline | None) -> Iterator[Suspect]:
    """What broke meanwhile, where most of what failed, or where nothing did of the slow seconds, lies near it."""
    incidents = () if timeline is None else timeline.incidents
    spans = traffic.troubled
    failures = sum(span.failures for span in spans)
    weights = [float(span.failures) if failures else span.until_s - span.from_s for span in spans]
    near = [weight * felt_share(incidents, span.from_s, span.until_s) for span, weight in zip(spans, weights, strict=True)]
    share = sum(near) / (sum(weights) or 1.0)
    if share < FAULT_SHARE:
        return
    felt = [item for item in incidents if any(felt_share((item,), span.from_s, span.until_s) for span in spans)]
    told = "; ".join(f"{item.text} at {item.at_s:.0f} s" for item in felt[:3])
    yield Suspect(Limit.FAULT, f"{told}: {percent(share)} of {'what failed' if failures else 'the slow seconds'} lies near it")


def _cluster(timeline: Timeline | None, database: DatabaseLoad | None) -> Iterator[Suspect]:
    if timeline is None:
        return
    used = timeline.cpu_limit_percent
    if timeline.unplaced:
        yield Suspect(Limit.NODE, timeline.unplaced)
    if timeline.at_maximum is not None:
        at = timeline.at_maximum
        yield Suspect(Limit.MAXIMUM, f"from {at.since_s:.0f} s on it had {at.maximum} replicas and wanted up to {at.wanted}")
    if timeline.metric_problem:
        yield Suspect(Limit.METRIC, timeline.metric_problem)
    throttled = timeline.throttling.share if timeline.throttling is not None else None
    stopped = "" if throttled is None else f"throttled in {percent(throttled)} of the periods"
    if used is not None and used >= AT_LIMIT_PERCENT:
        yield Suspect(Limit.CPU, f"the pods used {used:.0f}% of their CPU limits{f', {stopped}' if stopped else ''}")
    elif throttled is not None and throttled >= THROTTLED_SHARE:
        # What is used is a mean over a minute: a limit stops who needs much for a moment.
        mean = "" if used is None else f", though they used no more than {used:.0f}% of their limits in the mean"
        yield Suspect(Limit.CPU, f"the pods were {stopped}{mean}", proved=throttled >= THROTTLED_HALF)
    most = None if database is None else database.limit_percent
    if most is not None and most >= AT_LIMIT_PERCENT:
        text = f"the database used {most:.0f}% of its CPU limit"
        yield Suspect(Limit.DATABASE, text, proved=used is not None and used < AT_LIMIT_PERCENT)


def _taken_by_database(
    database: DatabaseLoad | None, timeline: Timeline | None, machine: MachineLoad | None, crowded: tuple[Suspect, ...]
) -> Iterator[Suspect]:
    """A node or a machine that had no CPU left to give, most of which the database took: a larger one would give it more to take."""
    proved = [suspect for suspect in crowded if suspect.proved]
    if database is None or not proved:
        return
    sizes = [point.allocatable_millicores for point in timeline.nodes] if timeline is not None else []
    size = max(sizes, default=1000 * machine.cores if machine is not None else 0)
    if size and database.usual_millicores >= DATABASE_SHARE * size:
        unbound = ", and has no CPU limit" if database.limit_percent is None else ""
        whose = "this machine" if proved[0].limit is Limit.MACHINE else "the node"
        yield Suspect(Limit.DATABASE, f"it used {database.usual_millicores:,.0f} of {whose}'s {size:,.0f} millicores{unbound}")


def _nodes(traffic: Traffic, timeline: Timeline | None) -> Iterator[Suspect]:
    """A node that had no CPU left to give. Pods at their own limits would be throttled on a larger one, too."""
    busiest = next(iter(busy_nodes(timeline.nodes, traffic.duration_s)), None) if timeline is not None else None
    if timeline is None or busiest is None or busiest.busy_share < BUSY_SHARE:
        return
    used = timeline.cpu_limit_percent
    # Pods that were measured and have no limit cannot be at one.
    below = used < AT_LIMIT_PERCENT if used is not None else bool(timeline.usage)
    text = (
        f"the pods of node {busiest.node} and whatever else runs there used {NODE_BUSY_PERCENT:.0f}% and more of its CPU for "
        f"{percent(busiest.busy_share)} of the load ({busiest.most_percent:.0f}% at most)"
    )
    yield Suspect(Limit.NODE_CPU, text, proved=below and busiest.busy_share >= BUSY_HALF)


def _machine(machine: MachineLoad | None, timeline: Timeline | None) -> Iterator[Suspect]:
    if machine is None or machine.busy_ratio < BUSY_SHARE:
        return
    text = (
        f"its {machine.cores} cores were busy to {MACHINE_BUSY_PERCENT:.0f}% and more for {percent(machine.busy_ratio)} of the load: the "
        "generator and whatever else runs here, the cluster too, took each other's time"
    )
    limits = None if timeline is None else timeline.cpu_limit_percent
    yield Suspect(Limit.MACHINE, text, proved=machine.busy_ratio >= BUSY_HALF and (limits is None or limits < AT_LIMIT_PERCENT))


def _connections(traffic: Traffic, timeline: Timeline | None) -> Iterator[Suspect]:
    """New pods that are ready and get next to nothing, while those of before carry all."""
    # A share of the last seconds is told only of those that were there for all of them.
    new = [] if timeline is None else [pod.pod for pod in timeline.new_pods if pod.ready_at_s <= traffic.duration_s - LATE_S]
    if timeline is None or not new:
        return
    shares = {pod.pod: pod.late_share for pod in traffic.by_pod if pod.pod}
    if not shares:
        return
    even = 1 / max(timeline.points[-1].ready, 1) if timeline.points else 0.0
    starved = [pod for pod in new if shares.get(pod, 0.0) < LEAST_SHARE * even]
    if len(starved) == len(new):
        yield Suspect(
            Limit.CONNECTIONS,
            f"{len(starved)} new pods got less than a quarter of an even share in the last {LATE_S:.0f} s: connections stay with the pod "
            "that they were opened to",
        )
