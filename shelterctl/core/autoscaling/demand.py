"""What a recorded load asked for, and what one pod gives: the two things that another setting of the autoscaler does not change.

The demand never comes from CPU that a limit capped: where the pods ran at their limits, what the users would have sent is taken, and a
request's price in CPU comes from rounds of measurements well below the limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil
from statistics import median, quantiles

from shelterctl.core.autoscaling.capacity import MOST_FAILED, SMOOTH_S, capacity_of, second_of
from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.load.thresholds import Threshold
from shelterctl.core.state import Pod, PodName, Role, Usage
from shelterctl.core.words import listed

#: Above this share of its limit a pod is throttled now and then, and what it used is not what it would have.
CAPPED = 0.85
#: A round whose pods answered less than this tells nothing of a request's price.
_LEAST_RATE = 2.0
#: Requests that cost less than this share of what the pods used were not what kept them busy.
_LEAST_OWN = 0.25


@dataclass(frozen=True, slots=True)
class Demand:
    """A load, second by second, and one pod's part in it.

    `offered_per_s` are the requests that the users send where nothing slows them, from the load's begin on. A request costs
    `cost_millicore_s` (millicores times seconds), a pod without any `idle_millicores`; `limit_millicores` is None where it has none.
    `capacity_per_s` is what one pod carries, `capacity_from` how that is known. `start_s` is from a decision to a ready pod,
    `metric_period_s` between two rounds of measurements, each a mean over `metric_window_s`. `sync_phase_s` and `metric_phase_s` are
    the first pass and the first round after the load's begin.
    """

    offered_per_s: tuple[float, ...]
    cost_millicore_s: float
    idle_millicores: float
    request_millicores: int
    limit_millicores: int | None
    capacity_per_s: float
    capacity_from: str
    start_s: float
    metric_period_s: float
    metric_window_s: float
    sync_phase_s: float
    metric_phase_s: float
    replicas: int
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> int:
        return len(self.offered_per_s)

    def demanded(self) -> tuple[int, ...]:
        """The replicas that carry what is offered, second by second: at least one."""
        # Where the capacity is what the pods of then were offered, so many are enough, and not one more by a rounding.
        whole = [ceil(rate / self.capacity_per_s - 1e-9) for rate in self.offered_per_s]
        return tuple(max(1, count) for count in whole)


@dataclass(frozen=True, slots=True)
class _Round:
    """A round of measurements of the application's pods, by seconds since the load's begin."""

    seen_s: float
    from_s: float
    to_s: float
    used_millicores: int
    limit_millicores: int
    pods: int
    window_s: float

    @property
    def capped(self) -> bool:
        return bool(self.limit_millicores) and self.used_millicores >= CAPPED * self.limit_millicores


def demand_of(recording: Recording, *, slo: Threshold | None = None, sync_phase_s: float = 0.0) -> Demand:
    """The demand of a run. With `slo`, a percentile below a time, a pod's capacity is what it carried within it.

    Raises ValueError with what the run lacks.
    """
    if not recording.ticks.times_s:
        raise ValueError("it has no load")
    began_s = recording.began_s
    length = int(recording.ticks.values[-1].elapsed_s) + 1
    requests, failures, users = _by_second(recording, length)
    rounds = _rounds(recording)
    pods = [pod for pod in recording.pods.at(began_s + 1) or recording.pods.values[0] if pod.role is Role.APP and not pod.deleting]
    if not pods or not all(pods[0].cpu_requests_millicores):
        raise ValueError("the pods request no CPU: there is no utilization")
    request = sum(value or 0 for value in pods[0].cpu_requests_millicores)
    limits = pods[0].cpu_limits_millicores
    limit = sum(value or 0 for value in limits) if limits and all(limits) else None
    cost, idle, notes = _price(rounds, requests, failures)
    per_user = _per_user(requests, users, [item for item in rounds if item.capped])
    offered = tuple(count * per_user for count in users)
    by_limit = (limit - idle) / cost if limit is not None and limit > idle else None
    capacity = capacity_of(recording, offered, requests, failures, by_limit=by_limit, slo=slo)
    periods = [after.seen_s - before.seen_s for before, after in pairwise(rounds)]
    start_s, more = _start_s(recording)
    if others := sorted({name for item in recording.scalers.values if item is not None for name in item.other_metrics}):
        notes += (f"the autoscaler goes by {listed(others, 3)} as well: only CPU is simulated, and the replicas are the fewest",)
    if limit is not None and not any(item.capped for item in rounds):
        notes += ("no pod came near its limit: what happens there is reckoned, not measured",)
    return Demand(
        offered_per_s=offered,
        cost_millicore_s=cost,
        idle_millicores=idle,
        request_millicores=request,
        limit_millicores=limit,
        capacity_per_s=capacity.per_s,
        capacity_from=capacity.source,
        start_s=start_s,
        metric_period_s=median(periods) if periods else 60.0,
        metric_window_s=median(item.window_s for item in rounds),
        sync_phase_s=sync_phase_s,
        metric_phase_s=next((item.to_s for item in rounds if item.to_s >= 0), 0.0),
        replicas=len(pods),
        notes=(*notes, *capacity.notes, *more),
    )


def _by_second(recording: Recording, length: int) -> tuple[list[int], list[int], list[int]]:
    requests, failures, users = [0] * length, [0] * length, [0] * length
    for tick in recording.ticks.values:
        second = second_of(tick, length)
        requests[second] += tick.requests
        failures[second] += tick.failures
        users[second] = tick.users
    for second in range(1, length):
        users[second] = users[second] or users[second - 1]
    return requests, failures, users


def _rounds(recording: Recording) -> list[_Round]:
    """Each round once. Raises ValueError where there is none."""
    began_s = recording.began_s
    found: list[_Round] = []
    last: tuple[float, ...] = ()
    for at_s, usage in zip(recording.usage.times_s, recording.usage.values, strict=True):
        pods = {pod.name: pod for pod in recording.pods.at(at_s) or () if pod.role is Role.APP}
        own = [item for item in usage if item.pod in pods]
        times = tuple(item.sampled_at_s for item in own)
        if own and times != last:
            found.append(_round(own, pods, at_s - began_s, began_s))
            last = times
    if not found:
        raise ValueError("it recorded no measurement of the pods")
    return found


def _round(own: Sequence[Usage], pods: Mapping[PodName, Pod], seen_s: float, began_s: float) -> _Round:
    limits = [value for item in own for value in pods[item.pod].cpu_limits_millicores]
    return _Round(
        seen_s=seen_s,
        from_s=median(item.sampled_at_s - item.window_s for item in own) - began_s,
        to_s=median(item.sampled_at_s for item in own) - began_s,
        used_millicores=sum(item.cpu_millicores for item in own),
        limit_millicores=sum(value or 0 for value in limits) if all(limits) else 0,
        pods=len(own),
        window_s=median(item.window_s for item in own),
    )


def _price(rounds: Sequence[_Round], requests: Sequence[int], failures: Sequence[int]) -> tuple[float, float, tuple[str, ...]]:
    """What a request costs and what a pod uses without one, from rounds below the limits. Raises ValueError where none tells it."""
    sums, failed = [0, *accumulate(requests)], [0, *accumulate(failures)]

    def span(item: _Round) -> tuple[int, int]:
        begin, end = (min(max(int(at), 0), len(requests)) for at in (item.from_s, item.to_s))
        return begin, end

    def rate(item: _Round) -> float:
        begin, end = span(item)
        return (sums[end] - sums[begin]) / max(item.window_s, 1.0)

    def failing(item: _Round) -> bool:
        begin, end = span(item)
        return failed[end] - failed[begin] > MOST_FAILED * (sums[end] - sums[begin])

    quiet = [item.used_millicores / item.pods for item in rounds if item.to_s <= 0]
    idle = min(quiet, default=0.0)
    telling = [(item, rate(item)) for item in rounds if not item.capped and rate(item) >= _LEAST_RATE]
    if telling and all(failing(item) for item, _ in telling):
        raise ValueError(
            f"more than {100 * MOST_FAILED:g}% of its requests failed whenever it was measured: what a request costs cannot be told"
        )
    telling = [(item, each) for item, each in telling if not failing(item)]
    if not telling:
        if any(item.capped for item in rounds):
            raise ValueError("its pods ran at their CPU limits whenever they were measured: what a request costs cannot be told from it")
        raise ValueError("no measurement lies within its load: what a request costs cannot be told from it")
    rates = sum(each for _, each in telling)
    whole = sum(item.used_millicores for item, _ in telling) / rates
    cost = sum(max(item.used_millicores - idle * item.pods, 0.0) for item, _ in telling) / rates
    if whole <= 0:
        raise ValueError("its load used no CPU that could be measured")
    notes: tuple[str, ...] = ("a request's price in CPU rests on one measurement",) if len(telling) == 1 else ()
    if cost < _LEAST_OWN * whole:
        # The pods had just started, or something else kept them busy: that is no idle pod's use.
        cost, idle = whole, 0.0
        notes += ("what a pod uses without requests is not known: all of it is counted as theirs",)
    return cost, idle, notes


def _per_user(requests: Sequence[int], users: Sequence[int], capped: Sequence[_Round]) -> float:
    """The requests that a user sends in a second where nothing slows it."""
    rates = []
    for second in range(len(requests) - SMOOTH_S):
        held = any(item.from_s <= second <= item.to_s for item in capped)
        count = sum(users[second : second + SMOOTH_S])
        if count and not held:
            rates.append(sum(requests[second : second + SMOOTH_S]) / count)
    if len(rates) < 2:
        raise ValueError("its pods ran at their CPU limits all the time: what its users would have sent cannot be told from it")
    # Seconds in which the service was slow pull the mean down: the upper quarter is what users do.
    return quantiles(rates, n=4)[2]


def _start_s(recording: Recording) -> tuple[float, tuple[str, ...]]:
    """From a decision to a ready pod: the median of those that came in the run, else from creation to readiness of those before it."""
    decided = [item.at_s for item in recording.decisions() if item.after > item.before]
    took: dict[str, float] = {}
    for at_s, pods in zip(recording.pods.times_s, recording.pods.values, strict=True):
        for pod in pods:
            asked = [one for one in decided if one - 2.0 <= pod.created_at_s + 2.0 <= at_s + 2.0]
            if pod.role is Role.APP and pod.ready and pod.name not in took and asked and pod.created_at_s >= decided[0] - 2.0:
                took[pod.name] = max(0.0, at_s - asked[-1])
    if took:
        return median(took.values()), ()
    created = [
        pod.ready_since_s - pod.created_at_s
        for pod in recording.pods.values[0]
        if pod.role is Role.APP and pod.ready_since_s is not None and pod.ready_since_s > pod.created_at_s
    ] if recording.pods.values else []  # fmt: skip
    if created:
        return median(created), ("no pod came in the run: a pod's start is taken from those that were there before",)
    return 10.0, ("how long a pod takes to start was not recorded: 10 s are taken",)
