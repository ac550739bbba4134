"""What was heard of an autoscaler's passes, and by that when its replicas can change next.

The controller tells neither when it looks nor what it remembers. Both are reckoned here from its status, which it writes at the end of a
pass: all of `Outlook` is an estimate. The rules are those of `core.hpa`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from shelterctl.core.controller import SYNC_S, down_window_s, stabilizer
from shelterctl.core.hpa.int32 import INT32_MAX
from shelterctl.core.hpa.stabilization import History, Recommendation, ScaleEvent, Stabilizer
from shelterctl.core.state import Autoscaler

#: No window is longer (the API server takes an hour), so that nothing older is remembered.
_LONGEST_S = 3600.0
#: By the last passes it is seen whether the controller looks more often than it does by default; two that are closer are one.
_PASSES, _ONE_PASS_S = 6, 1.0
_SAMPLES = 4
#: The controller waits a period after each pass, which takes a moment itself: what ends a whole number of periods after one is over then.
_LATE_S = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """Desired replicas that changed, heard at `at_s` (epoch seconds). `wanted` is what the reading asked for, by the status.

    `own` is False where the time of the autoscaler's own last scaling did not change with them: somebody else set the replicas.
    `settings` says that somebody changed its settings in the same moment.
    """

    at_s: float
    before: int
    scaler: Autoscaler
    wanted: int | None
    own: bool = True
    settings: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Since `since_s`: where each stretch of equal recommendations began, the decisions, the last passes, the newest samples' times.

    `away` says that a watch dropped: what is told next may have happened at any time since.
    """

    since_s: float | None = None
    asked: tuple[Recommendation, ...] = ()
    decisions: tuple[Decision, ...] = ()
    passes_s: tuple[float, ...] = ()
    sampled_s: tuple[float, ...] = ()
    away: bool = False

    @property
    def period_s(self) -> float:
        """How often the controller looks: every 15 s, or as often as it was seen to."""
        return min([SYNC_S, *(gap for gap in (b - a for a, b in pairwise(self.passes_s)) if gap >= _ONE_PASS_S)])

    def next_pass_s(self, at_s: float) -> float:
        """The first pass at `at_s` or later; where none was heard so far, one period later at the most."""
        if not self.passes_s:
            return at_s + self.period_s
        return self.passes_s[-1] + self.period_s * max(1, math.ceil((at_s - self.passes_s[-1]) / self.period_s - 1e-6))

    def next_samples_s(self, now_s: float) -> float:
        """When new samples are due, by the distance of the last; now where that is not known or they are late."""
        gaps = [later - earlier for earlier, later in pairwise(self.sampled_s)]
        return max(now_s, self.sampled_s[-1] + min(gaps)) if gaps else now_s


def hear(heard: Heard, before: Autoscaler | None, now: Autoscaler, wanted: int | None, at_s: float) -> Heard:
    """Takes in the autoscaler's status at `at_s`; `wanted` is what its reading asks for."""
    if before is None or heard.since_s is None:
        return hear_wanted(Heard(since_s=at_s, sampled_s=heard.sampled_s), wanted, at_s)
    if heard.away:
        # Neither when it looked meanwhile nor what it read is known.
        heard = Heard(since_s=at_s, decisions=heard.decisions, sampled_s=heard.sampled_s)
    elif _written(before) != _written(now):
        # Two that are so close came from one pass.
        earlier = tuple(pass_s for pass_s in heard.passes_s if at_s - pass_s >= _ONE_PASS_S)
        heard = replace(heard, passes_s=(*earlier, at_s)[-_PASSES:])
    heard = hear_wanted(heard, wanted, at_s)
    if before.desired != now.desired:
        own = now.last_scale_at_s is None or now.last_scale_at_s != before.last_scale_at_s
        made = Decision(at_s, before.desired, now, wanted, own, before.settings != now.settings)
        kept_decisions = tuple(item for item in heard.decisions if at_s - item.at_s <= _LONGEST_S)
        heard = replace(heard, decisions=(*kept_decisions, made))
    return heard


def hear_wanted(heard: Heard, wanted: int | None, at_s: float) -> Heard:
    """Takes in what the reading asks for."""
    if wanted is None or (heard.asked and heard.asked[-1].replicas == wanted):
        return heard
    kept = tuple(item for item in heard.asked[:-1] if at_s - item.at_s <= _LONGEST_S) + heard.asked[-1:]
    return replace(heard, asked=(*kept, Recommendation(wanted, at_s)))


def hear_samples(heard: Heard, sampled_s: float) -> Heard:
    """Takes in the time of the newest sample."""
    if heard.sampled_s and sampled_s <= heard.sampled_s[-1]:
        return heard
    return replace(heard, sampled_s=(*heard.sampled_s, sampled_s)[-_SAMPLES:])


def _written(scaler: Autoscaler) -> tuple[object, ...]:
    """What a pass of the controller writes, and no other."""
    return scaler.cpu_percent, scaler.desired, scaler.conditions, scaler.last_scale_at_s


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the replicas can change, in seconds from now; all of it is estimated.

    `more_s` and `fewer_s` are the earliest, were the load to change at once; None where there can be none. `fewer_known` is False where
    the controller may remember from before the watch what holds the pods: then `fewer_s` is the latest. `steady` is the first change if
    the load stays: seconds and replicas; None where there is none. `look_s` is the next pass; where no pass was heard yet, it and all that
    follows from it are a period too late at the most: `look_known` is False.
    """

    look_s: float
    look_known: bool
    more_s: float | None
    fewer_s: float | None
    fewer_known: bool
    steady: tuple[float, int] | None


def outlook(scaler: Autoscaler, heard: Heard, wanted: int | None, now_s: float) -> Outlook | None:
    """What can come next; None where the autoscaler decides nothing: it has no reading, or its replicas are 0."""
    current = scaler.desired
    if wanted is None or current == 0 or not scaler.has_metric or not heard.asked:
        return None
    rules, look_s, period_s = stabilizer(scaler), heard.next_pass_s(now_s), heard.period_s
    known = _remembered(scaler, heard, current, now_s)
    history = _history(scaler, heard, current, now_s, known)
    # A reading changes with new samples only. Until then each pass asks for the same.
    news_s = heard.next_pass_s(heard.next_samples_s(now_s))
    until_news = (Recommendation(wanted, max(now_s, news_s - period_s)), *history.recommendations)
    at_news = replace(history, recommendations=until_news)
    more = _first_change(rules, at_news, current, INT32_MAX, news_s, period_s) if current < scaler.maximum else None
    fewer = _first_change(rules, at_news, current, 0, news_s, period_s) if current > scaler.minimum else None
    steady = _first_change(rules, history, current, wanted, look_s, period_s)
    if steady is not None and steady[1] > current:
        more = min(steady, more or steady)
    elif steady is not None:
        fewer = min(steady, fewer or steady)
    return Outlook(
        look_s=look_s - now_s,
        look_known=bool(heard.passes_s),
        more_s=more[0] - now_s if more is not None else None,
        fewer_s=fewer[0] - now_s if fewer is not None else None,
        fewer_known=known,
        steady=(steady[0] - now_s, steady[1]) if steady is not None else None,
    )


def _remembered(scaler: Autoscaler, heard: Heard, current: int, now_s: float) -> bool:
    """Whether what holds the pods was heard: a recommendation of so many within the window, or the whole window."""
    window_s = down_window_s(scaler)
    if heard.since_s is not None and now_s - heard.since_s >= window_s:
        return True
    ends = [*(item.at_s for item in heard.asked[1:]), now_s]
    return any(item.replicas >= current and now_s - (end - heard.period_s) < window_s for item, end in zip(heard.asked, ends, strict=True))


def _history(scaler: Autoscaler, heard: Heard, current: int, now_s: float, known: bool) -> History:
    """The controller's memory as it was heard: of each stretch its first and its last pass. What is not known counts as `current`."""
    ends = [*(item.at_s - heard.period_s for item in heard.asked[1:]), now_s]
    remembered = [] if known or heard.since_s is None else [Recommendation(current, heard.since_s)]
    for item, end_s in zip(heard.asked, ends, strict=True):
        remembered += [item, Recommendation(item.replicas, max(item.at_s, end_s))]
    changes = [(item.scaler.desired - item.before, item.at_s) for item in heard.decisions if item.own]
    if stabilizer(scaler).behavior is None:
        changes = []
    return History(
        tuple(remembered),
        tuple(ScaleEvent(change, at_s) for change, at_s in changes if change > 0),
        tuple(ScaleEvent(-change, at_s) for change, at_s in changes if change < 0),
    )


def _first_change(
    rules: Stabilizer, history: History, current: int, wanted: int, first_s: float, period_s: float
) -> tuple[float, int] | None:
    """The first pass from `first_s` on that changes the replicas while the metrics ask for `wanted`, and to how many."""
    if not rules.min_replicas <= current <= rules.max_replicas:
        return first_s, min(max(current, rules.min_replicas), rules.max_replicas)
    passes = {first_s, *(_pass_after(end_s, first_s, period_s) for end_s in _endings(rules, history, current))}
    for at_s in sorted(passes):
        replicas = rules.normalize(history, current, wanted, at_s + _LATE_S).replicas
        if replicas != current:
            return at_s, replicas
    return None


def _endings(rules: Stabilizer, history: History, current: int) -> Iterator[float]:
    """When what holds the replicas is forgotten: the last recommendation on either side, each scaling that a policy counts."""
    behavior = rules.behavior
    down_s = behavior.scale_down.stabilization_window_s if behavior is not None else rules.downscale_stabilization_s
    up_s = behavior.scale_up.stabilization_window_s if behavior is not None else 0.0
    high = [item.at_s for item in history.recommendations if item.replicas >= current]
    low = [item.at_s for item in history.recommendations if item.replicas <= current]
    yield from (end_s for end_s in (max(high, default=0.0) + down_s, max(low, default=0.0) + up_s))
    if behavior is not None:
        periods = {policy.period_s for rule in (behavior.scale_up, behavior.scale_down) for policy in rule.policies}
        yield from (event.at_s + period_s for event in (*history.scale_ups, *history.scale_downs) for period_s in periods)


def _pass_after(at_s: float, first_s: float, period_s: float) -> float:
    return first_s + period_s * max(0, math.ceil((at_s - _LATE_S / 2 - first_s) / period_s))
