"""A load as a figure: requests, CPU against its target, replicas, over the same time."""

from __future__ import annotations

from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.figures.svg import BLACK, BLUE, GREEN, GREY, ORANGE, RED, Figure, Line, Mark, Panel, Point
from shelterctl.core.state import count_ready


def load_figure(recording: Recording, title: str = "") -> Figure:
    """Every number as it was recorded; a panel without data is left out. Raises ValueError for a run that recorded no load."""
    if not recording.ticks.times_s:
        raise ValueError(f"{recording.run} recorded no load")
    began_s = recording.began_s
    until_s = recording.length_s
    ticks = recording.ticks.values
    requests = [(tick.elapsed_s, float(tick.requests)) for tick in ticks]
    failures = [(tick.elapsed_s, float(tick.failures)) for tick in ticks]
    users = [(tick.elapsed_s, float(tick.users)) for tick in ticks]
    lines = [Line("requests/s", requests, BLUE), Line("users", users, BLACK, "6 3", steps=True)]
    if any(value for _, value in failures):
        lines.append(Line("failed/s", failures, RED, "2 2"))
    ended = [Mark(recording.last_request_s, "last request")] if until_s > recording.loaded_s else []
    panels = [Panel("load", "1/s, users", lines, marks=ended)]
    latency = [(tick.elapsed_s, tick.p95_ms) for tick in ticks if tick.p95_ms is not None]
    if latency:
        panels.append(Panel("p95", "ms", [Line("p95", latency, ORANGE)], height=80))
    panels += _cpu(recording, began_s, until_s)
    panels += _node(recording, began_s, until_s)
    replicas = _replicas(recording, began_s, until_s)
    panels += replicas
    return Figure(title or recording.run, panels, until_s, _described(recording, until_s))


def latency_figure(recording: Recording, title: str) -> Figure | None:
    """The percentiles of each second; None where nothing was answered."""
    lines = []
    for name, colour, dash in (("p50", GREEN, "2 2"), ("p95", ORANGE, ""), ("p99", BLACK, "6 3")):
        points = [(tick.elapsed_s, value) for tick in recording.ticks.values if (value := getattr(tick, f"{name}_ms")) is not None]
        if points:
            lines.append(Line(name, points, colour, dash))
    if not lines:
        return None
    slowest = max(recording.ticks.values, key=lambda tick: tick.p95_ms or 0.0)
    described = f"p95 was at most {slowest.p95_ms or 0.0:,.0f} ms, {slowest.elapsed_s:.0f} s after the load began"
    return Figure(title, [Panel("response time", "ms", lines, height=160)], recording.ticks.values[-1].elapsed_s, described)


def _cpu(recording: Recording, began_s: float, until_s: float) -> list[Panel]:
    readings: list[Point] = []
    targets: list[Point] = []
    for at_s, scaler in zip(recording.scalers.times_s, recording.scalers.values, strict=True):
        at = min(max(at_s - began_s, 0.0), until_s)
        if scaler is not None and scaler.cpu_percent is not None and scaler.has_metric:
            readings.append((at, float(scaler.cpu_percent)))
        if scaler is not None and scaler.cpu_target_percent is not None:
            targets.append((at, float(scaler.cpu_target_percent)))
    if not readings:
        return []
    readings.append((until_s, readings[-1][1]))
    targets.append((until_s, targets[-1][1]))
    lines = [Line("HPA's reading", readings, BLUE, steps=True), Line("target", targets, GREY, "6 3", steps=True)]
    return [Panel("CPU", "% of requests", lines)]


def _node(recording: Recording, began_s: float, until_s: float) -> list[Panel]:
    used = [(at_s, recording.node_percent(at_s)) for at_s in recording.nodes.times_s]
    points = [(min(max(at_s - began_s, 0.0), until_s), value) for at_s, value in used if value is not None]
    if not points:
        return []
    points.append((until_s, points[-1][1]))
    return [Panel("node CPU", "% for pods", [Line("busiest node", points, BLUE, steps=True)], height=80, most=100.0)]


def _replicas(recording: Recording, began_s: float, until_s: float) -> list[Panel]:
    ready: list[Point] = []
    for at_s, pods in zip(recording.pods.times_s, recording.pods.values, strict=True):
        count = count_ready(pods)
        ready.append((min(max(at_s - began_s, 0.0), until_s), float(count)))
    desired: list[Point] = []
    most: list[Point] = []
    marks: list[Mark] = []
    before: int | None = None
    for at_s, scaler in zip(recording.scalers.times_s, recording.scalers.values, strict=True):
        if scaler is None:
            continue
        at = min(max(at_s - began_s, 0.0), until_s)
        desired.append((at, float(scaler.desired)))
        most.append((at, float(scaler.maximum)))
        if before is not None and scaler.desired != before and 0 <= at_s - began_s <= until_s:
            marks.append(Mark(at, f"{before} → {scaler.desired}"))
        before = scaler.desired
    if not ready:
        return []
    ready.append((until_s, ready[-1][1]))
    lines = [Line("ready", ready, GREEN, steps=True, width=2.2)]
    if desired:
        desired.append((until_s, desired[-1][1]))
        most.append((until_s, most[-1][1]))
        lines += [Line("desired", desired, BLACK, "4 2", steps=True), Line("maximum", most, GREY, "1.5 2.5", steps=True)]
    return [Panel("replicas", "pods", lines, marks=marks, whole=True)]


def _described(recording: Recording, until_s: float) -> str:
    requests = sum(tick.requests for tick in recording.ticks.values)
    ready = [
        count_ready(pods) for pods in recording.pods.values
    ]  # fmt: skip
    span = f"{ready[0]} to {max(ready)}" if ready and max(ready) > ready[0] else f"{ready[0]}" if ready else ""
    pods = f"; {span} replica{'' if span == '1' else 's'} ready" if span else ""
    return f"{requests:,} requests in {until_s:.0f} s{pods}"
