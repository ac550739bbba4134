"""The way down after a load in words: its moments with the seconds of each step, and how many replicas stood there for nobody."""

from __future__ import annotations

from shelterctl.core.load.course.way_down import WayDown
from shelterctl.core.load.elasticity import Elasticity
from shelterctl.core.words import counted


def moments(way: WayDown) -> tuple[tuple[float, str], ...]:
    """When (seconds since the load's begin), and what was then, with the time since the moment before it."""
    found = [(way.last_request_s, f"last request, {counted(way.from_ready, 'replica')} ready")]
    told_s = way.last_request_s
    if way.low_at_s is not None:
        words = f"reading falls to {way.low_percent}%, which calls for fewer"
        late = way.low_at_s > way.last_request_s
        found.append((way.low_at_s, f"{words}: {way.low_at_s - told_s:.1f} s after it" if late else f"{words}: before the last request"))
        told_s = max(told_s, way.low_at_s)
    for number, step in enumerate(way.steps):
        reading = f" at cpu {step.cpu_percent}%" if step.cpu_percent is not None else ""
        waited = f"{step.at_s - told_s:.1f} s after {'the decision before' if number else 'that'}"
        gone = f", no more than {step.after} ready {step.ready_at_s - step.at_s:.1f} s later" if step.ready_at_s is not None else ""
        found.append((step.at_s, f"{step.before} → {step.after} replicas{reading}: {waited}{gone}"))
        told_s = step.at_s
    if way.minimum_at_s is not None:
        whole = way.minimum_at_s - way.last_request_s
        words = f"the minimum of {way.minimum}: {whole:.1f} s after the last request"
        found.append((way.minimum_at_s, words if whole else f"the minimum of {way.minimum} was there all the time"))
    else:
        found.append((way.watched_until_s, f"the watch ends, and the minimum of {way.minimum} was not reached"))
    # What fell before the last request stands before it.
    return tuple(sorted(found, key=lambda item: item[0]))


def elastic(figures: Elasticity, minimum: int) -> str:
    """How many too many there were on the way down: nothing is asked for any more, so that the minimum is what is needed."""
    many = f"too many {figures.over_timeshare_percent:.0f}% of {figures.duration_s:.0f} s (by {figures.over_accuracy_percent:.0f}%)"
    return f"on the way down: {many}, against the minimum of {minimum}"
