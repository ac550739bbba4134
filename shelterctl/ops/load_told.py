"""What is told of a load: each sample as an event, and what a whole load lets one suspect of its URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from shelterctl.core.deploy.room import shortage
from shelterctl.core.events import Event, LoadTick, Notice
from shelterctl.core.load.histogram import Histogram
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.tally import parts_of, sample_percentiles
from shelterctl.core.state import Role, StackState
from shelterctl.core.words import counted
from shelterctl.errors import ShelterError
from shelterctl.ports.target import Target


def one_of_several(behind: Callable[[], Sequence[str]] | None, result: LoadResult) -> Iterator[str]:
    """A URL that leads to one pod only (a port-forward does), while its Service has more; `behind` tells the Service's ready pods."""
    names = [pod.pod for pod in result.traffic.by_pod if pod.pod]
    if behind is None or len(names) != 1:
        return
    ready: Sequence[str] = ()
    with suppress(ShelterError):
        ready = behind()
    if names[0] in ready and len(ready) > 1:
        yield (
            f"pod {names[0]} alone answered, while the Service has {len(ready)} ready pods: a port-forward reaches one pod, and shows "
            "nothing of the others. Leave --host out to go through the Service"
        )


def title_of(plan: LoadPlan, *, until_scaled: bool) -> str:
    """What begins; where workers elsewhere are waited for, what starts them."""
    ends = ["scaling is decided"] if until_scaled else []
    ends += [f"{plan.requests:,} requests are sent"] if plan.requests is not None else []
    length = f"until {' or '.join(ends)}, at most" if ends else "for"
    title = f"{plan.users:,} users on {plan.host} {length} {plan.duration_s:g} s"
    if not plan.workers:
        return title
    start = f"shelterctl loadtest --worker-of THIS_MACHINE:{plan.listen.rpartition(':')[2]}"
    return f"{title}, once its workers are there: run `{start}` on {', '.join(plan.workers)}, with the same SHELTER_WORKER_KEY"


def told_of(sample: LoadSample) -> tuple[Event, ...]:
    """A sample as events: its second of load, and what was noticed of the generator's processes."""
    return (tick_of(sample), *(Notice(text, "warning") for text in (*sample.told, *sample.noticed)))


def tick_of(sample: LoadSample) -> LoadTick:
    """A sample as the event that is shown and kept; of several processes the busiest one's business."""
    p50_ms, p95_ms, p99_ms = sample_percentiles(sample)
    lags, percents = [0.0], [0.0]
    for part in parts_of(sample).values():
        lag = Histogram()
        lag.merge(part.lag_bins, max_ms=part.lag_max_ms)
        lags.append(lag.percentile(99) or 0.0)
        percents.append(100 * part.cpu_s / part.interval_s if part.interval_s else 0.0)
    return LoadTick(
        elapsed_s=sample.elapsed_s,
        users=sample.users,
        requests=sample.requests,
        failures=sample.failures,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        generator_cpu_percent=max(percents),
        generator_lag_ms=max(lags),
        by_pod=sample.by_pod,
    )


def unplaced(target: Target, state: StackState) -> str:
    """Pods that were asked for and found no node are a run's limit: how many, and what the nodes have left. Empty where there is none."""
    pods = [pod for pod in state.pods_of(Role.APP) if not pod.scheduled and not pod.deleting]
    without_room = [pod for pod in pods if "Insufficient" in pod.scheduling_message]
    if not without_room:
        return ""
    with suppress(ShelterError):
        return f"{counted(len(without_room), 'pod')} found no node: {shortage(without_room[0], target.rooms())}"
    return ""
