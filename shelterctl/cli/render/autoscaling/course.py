"""The course of a load for people: a graph of characters, each decision with its delays, and as rows for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from shelterctl.cli.render.autoscaling.down import way_lines
from shelterctl.cli.terminal import Line
from shelterctl.core.autoscaling.course import Course, PodCourse, RunCourse
from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.duration import format_duration
from shelterctl.core.state import count_ready

_COLUMNS = 60
_BLOCKS = " ▁▂▃▄▅▆▇█"


def graph_lines(recording: Recording, result: RunCourse) -> Iterator[Line]:
    """Requests, users, the reading and the replicas over the same time, each at its highest in its stretch of it."""
    rows = second_rows(recording)
    width = min(_COLUMNS, len(rows))
    if width < 2:
        return

    def stretch(column: int) -> list[list[float | None]]:
        begin, end = column * len(rows) // width, max((column + 1) * len(rows) // width, column * len(rows) // width + 1)
        return rows[begin:end]

    def peaks(index: int) -> list[float | None]:
        return [max((value for row in stretch(column) if (value := row[index]) is not None), default=None) for column in range(width)]

    yield Line("")
    for name, index, unit in (("requests/s", 1, ""), ("users", 3, ""), ("p95", 4, " ms"), ("cpu", 5, "%"), ("node cpu", 9, "%")):
        values = peaks(index)
        known = [value for value in values if value is not None]
        if known:
            target = rows[-1][6]
            beside = f", target {target:.0f}%" if name == "cpu" and target is not None else ""
            yield Line(f"  {name:<11}{_blocks(values)}  up to {max(known):,.0f}{unit}{beside}")
    for name, index in (("ready", 7), ("desired", 8)):
        values = peaks(index)
        if any(value is not None for value in values):
            yield Line(f"  {name:<11}{''.join('-' if value is None else digit(int(value)) for value in values)}")
    yield scale_line(11, width, result.duration_s)


def scale_line(indent: int, width: int, duration_s: float) -> Line:
    """The times under a graph of `width` columns."""
    half = format_duration(duration_s / 2).replace(".0 s", " s")
    whole = format_duration(duration_s)
    middle = width // 2
    return Line(f"  {'':<{indent}}{'0':<{middle}}{half:<{max(width - middle - len(whole), 1)}}{whole}", "dim")


def _blocks(values: Sequence[float | None]) -> str:
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    return "".join("·" if value is None else _BLOCKS[round(value / most * (len(_BLOCKS) - 1))] for value in values)


def digit(value: int) -> str:
    """A number of pods in one column: letters from ten on."""
    return str(value) if value < 10 else chr(ord("A") + min(value - 10, 25))


def course_lines(result: RunCourse) -> Iterator[Line]:
    """Each decision: what it rested on, and what came of it."""
    if not result.courses:
        yield Line("  no decision of the autoscaler", "dim")
    for course in result.courses:
        yield Line(f"  {course.at_s:>6.1f} s  {course.before} → {course.after} replicas{_rest(course)}", "plain")
        for pod in course.pods:
            yield Line(f"            {pod.pod}: {_pod(course, pod)}")
    yield from _figures(result)
    if result.down is not None:
        yield from way_lines(result.down)


def _rest(course: Course) -> str:
    reading = f" at cpu {course.cpu_percent}%" if course.cpu_percent is not None else ""
    if course.measured_at_s is None or course.measured_from_s is None:
        return reading
    ago = course.at_s - course.measured_at_s
    window = f"{max(course.measured_from_s, -9999):.0f} to {course.measured_at_s:.0f} s"
    return f"{reading}, measured from {window}, decided {ago:.0f} s later"


def _pod(course: Course, pod: PodCourse) -> str:
    if not course.up:
        return f"gone {pod.gone_at_s - course.at_s:.1f} s after it" if pod.gone_at_s is not None else "ending"
    words = []
    for name, at_s in (("scheduled", pod.scheduled_at_s), ("started", pod.started_at_s), ("ready", pod.ready_at_s)):
        if at_s is not None:
            words.append(f"{name} {max(0.0, at_s - course.at_s):.1f} s")
    told = f"{', '.join(words)} after it" if words else "nothing was seen of it"
    if pod.ready_at_s is not None and pod.first_answer_at_s is not None:
        told += f"; first request {max(0.0, pod.first_answer_at_s - pod.ready_at_s):.1f} s after that"
    return told


def _figures(result: RunCourse) -> Iterator[Line]:
    if result.demand is None:
        yield Line(f"  Demand   not known: {result.no_demand}", "dim")
        return
    demand = result.demand
    yield Line(f"  Demand   a pod carries {demand.capacity_per_s:.0f} requests/s ({demand.capacity_from})")
    figures = result.elasticity
    if figures is not None:
        few = f"too few {figures.under_timeshare_percent:.0f}% of the time (by {figures.under_accuracy_percent:.0f}%)"
        many = f"too many {figures.over_timeshare_percent:.0f}% (by {figures.over_accuracy_percent:.0f}%)"
        whole = "under the load: " if result.down is not None else ""
        yield Line(f"  Elastic  {whole}{few}, {many}, instability {figures.instability_percent:.0f}%")
    for note in demand.notes:
        yield Line(f"  Note     {note}", "dim")


HEAD = ("second", "requests", "failures", "users", "p95_ms", "cpu_percent", "cpu_target_percent", "ready", "desired", "node_cpu_percent")


def second_rows(recording: Recording) -> list[list[float | None]]:
    """A row for each second of the load, in the order of HEAD."""
    rows: list[list[float | None]] = []
    for at_s, tick in zip(recording.ticks.times_s, recording.ticks.values, strict=True):
        p95 = None if tick.p95_ms is None else round(tick.p95_ms, 3)
        rows.append([round(tick.elapsed_s, 3), tick.requests, tick.failures, tick.users, p95, *_scaled(recording, at_s)])
    # What was watched after the load.
    loaded_s = recording.ticks.values[-1].elapsed_s if recording.ticks.values else 0.0
    for second in range(int(loaded_s) + 1, int(recording.length_s) + 1):
        rows.append([float(second), 0, 0, 0, None, *_scaled(recording, recording.began_s + second)])
    return rows


def _scaled(recording: Recording, at_s: float) -> list[float | None]:
    """The last five columns."""
    scaler, pods = recording.scalers.at(at_s), recording.pods.at(at_s)
    ready = None if pods is None else count_ready(pods)
    reading = scaler.cpu_percent if scaler is not None and scaler.has_metric else None
    node = recording.node_percent(at_s)
    return [
        reading,
        scaler.cpu_target_percent if scaler is not None else None,
        ready,
        scaler.desired if scaler is not None else None,
        None if node is None else round(node, 1),
    ]


def as_csv(recording: Recording) -> str:
    """A row for each second; an empty field for what was not known."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(["" if value is None else value for value in row] for row in second_rows(recording))
    return out.getvalue()
