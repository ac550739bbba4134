"""The replicas that a setting would have had, over time beside those that the load needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shelterctl.cli.render.autoscaling.course import digit, scale_line
from shelterctl.cli.terminal import Line
from shelterctl.core.autoscaling.demand import Demand
from shelterctl.core.autoscaling.simulate import Setting, Simulated
from shelterctl.core.load.elasticity import Step, replicas_at

_COLUMNS = 60


def over_time(demand: Demand, results: Sequence[Simulated]) -> Iterator[Line]:
    """The run's own setting, and the one that was asked for where it is another: ready pods at the end of each stretch of the load, then
    how closely they followed the demand."""
    width = min(_COLUMNS, demand.duration_s)
    if width < 2:
        return

    def drawn(steps: Sequence[Step]) -> str:
        ends = [(column + 1) * demand.duration_s / width - 1 for column in range(width)]
        return "".join(digit(replicas_at(steps, at_s)) for at_s in ends)

    own = results[0]
    named = [("as it is", own), *((_changed(own.setting, item.setting), item) for item in results[1:])]
    yield Line("  pods over time: needed by the load, then ready under each setting", "dim")
    yield Line(f"  {'demand':<14}{drawn(own.demanded)}")
    for word, item in named:
        yield Line(f"  {word:<14}{drawn(item.ready)}")
    yield scale_line(14, width, float(demand.duration_s))
    for word, item in named:
        found = item.elasticity
        few = f"too few {found.under_timeshare_percent:.0f}% of the time (by {found.under_accuracy_percent:.0f}%)"
        many = f"too many {found.over_timeshare_percent:.0f}% (by {found.over_accuracy_percent:.0f}%)"
        yield Line(f"  {word:<14}{few}, {many}")


def _changed(own: Setting, asked: Setting) -> str:
    """What is another than the run's own, in a word: where it is more than one thing, that it was asked for."""
    found = []
    if asked.target_percent != own.target_percent:
        found.append(f"target {asked.target_percent}%")
    if (asked.minimum, asked.maximum) != (own.minimum, own.maximum):
        found.append(f"{asked.minimum} to {asked.maximum}")
    if asked.down_window_s != own.down_window_s:
        found.append(f"window {asked.down_window_s:.0f} s")
    return found[0] if len(found) == 1 else "as asked"
