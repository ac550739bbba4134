"""An autoscaler's last decision, what holds it now and what can come next, in words. What is estimated says so."""

from __future__ import annotations

import time
from collections.abc import Iterator

from shelterctl.core.controller import down_window_s
from shelterctl.core.duration import format_duration
from shelterctl.core.state import Autoscaler
from shelterctl.core.watch.decisions import Decision, Heard, Outlook, outlook
from shelterctl.core.watch.notes import cpu_words


def last_words(scaler: Autoscaler, heard: Heard, now_s: float) -> str:
    """2 → 4 at 12:02:00, 22 s ago: cpu 184% of 70% asked for 6, its maximum is 5"""
    if heard.decisions:
        made = heard.decisions[-1]
        when = f"{_clock(made.at_s)}, {whole(now_s - made.at_s)} ago"
        return f"{made.before} → {made.scaler.desired} at {when}: {'; '.join(_why(made))}"
    if scaler.last_scale_at_s is None:
        return "none: it has not scaled yet"
    return f"{whole(now_s - scaler.last_scale_at_s)} ago, before this watch began: its reason was not seen"


def _why(made: Decision) -> Iterator[str]:
    scaler, wanted, after = made.scaler, made.wanted, made.scaler.desired
    if not made.own:
        yield "somebody else set the replicas, not the HPA"
        return
    if made.settings:
        yield "its settings were changed"
        return
    up = after > made.before
    limited = scaler.condition("ScalingLimited")
    reason = limited.reason if limited is not None and limited.status else ""
    if wanted is None or (wanted <= made.before) == up:
        # The reading that it decided by was not told: the status has another by now.
        yield f"{cpu_words(scaler)} by the status"
        return
    yield f"{cpu_words(scaler)} asked for {wanted}"
    if wanted == after:
        return
    if after in (scaler.maximum, scaler.minimum):
        yield f"its {'maximum' if up else 'minimum'} is {after}"
    elif reason in ("ScaleUpLimit", "ScaleDownLimit"):
        yield f"a policy allowed {after} at once"
    elif not up and down_window_s(scaler):
        yield f"within {whole(down_window_s(scaler))} a reading asked for {after}"


def now_words(scaler: Autoscaler, wanted: int | None) -> str:
    """holds 5: cpu asks for 6, its maximum is 5. Empty where there is no reading: that is told elsewhere."""
    if wanted is None:
        return ""
    desired, able = scaler.desired, scaler.condition("AbleToScale")
    if able is not None and not able.status:
        return f"not able to scale: {able.reason}"
    if wanted == desired:
        return f"holds {desired}: that is what cpu asks for"
    start = f"holds {desired}: cpu asks for {wanted}"
    if wanted > desired >= scaler.maximum:
        return f"{start}, its maximum is {scaler.maximum}"
    if wanted < desired <= scaler.minimum:
        return f"{start}, its minimum is {scaler.minimum}"
    if wanted < desired and able is not None and able.reason == "ScaleDownStabilized":
        return f"{start}, and did for more within the last {whole(down_window_s(scaler))}"
    return start


def next_words(scaler: Autoscaler, heard: Heard, wanted: int | None, now_s: float) -> tuple[str, str]:
    """When a decision can come, and what comes if the load stays. Empty where the autoscaler is one that is not explained here."""
    seen = outlook(scaler, heard, wanted, now_s)
    if seen is None:
        if scaler.has_metric or not scaler.cpu_target_percent:
            return "", ""
        return f"none until it has a metric; it looks again within {whole(heard.next_pass_s(now_s) - now_s)} (estimated)", ""
    if scaler.minimum >= scaler.maximum:
        return f"none can come: its minimum and maximum are both {scaler.maximum}", ""
    return _can_come(scaler, seen), _steady(seen)


def _can_come(scaler: Autoscaler, seen: Outlook) -> str:
    more_s, fewer_s = seen.more_s, seen.fewer_s
    when = "in" if seen.look_known else "within"
    if fewer_s is not None and not seen.fewer_known:
        # It may remember nothing that holds the pods: then the next look takes some away.
        more = "" if more_s is None else f"more{'' if more_s - seen.look_s < 1 else f' in {whole(more_s)}'}, "
        return f"can come {when} {whole(seen.look_s)} (estimated): {more}fewer by {whole(fewer_s)} at the latest"
    if more_s is None and fewer_s is None:
        return "none can come: its policies forbid it"
    if more_s is None or (fewer_s is not None and fewer_s < more_s):
        first_s, first, later_s, later = fewer_s or 0.0, "fewer", more_s, "more"
    else:
        first_s, first, later_s, later = more_s, "more", fewer_s, "fewer"
    words = f"can come {when} {whole(first_s)} (estimated): {first}"
    if later_s is not None:
        return f"{words} then, {later} not before {whole(later_s)}"
    edge = "maximum" if scaler.desired >= scaler.maximum else "minimum" if scaler.desired <= scaler.minimum else ""
    return f"{words}; it is at its {edge}" if edge else words


def _steady(seen: Outlook) -> str:
    if seen.steady is None:
        return "estimated at this load: stays"
    after_s, replicas = seen.steady
    return f"estimated at this load: {replicas} {'in' if seen.fewer_known and seen.look_known else 'within'} {whole(after_s)}"


def whole(seconds: float) -> str:
    """27 s, 4 min 12 s"""
    return format_duration(float(max(0, round(seconds)))).replace(".0 s", " s")


def _clock(epoch_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(epoch_s))
