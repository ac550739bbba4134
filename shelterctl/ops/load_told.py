"""What is told of a load: each sample as an event, and what a whole load lets one suspect of its URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from shelterctl.core.events import LoadTick
from shelterctl.core.load.histogram import Histogram
from shelterctl.core.load.plan import LoadSample
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.tally import sample_percentiles
from shelterctl.errors import ShelterError


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
