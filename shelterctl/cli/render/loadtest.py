"""A load while it runs, and its result: the verdict first, scaling, limits, spread over the pods, the next command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.cli.render.live_screen.in_place import LiveScreen
from shelterctl.cli.render.live_screen.picture import write_svg
from shelterctl.cli.render.live_screen.screen import screen
from shelterctl.cli.render.stack import clock_time
from shelterctl.cli.render.steps import StepsDisplay
from shelterctl.cli.terminal import Line, Terminal, verdict_style
from shelterctl.core.duration import format_duration
from shelterctl.core.events import AutoscalerSeen, Event, LoadTick, Milestone, Notice, PodsSeen, StepFinished, StepProgress, StepStarted
from shelterctl.core.load.bottleneck import Limit
from shelterctl.core.load.course.nodes import busy_nodes
from shelterctl.core.load.course.words import elastic
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.scaling import ScalingState
from shelterctl.core.load.verdict import CheckName
from shelterctl.core.state import Autoscaler, Place, count_ready
from shelterctl.core.verdict import Verdict
from shelterctl.core.watch.model import WatchModel, fold
from shelterctl.core.words import counted

if TYPE_CHECKING:
    from rich.text import Text

#: Without a terminal, a line of figures this often.
_EVERY_S = 10.0
_SCALING_WORDS = {
    ScalingState.SHOWN: "shown",
    ScalingState.NOT_CALLED_FOR: "not shown: it was not called for",
    ScalingState.TOO_SHORT: "not shown: the run was too short",
    ScalingState.AT_MAXIMUM: "not shown: the HPA was at its maximum already",
    ScalingState.UNATTRIBUTED: "not shown: it scaled, and that may not be this load's doing",
    ScalingState.FAILED: "failed",
    ScalingState.UNKNOWN: "unknown",
}


class LoadDisplay:
    """Fulfils `session.Display`: the screen of `status watch` on a terminal, else a line for each change and one every ten seconds.

    `place` is the stack that is watched; None where that is not told. `svg` takes the last screen, `own_names` is whether the stack is a
    user's own.
    """

    def __init__(
        self, terminal: Terminal, plan: LoadPlan, place: Place | None = None, svg: Path | None = None, *, own_names: bool = False
    ) -> None:
        self._terminal = terminal
        self._steps = StepsDisplay(terminal)
        self._plan = plan
        self._svg = svg
        self._title = "" if place is not None else plan.host
        self._model = WatchModel(place.namespace if place else "", place.context if place else "", time.time(), own_names=own_names)
        self._ran_s = 0.0
        self._autoscaler: Autoscaler | None = None
        self._ready: int | None = None
        self._last_line_s = -_EVERY_S
        self._screen: LiveScreen | None = None

    def __enter__(self) -> LoadDisplay:
        return self

    def __exit__(self, *details: object) -> None:
        width = 0
        if self._screen is not None:
            self._screen.stop()
            width, self._screen = self._screen.width, None
        self._steps.__exit__(*details)
        if self._svg is not None and self._model.changes:
            at_s = time.time()
            write_svg(self._svg, lambda columns: self._drawn(at_s, columns), width, "shelterctl loadtest")
            self._terminal.say([Line(f"  the last screen: {self._svg}", "dim")])

    def show(self, event: Event) -> None:
        self._take(event)
        if isinstance(event, LoadTick):
            self._tick(event)
        elif isinstance(event, AutoscalerSeen):
            self._autoscaler_changed(event.autoscaler)
        elif isinstance(event, PodsSeen):
            self._pods_changed(event)
        elif isinstance(event, StepProgress | Milestone):
            return
        elif isinstance(event, StepStarted):
            self._above(lambda: self._terminal.say([Line(f"  {event.title}", "strong")]))
        elif not isinstance(event, StepFinished) or self._terminal.verbose:
            self._above(lambda: self._steps.show(event))

    def _take(self, event: Event) -> None:
        """What a notice says is told in a line of its own, and not on the screen besides."""
        if isinstance(event, Notice):
            return
        with self._screen.lock if self._screen is not None else nullcontext():
            self._model = fold(self._model, event, time.time()).model

    def _above(self, say: Callable[[], None]) -> None:
        with self._screen.away() if self._screen is not None else nullcontext():
            say()

    def _drawn(self, now_s: float, width: int, height: int | None = None) -> list[Text]:
        about = f"load {self._ran_s:.0f} s of {self._plan.duration_s:.0f} s"
        return screen(self._model, now_s, width, height, about=about, title=self._title)

    def _tick(self, tick: LoadTick) -> None:
        self._ran_s = tick.elapsed_s
        if self._terminal.live:
            if self._screen is None:
                console = self._terminal.console(stderr=True)
                self._screen = LiveScreen(console, lambda width, height: self._drawn(time.time(), width, height), lambda: self._model)
                self._screen.start()
        elif tick.elapsed_s - self._last_line_s >= _EVERY_S:
            self._last_line_s = tick.elapsed_s
            self._terminal.say([Line(f"  {tick.elapsed_s:5.0f} s  {_figures(tick)}  {self._cluster()}")])

    def _autoscaler_changed(self, now: Autoscaler) -> None:
        before, self._autoscaler = self._autoscaler, now
        if before is not None and (before.desired, before.cpu_percent) != (now.desired, now.cpu_percent):
            change = f"desired {before.desired}->{now.desired} " if before.desired != now.desired else ""
            self._change(f"hpa {now.name} {change}cpu {_percent(now.cpu_percent)}/{_percent(now.cpu_target_percent)}")

    def _pods_changed(self, event: PodsSeen) -> None:
        ready = count_ready(event.pods)
        if self._ready is not None and ready != self._ready:
            self._change(f"pods ready {self._ready}->{ready}")
        self._ready = ready

    def _change(self, text: str) -> None:
        if self._screen is None:
            # The screen has it among its own lines.
            self._terminal.say([Line(f"  {clock_time(time.time())}  {text}")])

    def _cluster(self) -> str:
        if self._autoscaler is None:
            return "" if self._ready is None else f"ready {self._ready}"
        cpu = f"cpu {_percent(self._autoscaler.cpu_percent)}/{_percent(self._autoscaler.cpu_target_percent)}"
        return f"ready {'?' if self._ready is None else self._ready} of {self._autoscaler.desired}  {cpu}"


def lines(result: LoadResult, run: str) -> Iterator[Line]:
    """The result for people."""
    traffic, verdict = result.traffic, result.judgement.verdict
    style = verdict_style(verdict.value)
    stopped = " (interrupted)" if result.interrupted else ""
    failed = f"{traffic.failures:,} failed" if traffic.failures else "0 failed"
    yield Line(
        f"{verdict.value}  {traffic.requests:,} requests in {traffic.duration_s:.0f} s{stopped}, {failed}; {_latencies(result)}", style
    )
    for reason in result.judgement.reasons:
        yield Line(f"  {reason.text}", style)
        if reason.next_command:
            yield Line(f"    Next: {reason.next_command}")
    for kind, count in list(traffic.failure_kinds.items())[:5]:
        yield Line(f"  Failed   {count:,} × {kind}", "bad")
    for kind, count in [*traffic.failed_checks.items(), *traffic.task_errors.items()][:5]:
        yield Line(f"  Raised   {count:,} × {kind}", "bad")
    for kind, count in traffic.oddities.items():
        yield Line(f"  Odd      {count:,} × {kind}, counted as answered", "doubt")
    yield from _scaling(result)
    yield from _limits(result)
    yield from _pods(result)
    if result.descent is not None:
        down = result.descent
        text = f"{down.from_ready} → {down.to_ready} replicas ready within {format_duration(down.took_s)}"
        yield Line(f"  Down     {text}{'' if down.reached else f': {down.why}'}", "plain" if down.reached else "doubt")
        if down.way is not None and down.way.elasticity is not None:
            yield Line(f"           {elastic(down.way.elasticity, down.way.minimum)}")
    for note in result.notes:
        yield Line(f"  Note     {note}", "dim")
    yield Line(f"  Run {run}.   Whole: shelterctl runs show {run}", "dim")


def _latencies(result: LoadResult) -> str:
    traffic = result.traffic
    if traffic.p50_ms is None or traffic.p95_ms is None or traffic.p99_ms is None:
        return "nothing was answered"
    rate = f"{traffic.requests_per_s:.0f} requests/s; " if traffic.requests_per_s else ""
    return f"{rate}p50 {_ms(traffic.p50_ms)}, p95 {_ms(traffic.p95_ms)}, p99 {_ms(traffic.p99_ms)} ms"


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _scaling(result: LoadResult) -> Iterator[Line]:
    timeline = result.timeline
    if timeline is None or result.scaling is None:
        return
    word = _SCALING_WORDS[result.scaling]
    style = {ScalingState.SHOWN: "good", ScalingState.FAILED: "bad", ScalingState.UNKNOWN: "doubt"}.get(result.scaling, "plain")
    yield Line(f"  Scaling  {word}: {timeline.first_ready} → {timeline.peak_ready} replicas ready", style)
    check = next((c for c in result.checks if c.name is CheckName.SCALING), None)
    if check is not None and result.scaling is not ScalingState.SHOWN and result.judgement.verdict is Verdict.PASS:
        for reason in check.judgement.reasons[:1]:
            yield Line(f"           {reason.text}")
            if reason.next_command:
                yield Line(f"           Next: {reason.next_command}")
    for milestone in result.milestones:
        yield Line(f"    {milestone.name:<32}{milestone.at_s:>7.1f} s   {milestone.detail}".rstrip())


def _limits(result: LoadResult) -> Iterator[Line]:
    generator, timeline, found = result.generator, result.timeline, result.bottleneck
    own = (
        f"loop lag p99 {generator.lag_p99_ms:.0f} ms, {generator.cpu_percent_mean:.0f}% of a core (peak {generator.cpu_percent_peak:.0f}%)"
    )
    if found is not None:
        style = "plain" if found.limit is Limit.NONE else "doubt"
        more = f": {found.suspects[0].evidence}" if found.suspects else ""
        yield Line(f"  Limit    {found.limit.value}{more}", style)
        for suspect in found.suspects[1:]:
            yield Line(f"           {'also' if suspect.proved else 'perhaps'} {suspect.limit.value}: {suspect.evidence}")
        for each in found.reached:
            yield Line(f"           reached, and the load was served all the same: {each.limit.value}: {each.evidence}")
    several = f"of {len(generator.processes)} processes the worst: " if len(generator.processes) > 1 else ""
    yield Line(f"           Generator: {several}{own}")
    if result.machine is not None:
        yield Line(f"           This machine: its {counted(result.machine.cores, 'core')} {result.machine.mean_percent:.0f}% busy")
    for node in busy_nodes(timeline.nodes, result.traffic.duration_s) if timeline is not None else ():
        yield Line(f"           Node {node.node}: {node.mean_percent:.0f}% of its CPU used, {node.most_percent:.0f}% at most")
    if timeline is not None and timeline.nodes_problem:
        yield Line(f"           Nodes: {timeline.nodes_problem}", "dim")
    limit = timeline.cpu_limit_percent if timeline is not None else None
    found_share = timeline.throttling.share if timeline is not None and timeline.throttling is not None else None
    if found_share is not None:
        yield Line(f"           Pods: throttled in {found_share:.0%} of their CPU periods")
    elif timeline is not None and timeline.nodes and timeline.throttling is not None and timeline.throttling.problem:
        yield Line(f"           Pods: {timeline.throttling.problem}", "dim")
    if limit is not None:
        yield Line(f"           Pods: their CPU was at most {limit:.0f}% of their limit")


def _pods(result: LoadResult) -> Iterator[Line]:
    pods = [pod for pod in result.traffic.by_pod if pod.pod]
    if not pods:
        return
    width = max(len(pod.pod) for pod in pods)
    yield Line(f"  {'pod':<{width}}   requests   share   in the last 30 s   first answer", "dim")
    for pod in pods:
        yield Line(f"  {pod.pod:<{width}}  {pod.requests:>9,}   {pod.share:>5.0%}   {pod.late_share:>16.0%}   {pod.first_at_s:>10.1f} s")


def _figures(tick: LoadTick) -> str:
    latencies = "  ".join(
        f"{name} {_ms(value)}" for name, value in (("p50", tick.p50_ms), ("p95", tick.p95_ms), ("p99", tick.p99_ms)) if value is not None
    )
    answered = f"{latencies} ms" if latencies else "no answer"
    return f"{tick.users} users  {tick.requests} req/s  {answered}  {tick.failures} failed"


def _percent(value: int | None) -> str:
    return "?" if value is None else f"{value}%"
