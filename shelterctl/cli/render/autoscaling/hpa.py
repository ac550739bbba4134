"""The autoscaler explained, a run replayed, settings simulated: for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from shelterctl.cli.render.autoscaling.over_time import over_time
from shelterctl.cli.terminal import Line
from shelterctl.core.autoscaling.check import Checked
from shelterctl.core.autoscaling.explain import Explanation, Topic
from shelterctl.core.autoscaling.replay import Pass, Replay
from shelterctl.core.autoscaling.simulate import Setting, Simulated
from shelterctl.core.checkup.check import CheckState
from shelterctl.core.duration import format_duration
from shelterctl.core.load.elasticity import Step
from shelterctl.ops.hpa.simulate import Recommendation, Simulation

_HEADS = {
    Topic.NOW: "Now",
    Topic.SAMPLES: "Samples",
    Topic.READING: "Reading",
    Topic.WINDOW: "Window",
    Topic.LIMIT: "Limit",
    Topic.NEXT: "Next",
    Topic.THRESHOLD: "To scale",
    Topic.UNSEEN: "Not seen",
}
_MOST_SETTINGS_SHOWN = 60


def explain_lines(result: Explanation) -> Iterator[Line]:
    """The answer first, the numbers after it, then what keeps it from scaling as it should."""
    scaler = result.autoscaler
    yield Line(f"HPA {scaler.name}: {_short(result)}", "strong")
    for topic, group in groupby(result.sentences, key=lambda sentence: sentence.topic):
        for number, sentence in enumerate(group):
            head = _HEADS[topic] if number == 0 else ""
            guess = " (an estimate)" if sentence.estimate else ""
            yield Line(f"  {head:<9}{sentence.text}{guess}")
    for trap in result.traps:
        bad = trap.state is CheckState.PROBLEM
        yield Line(f"  {'✗' if bad else '!'} {trap.title}: {trap.found}", "bad" if bad else "doubt")
        if trap.why:
            yield Line(f"      Why:  {trap.why}")
        if trap.mend:
            yield Line(f"      Mend: {trap.mend}")


def _short(result: Explanation) -> str:
    scaler, wanted = result.autoscaler, result.wanted
    current = scaler.desired
    if any(trap.state is CheckState.PROBLEM for trap in result.traps) and not scaler.has_metric:
        return f"{current} replicas, and it cannot scale"
    if wanted is None:
        return f"{current} replicas, and no metric to decide by"
    if not result.coming:
        if wanted > scaler.maximum:
            return f"{current} replicas, its maximum; the load asks for {wanted}"
        if wanted < current == scaler.minimum:
            return f"{current} replicas, its minimum; the load asks for {wanted}"
        return f"{current} replicas, and they stay if the load does"
    last = result.coming[-1]
    return f"{current} replicas, {last.replicas} to come if the load stays"


def replay_lines(result: Replay, *, every: bool) -> Iterator[Line]:
    """Whether the model decides what the controller decided, then each decision."""
    decisions = result.decisions
    agreed = sum(item.agrees for item in decisions)
    differing = [item for item in result.passes if not item.agrees]
    held = len(result.passes) - len(decisions)
    told = f"{agreed} of {len(decisions)} decisions and " if decisions else "there was nothing to decide; "
    text = f"{told}{held} of {held} passes without one are the model's"
    if not result.passes:
        # Neither good nor bad: no decision of the controller was there to hold the model's against.
        text = "nothing was decided, so nothing was compared"
    yield Line(f"{result.run}: {text}", "plain" if not result.passes else "good" if not differing else "doubt")
    if result.readings:
        yield Line(f"  {result.readings_agree} of {result.readings} readings of the controller are those of the measurements seen here")
    shown = result.passes if every else [item for item in result.passes if item.decided or not item.agrees]
    if shown:
        yield Line("    at      replicas     reading   model", "dim")
    for item in shown:
        yield from _pass(item)
    for note in result.notes:
        yield Line(f"  Note     {note}", "dim")
    if not every and held:
        yield Line("  Every pass: shelterctl hpa replay --all", "dim")


def _pass(item: Pass) -> Iterator[Line]:
    change = f"{item.before} → {item.after}" if item.before != item.after else f"{item.before}"
    reading = "none" if item.read_percent is None else f"{item.read_percent}%"
    own = "" if item.model_percent in (None, item.read_percent) else f" from {item.model_percent}%"
    verdict = "the same" if item.agrees else f"{item.model_after} instead{own}"
    yield Line(f"  {item.at_s:>6.0f} s   {change:<10}   {reading:>7}   {verdict}: {item.why}", "plain" if item.agrees else "doubt")
    if item.differs:
        yield Line(f"             {item.differs}")


def simulate_lines(result: Simulation) -> Iterator[Line]:
    """The run's own settings against what it did, then each setting."""
    yield Line(f"{result.run}: what other settings would have done", "strong")
    yield from _demand(result)
    own = result.results[0]
    yield Line(f"  as recorded   {_course(result.recorded)}")
    yield Line(f"  simulated     {_course(own.ready)}   (the same settings: what the simulation is worth)")
    if len(result.results) <= 2:
        yield from over_time(result.demand, result.results)
    yield Line(_HEAD, "dim")
    for item, beaten in list(zip(result.results, result.beaten, strict=True))[:_MOST_SETTINGS_SHOWN]:
        mark = "   beaten" if beaten else ""
        as_it_is = "   as it is" if item is own else ""
        yield Line(f"  {_row(item)}{as_it_is}{mark}", "dim" if beaten else "plain")
    if len(result.results) > _MOST_SETTINGS_SHOWN:
        yield Line(f"  and {len(result.results) - _MOST_SETTINGS_SHOWN} more: --output json", "dim")
    yield Line("  window: stabilization before scaling down; at most: pods ready; late: requests sent while fewer were ready than", "dim")
    yield Line("  the load needed; over: replicas beyond that; beaten: another setting is better in one of late and pod-minutes", "dim")
    for note in result.demand.notes:
        yield Line(f"  Note     {note}", "dim")


def recommend_lines(result: Recommendation, *, written: bool = False) -> Iterator[Line]:
    """The settings first, then why, then what the run does not show. What was `written` already is no next command."""
    found, chosen = result.found, result.found.chosen
    setting = chosen.setting
    words = (
        f"target {setting.target_percent}%, {setting.minimum} to {setting.maximum} replicas, down window {_seconds(setting.down_window_s)}"
    )
    if found.best is None:
        yield Line(f"{result.run}: no setting meets {found.objective}; the nearest is {words}", "doubt")
    elif setting == found.as_it_is.setting:
        yield Line(f"{result.run}: the settings are the best of {found.tried} for {found.objective}: {words}", "good")
    else:
        yield Line(f"{result.run}: for {found.objective}: {words}", "good")
    for reason in found.reasons:
        yield Line(f"  {reason}")
    yield Line(f"  {found.meeting} of {found.tried} settings meet it")
    yield Line(_HEAD, "dim")
    yield Line(f"  {_row(found.as_it_is)}   as it is")
    if setting != found.as_it_is.setting:
        yield Line(f"  {_row(chosen)}   recommended")
    for text in found.not_shown:
        yield Line(f"  Not shown {text}", "dim")
    if setting != found.as_it_is.setting and not written:
        # `up` has no option for the down window: where it is another, this sets all that was simulated.
        same = setting.down_window_s == found.as_it_is.setting.down_window_s
        whole = f"hpa recommend {result.run} --slo {shlex.quote(found.objective)} --apply"
        yield Line(f"  Next: shelterctl {f'up {_as_options(setting)}' if same else whole}")


@dataclass(frozen=True, slots=True)
class Applied:
    """A recommendation that was written into the autoscaler, and the command that sets it back."""

    recommended: Recommendation
    undo: str


def applied_lines(result: Applied) -> Iterator[Line]:
    """What was written, and how to undo it."""
    yield from recommend_lines(result.recommended, written=True)
    if not result.undo:
        yield Line("  Nothing was written: the settings are these.")
        return
    setting = result.recommended.found.chosen.setting
    yield Line("  Written, as if by hand.", "good")
    yield Line("  The next `up` goes by the manifests again: on this machine at once, on a cluster only with --force-conflicts.")
    yield Line(f"  To keep them, write them into the manifests, or say them at each `up`: {_as_options(setting)}")
    if setting.down_window_s != result.recommended.found.as_it_is.setting.down_window_s:
        yield Line(
            f"  `up` has no option for the down window ({_seconds(setting.down_window_s)} here): only the manifests keep it "
            f"(behavior.scaleDown.stabilizationWindowSeconds: {setting.down_window_s:.0f})."
        )
    yield Line(f"  Undo: {result.undo}")


def _as_options(setting: Setting) -> str:
    return f"--min {setting.minimum} --max {setting.maximum} --cpu-target {setting.target_percent}"


def checked_lines(result: Checked) -> Iterator[Line]:
    """The prediction beside what came."""
    yield Line(
        f"{result.run}: as predicted in {result.agree_share:.0%} of {result.compared_s} s, within one pod in {result.near_share:.0%}",
        "strong",
    )
    for doubt in result.doubts:
        yield Line(f"  ! {doubt}", "doubt")
    yield Line(f"  predicted     {_course(result.predicted)}")
    yield Line(f"  came          {_course(result.came)}")
    for figure in result.figures:
        unit = f" {figure.unit}" if figure.unit else ""
        yield Line(f"  {figure.name:<20}{figure.predicted:>8.4g} predicted  {figure.came:>8.4g} came{unit}")
    if result.measured_ms is not None:
        yield Line(f"  p{result.percent:g} {result.measured_ms:.0f} ms over the whole load; the objective was {result.objective}")
    yield Line(f"  Undo: {result.undo or 'nothing was written'}")
    yield Line(f"  Whole: shelterctl runs show {result.run}", "dim")


def _demand(result: Simulation) -> Iterator[Line]:
    demand = result.demand
    peak = max(demand.offered_per_s)
    yield Line(
        f"  demand        up to {peak:.0f} requests/s; a pod carries {demand.capacity_per_s:.0f}/s ({demand.capacity_from}); "
        f"a new one is ready after {demand.start_s:.0f} s"
    )


def _course(steps: tuple[Step, ...]) -> str:
    """2, 3 from 61 s, 4 from 181 s"""
    shown = [f"{steps[0].replicas}"] if steps else []
    shown += [f"{step.replicas} from {step.at_s:.0f} s" for step in steps[1:]]
    return ", ".join(shown[:10]) + (f", and {len(shown) - 10} changes more" if len(shown) > 10 else "")


_HEAD = "  target  replicas  window  at most  late    over  pod-minutes"


def _row(item: Simulated) -> str:
    """80 columns with a word after it."""
    setting = item.setting
    bounds = f"{setting.minimum} to {setting.maximum}"
    most = max(step.replicas for step in item.ready)
    return (
        f"{setting.target_percent:>5}%  {bounds:>8}  {_seconds(setting.down_window_s):>6}  {most:>7}  {100 * item.late_share:>4.1f}%"
        f"  {item.elasticity.over_accuracy_percent:>4.0f}%  {item.pod_minutes:>11.1f}"
    )


def _seconds(seconds: float) -> str:
    return format_duration(seconds).replace(".0 s", " s")
