"""A load: its numbers, its figure, each decision with its cause in words, the pods' shares, what limited it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shelterctl.core.autoscaling.course import Course, RunCourse, course_of
from shelterctl.core.duration import format_duration
from shelterctl.core.figures.load import latency_figure, load_figure
from shelterctl.core.figures.svg import svg
from shelterctl.core.load.course.nodes import busy_nodes
from shelterctl.core.load.course.way_down import WayDown
from shelterctl.core.load.course.words import elastic, moments
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.timeline import Decision
from shelterctl.core.report import told
from shelterctl.core.report.document import Block, Listing, Paragraph, Picture, Section, Table
from shelterctl.core.report.records import Simulated
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json

#: Rows that a page can be read with.
_MOST_DECISIONS, _MOST_NAMES = 60, 40


def section(run: Run) -> Section:
    blocks: list[Block] = []
    if run.missing:
        blocks.append(Paragraph(f"{run.missing}. What follows is what its events show.", doubt=True))
    else:
        blocks += _numbers(from_json(LoadResult, run.result))
    blocks += _course(run)
    if not run.missing:
        blocks += _rest(from_json(LoadResult, run.result))
    return Section(f"Load: {run.name}", tuple(blocks))


def _numbers(load: LoadResult) -> Iterator[Block]:
    traffic, plan = load.traffic, load.plan
    users = f"{plan.users:,} users" if not plan.rate_per_s else f"{plan.rate_per_s:g} requests/s by at most {plan.users:,} users"
    rows = [
        ("asked for", f"{users}, {format_duration(plan.duration_s)}{f', {len(plan.stages)} stages' if plan.stages else ''}"),
        ("requests", f"{traffic.requests:,} in {format_duration(traffic.duration_s)}, {traffic.requests_per_s:.1f} requests/s"),
        ("failed", f"{traffic.failures:,} ({traffic.failure_ratio:.2%})"),
        ("response time p50, p95, p99", ", ".join(told.milliseconds(value) for value in (traffic.p50_ms, traffic.p95_ms, traffic.p99_ms))),
        ("slowest", told.milliseconds(traffic.max_ms)),
    ]
    if load.interrupted:
        rows.append(("interrupted", "yes: it ended before its time"))
    yield Table("What was asked and answered", ("", "measured"), tuple(rows))


def _course(run: Run) -> Iterator[Block]:
    recording = run.recording
    if recording is None or not recording.ticks.times_s:
        yield Paragraph("It recorded no load: there is no figure of it.", doubt=True)
        return
    yield from figures(run)
    course = course_of(recording)
    decisions = _decisions(run)
    rows = tuple(_decision_row(each, _same(each, decisions)) for each in course.courses)
    if rows:
        yield Table(
            "Each decision of the autoscaler and its cause",
            ("at", "replicas", "cause", "what came of it"),
            rows[:_MOST_DECISIONS],
            frozenset({0}),
        )
        if len(rows) > _MOST_DECISIONS:
            yield Paragraph(f"{len(rows) - _MOST_DECISIONS} more decisions are in the run's events.")
    else:
        yield Paragraph("The autoscaler decided nothing during this load.")
    yield from _followed(course)
    if course.down is not None:
        yield from _down(course.down)


def figures(run: Run) -> Iterator[Picture]:
    """What its load drew; nothing for a run without one."""
    recording = run.recording
    if recording is None or not recording.ticks.times_s:
        return
    figure = load_figure(recording, "Requests, CPU and replicas")
    yield Picture(f"load-{_stamp(run)}", figure.description, svg(figure))
    latency = latency_figure(recording, "Response times")
    if latency is not None:
        yield Picture(f"latency-{_stamp(run)}", latency.description, svg(latency))


def _stamp(run: Run) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in run.name)


def _decisions(run: Run) -> tuple[Decision, ...]:
    try:
        timeline = from_json(LoadResult, run.result).timeline if not run.missing else None
    except ValueError:
        return ()
    return timeline.decisions if timeline is not None else ()


def _same(course: Course, decisions: Sequence[Decision]) -> Decision | None:
    """The result's record of a decision that the events show: it was stamped when it came, the event when it was written down."""
    near = [item for item in decisions if (item.before, item.after) == (course.before, course.after) and abs(item.at_s - course.at_s) < 2.0]
    return min(near, key=lambda item: abs(item.at_s - course.at_s), default=None)


def _decision_row(course: Course, decision: Decision | None) -> tuple[str, str, str, str]:
    cause = "no reading is known" if course.cpu_percent is None else f"the reading was {course.cpu_percent}%"
    if course.measured_from_s is not None and course.measured_at_s is not None:
        cause += f", measured from {course.measured_from_s:.0f} to {course.measured_at_s:.0f} s"
        cause += f" and decided on {course.at_s - course.measured_at_s:.0f} s later"
    if decision is not None and decision.most is not None and decision.after > decision.before:
        cause += f"; the controller's rules make at most {decision.most} of it"
    if decision is not None and decision.settings_changed:
        cause += "; its settings were changed meanwhile"
    at_s = course.at_s if decision is None else decision.at_s
    return told.seconds(at_s), f"{course.before} → {course.after}", cause, "; ".join(_pods(course)) or "nothing was seen of it"


def _pods(course: Course) -> Iterator[str]:
    for pod in course.pods:
        if not course.up:
            yield f"{pod.pod} gone after {pod.gone_at_s - course.at_s:.1f} s" if pod.gone_at_s is not None else f"{pod.pod} ending"
            continue
        words = []
        if pod.ready_at_s is not None:
            words.append(f"ready after {max(0.0, pod.ready_at_s - course.at_s):.1f} s")
        if pod.first_answer_at_s is not None:
            words.append(f"first answer after {max(0.0, pod.first_answer_at_s - course.at_s):.1f} s")
        yield f"{pod.pod} {', '.join(words) or 'not ready before the end'}"


def _followed(course: RunCourse) -> Iterator[Block]:
    if course.demand is None:
        if course.no_demand:
            yield Paragraph(f"How many replicas the load needed is not known: {course.no_demand}.", doubt=True)
        return
    rows = [("a pod carries", f"{course.demand.capacity_per_s:.0f} requests/s ({course.demand.capacity_from})")]
    found = course.elasticity
    if found is not None:
        rows += [
            ("too few replicas", f"{found.under_timeshare_percent:.0f}% of the time, by {found.under_accuracy_percent:.0f}%"),
            ("too many replicas", f"{found.over_timeshare_percent:.0f}% of the time, by {found.over_accuracy_percent:.0f}%"),
            ("instability", f"{found.instability_percent:.0f}% of the time"),
        ]
    yield Table("How closely the replicas followed what the load needed", ("", "measured"), tuple(rows))
    if course.demand.notes:
        yield Listing("This rests on:", tuple(course.demand.notes))


def _down(way: WayDown) -> Iterator[Block]:
    """The way down, with an elasticity of its own: that of the load says nothing of it."""
    rows = tuple((told.seconds(at_s), words) for at_s, words in moments(way))
    yield Table("The way down after the load", ("at", "what was then"), rows, frozenset({0}))
    if way.elasticity is not None:
        yield Paragraph(f"{elastic(way.elasticity, way.minimum)[:1].upper()}{elastic(way.elasticity, way.minimum)[1:]}.")


def _rest(load: LoadResult) -> Iterator[Block]:
    traffic = load.traffic
    names = tuple(
        (item.name, f"{item.requests:,}", f"{item.failures:,}", *(told.milliseconds(v) for v in (item.p50_ms, item.p95_ms, item.p99_ms)))
        for item in traffic.names[:_MOST_NAMES]
    )
    if names:
        yield Table("By request", ("request", "sent", "failed", "p50", "p95", "p99"), names, frozenset({1, 2, 3, 4, 5}))
    pods = tuple(
        (item.pod, f"{item.requests:,}", f"{item.share:.0%}", f"{item.late_share:.0%}", told.seconds(item.first_at_s))
        for item in traffic.by_pod
        if item.pod
    )
    if pods:
        head = ("pod", "requests", "share", "in the last 30 s", "first answer")
        yield Table("By pod", head, pods, frozenset({1, 2, 3, 4}))
    failed = tuple(f"{count:,} × {kind}" for kind, count in list(traffic.failure_kinds.items())[:10])
    if failed:
        yield Listing("What failed:", failed)
    yield Table("What limited it", ("", "measured"), tuple(_limits(load)))
    checks = tuple(
        (check.name.value, check.judgement.verdict.value, "; ".join(reason.text for reason in check.judgement.reasons))
        for check in load.checks
    )
    if checks:
        yield Table("What was judged", ("check", "verdict", "why"), checks, verdicts=1)
    held = tuple(
        (item.condition, "held" if item.holds else "did not hold" if item.holds is False else "open", item.seen) for item in load.conditions
    )
    if held:
        yield Table("Conditions", ("condition", "", "seen"), held)
    if load.notes:
        yield Listing("Notes:", load.notes)


def _limits(load: LoadResult) -> Iterator[tuple[str, str]]:
    generator, timeline = load.generator, load.timeline
    if load.bottleneck is not None:
        evidence = load.bottleneck.suspects[0].evidence if load.bottleneck.suspects else ""
        yield "what kept it from more", load.bottleneck.limit.value + (f": {evidence}" if evidence else "")
        for each in load.bottleneck.reached:
            yield "reached, and the load was served all the same", f"{each.limit.value}: {each.evidence}"
    yield (
        "the generator",
        (f"of {len(generator.processes)} processes the worst: " if len(generator.processes) > 1 else "")
        + f"loop lag p99 {generator.lag_p99_ms:.0f} ms, {generator.cpu_percent_mean:.0f}% of a core "
        f"(peak {generator.cpu_percent_peak:.0f}%), at its own limit {generator.busy_ratio:.0%} of the time",
    )
    if timeline is None:
        return
    if timeline.cpu_limit_percent is not None:
        yield "the pods", f"their CPU was at most {timeline.cpu_limit_percent:.0f}% of their limit"
    if timeline.throttling is not None:
        share = timeline.throttling.share
        told_of = (
            timeline.throttling.problem if share is None else f"in {share:.0%} of the CPU periods of those that were there all the time"
        )
        yield "the pods were throttled", told_of or "too few periods to tell"
    if timeline.at_maximum is not None:
        at = timeline.at_maximum
        yield "the autoscaler", f"at its maximum of {at.maximum} from {at.since_s:.0f} s on; it wanted up to {at.wanted}"
    for node in busy_nodes(timeline.nodes, load.traffic.duration_s):
        words = f"{node.mean_percent:.0f}% of its CPU used, {node.most_percent:.0f}% at most"
        words += f", measured for {node.measured_share:.0%} of the load"
        yield f"node {node.node}", words
    if timeline.nodes_problem:
        yield "the nodes' CPU", timeline.nodes_problem
    if timeline.unplaced:
        yield "the nodes", timeline.unplaced


def simulated(run: Run) -> Section:
    """What other settings would have done."""
    if run.missing:
        return Section(f"Other settings: {run.name}", (Paragraph(run.missing, doubt=True),))
    found = from_json(Simulated, run.result)
    rows = []
    for number, tried in enumerate(found.results):
        setting, beaten = tried.setting, number < len(found.beaten) and found.beaten[number]
        most = max((int(step["replicas"]) for step in tried.replicas), default=0)
        what = "the run's own" if number == 0 else "another one is better" if beaten else ""
        rows.append(
            (
                f"{setting.target_percent}%, {setting.minimum} to {setting.maximum}",
                str(most),
                f"{tried.pod_minutes:.1f}",
                f"{tried.late_share:.1%}",
                f"{tried.elasticity.under_timeshare_percent:.0f}%",
                f"{tried.elasticity.over_accuracy_percent:.0f}%",
                what,
            )
        )
    head = ("target, replicas", "most", "pod-minutes", "requests with too few", "time with too few", "pods beyond the need", "")
    intro = f"The controller's own rules over the demand of {found.run}" + (f", capacity by {found.objective}" if found.objective else "")
    table = Table("What the autoscaler would have done", head, tuple(rows), frozenset({1, 2, 3, 4, 5}))
    return Section("Other settings", (Paragraph(f"{intro}."), table))
