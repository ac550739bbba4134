"""Which settings would have met an objective with the fewest pod-minutes, over the demand of a recorded run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from shelterctl.core.autoscaling.demand import Demand
from shelterctl.core.autoscaling.simulate import Setting, Simulated, simulate, with_down_window
from shelterctl.core.words import counted

TARGETS = tuple(range(20, 91, 5))
DOWN_WINDOWS_S = (60, 120, 300)


@dataclass(frozen=True, slots=True)
class Recommended:
    """`best` is None where no setting meets the objective; `nearest` is the one that comes nearest then.

    `late_share` is the share of the requests that may be late: 0.05 for a p95. `not_shown` are sentences about what the run does not show.
    """

    objective: str
    late_share: float
    as_it_is: Simulated
    best: Simulated | None
    nearest: Simulated
    tried: int
    meeting: int
    reasons: tuple[str, ...]
    not_shown: tuple[str, ...]

    @property
    def chosen(self) -> Simulated:
        return self.best or self.nearest


def grid(
    setting: Setting,
    *,
    targets: Iterable[int] = (),
    minimums: Iterable[int] = (),
    maximums: Iterable[int] = (),
    down_windows_s: Iterable[int] = (),
) -> Iterator[Setting]:
    """Every combination; what is left out stays as it is. A minimum above the maximum is no setting."""
    windows: tuple[int | None, ...] = tuple(down_windows_s) or (None,)
    choices = product(
        tuple(targets) or (setting.target_percent,), tuple(minimums) or (setting.minimum,), tuple(maximums) or (setting.maximum,), windows
    )
    for target, minimum, maximum, window_s in choices:
        if minimum <= maximum:
            found = replace(setting, target_percent=target, minimum=minimum, maximum=maximum)
            yield found if window_s is None else with_down_window(found, window_s)


def recommend(
    demand: Demand,
    setting: Setting,
    *,
    objective: str,
    late_share: float,
    progress: Callable[[int], None] = lambda _: None,
) -> Recommended:
    """The setting with the fewest pod-minutes among those that leave at most `late_share` of the requests to too few pods.

    Of several that cost the same the one that leaves fewest late, then the one nearest to what there is.
    """
    needed = max(demand.demanded())
    as_it_is = simulate(demand, setting)
    # A maximum that is higher than what is needed costs nothing by itself, and is there for the load that comes next.
    maximums = sorted({setting.maximum} if setting.maximum > needed else {setting.maximum, needed, needed + 1})
    windows = sorted({*DOWN_WINDOWS_S, int(setting.down_window_s)})
    targets = sorted({*TARGETS, setting.target_percent})
    tried = [as_it_is]
    # More pods from the start cost the most: they are tried where nothing else meets the objective.
    for minimums in ((setting.minimum,), tuple(range(setting.minimum + 1, max(needed, setting.minimum) + 1))):
        for candidate in grid(setting, targets=targets, minimums=minimums, maximums=maximums, down_windows_s=windows) if minimums else ():
            tried.append(simulate(demand, candidate))
            progress(len(tried))
        if any(item.late_share <= late_share for item in tried):
            break

    def distance(item: Simulated) -> tuple[int, int, float]:
        found = item.setting
        return (
            abs(found.maximum - setting.maximum) + abs(found.minimum - setting.minimum),
            abs(found.target_percent - setting.target_percent),
            abs(found.down_window_s - setting.down_window_s),
        )

    meeting = [item for item in tried if item.late_share <= late_share]
    best = min(meeting, key=lambda item: (round(item.pod_minutes, 3), round(item.late_share, 4), distance(item)), default=None)
    nearest = min(tried, key=lambda item: (round(item.late_share, 4), round(item.pod_minutes, 3), distance(item)))
    return Recommended(
        objective=objective,
        late_share=late_share,
        as_it_is=as_it_is,
        best=best,
        nearest=nearest,
        tried=len(tried),
        meeting=len(meeting),
        reasons=tuple(_reasons(demand, as_it_is, best or nearest, late_share, met=best is not None)),
        not_shown=tuple(_not_shown(demand, needed)),
    )


def _reasons(demand: Demand, as_it_is: Simulated, chosen: Simulated, late_share: float, *, met: bool) -> Iterator[str]:
    peak = max(demand.offered_per_s)
    needed = max(demand.demanded())
    yield (
        f"one pod carries {demand.capacity_per_s:.0f} requests/s ({demand.capacity_from}), and the load asked for {peak:.0f}/s at its "
        f"highest: {counted(needed, 'pod')}"
    )
    yield (
        f"a request costs {demand.cost_millicore_s:.2f} millicores for a second of one a second; a measurement comes every "
        f"{demand.metric_period_s:.0f} s over {demand.metric_window_s:.0f} s, a pod {demand.start_s:.0f} s after its decision"
    )
    for word, item in (("as it is", as_it_is), ("so", chosen)):
        yield (
            f"{word}: {100 * item.late_share:.1f}% of the requests meet too few pods ({100 * late_share:g}% may), at "
            f"{item.pod_minutes:.1f} pod-minutes and {item.most} pods at most"
        )
    if not met:
        yield "no setting that was tried meets it: more pods before the load comes would, or measurements that come sooner"


def _not_shown(demand: Demand, needed: int) -> Iterator[str]:
    yield from demand.notes
    if needed > demand.replicas and demand.limit_millicores is None:
        yield "the pods have no CPU limit: what the node gives to more of them is not known"
    yield "a load of another shape, other requests, and what the database gives to more pods"
