"""The course of a real run: what each decision rested on, and what came of it; and a prediction beside it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.cli.render.autoscaling import course as render
from shelterctl.core.autoscaling.check import compare
from shelterctl.core.autoscaling.course import course_of
from shelterctl.core.autoscaling.recording import Recording, series
from shelterctl.core.figures.load import load_figure
from shelterctl.core.figures.svg import nice_ticks, svg, thinned
from shelterctl.core.load.thresholds import parse_threshold
from shelterctl.core.serial import SCHEMA
from shelterctl.ops.hpa.simulate import simulation
from tests.core.autoscaling.examples import unpacked
from tests.core.load.examples import TRAFFIC

pytestmark = pytest.mark.unit


@pytest.fixture
def real(tmp_path: Path) -> Recording:
    return read_recording(unpacked(tmp_path))


def test_each_decision_with_what_it_rested_on_and_its_pods(real: Recording) -> None:
    result = course_of(real)
    assert [(item.before, item.after, item.cpu_percent) for item in result.courses] == [(2, 3, 84), (3, 4, 82)]
    first = result.courses[0]
    # The measurement that the controller read was seen here two seconds after its decision.
    assert first.measured_at_s is not None
    assert 0 < first.at_s - first.measured_at_s < 15
    (pod,) = first.pods
    assert pod.ready_at_s is not None
    assert pod.first_answer_at_s is not None
    assert first.at_s - 1 <= (pod.created_at_s or 0) <= pod.ready_at_s <= pod.first_answer_at_s
    assert [step.replicas for step in result.ready] == [2, 3, 4]
    assert result.elasticity is not None


def descended(folder: Path, *, killed: bool = False) -> Path:
    """The real run with a way down after it, as `--watch-down` records it: a reading at 30 s, the steps at 330 and 390 s."""
    run = unpacked(folder)
    lines = (run / "events.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    scaler = next(row for row in reversed(rows) if row["kind"] == "autoscaler")
    pods = next(row for row in reversed(rows) if row["kind"] == "pods")
    tick = next(row for row in reversed(rows) if row["kind"] == "load_tick")
    began_s = tick["wall_s"] - tick["elapsed_s"]

    def row(at_s: float, like: dict[str, Any], **changes: Any) -> str:
        return json.dumps({**like, "wall_s": began_s + at_s, **changes})

    def asks(at_s: float, desired: int) -> str:
        return row(at_s, scaler, autoscaler={**scaler["autoscaler"], "cpu_percent": 3, "desired": desired})

    def left(at_s: float, count: int) -> str:
        apps = [item for item in pods["pods"] if item["role"] == "app"]
        return row(at_s, pods, pods=[item for item in pods["pods"] if item["role"] != "app"] + apps[:count])

    step = {"schema": SCHEMA, "monotonic_s": 0.0, "step": "descent", "title": ""}
    lines += [row(250, {**step, "kind": "step_started"}), asks(270, 4), asks(330, 3), left(331, 3), asks(390, 2), left(392, 2)]
    if not killed:
        lines.append(row(393, {**step, "kind": "step_finished"}, outcome="changed", elapsed_s=143.0))
    (run / "events.jsonl").write_text("\n".join(lines) + "\n")
    return run


@pytest.mark.parametrize("killed", [False, True])
def test_the_way_down_has_figures_of_its_own(tmp_path: Path, real: Recording, killed: bool) -> None:
    recording = read_recording(descended(tmp_path / "down", killed=killed))
    result = course_of(recording)
    assert result.down is not None
    assert result.down.low_at_s == pytest.approx(270, abs=0.1)
    assert [(item.before, item.after) for item in result.down.steps] == [(4, 3), (3, 2)]
    assert result.down.minimum_at_s == pytest.approx(392, abs=0.1)
    assert result.down.elasticity is not None
    assert result.down.elasticity.over_timeshare_percent == pytest.approx(100)
    # The figure of the load alone is what it is without the time after it.
    assert result.elasticity == course_of(real).elasticity
    assert course_of(real).down is None
    text = "\n".join(line.text for line in render.course_lines(result))
    assert "the minimum of 2: " in text
    assert "Elastic  under the load: " in text
    assert "Elastic  on the way down: too many 100% of " in text
    assert "last request" in svg(load_figure(recording))
    rows = list(csv.DictReader(io.StringIO(render.as_csv(recording))))
    assert rows[-1]["ready"] == ("3" if killed else "2")
    assert {row["requests"] for row in rows[-100:]} == {"0"}


def test_the_demand_that_is_not_known_is_said(real: Recording) -> None:
    result = course_of(replace(real, usage=series([])))
    assert (result.demand, result.elasticity) == (None, None)
    assert "no measurement" in result.no_demand
    with pytest.raises(ValueError, match="recorded no load"):
        course_of(replace(real, ticks=series([])))


def test_the_graph_fits_a_terminal_of_80_columns(real: Recording) -> None:
    shown = [*render.graph_lines(real, course_of(real)), *render.course_lines(course_of(real))]
    graph = [str(line.text) for line in shown if "requests/s" in line.text or line.text.strip().startswith(("ready", "desired"))]
    assert len(graph) >= 3
    ready = next(text for text in graph if text.strip().startswith("ready"))
    assert set(ready.split()[1]) == {"2", "3", "4"}
    assert len(ready) <= 80


def test_a_row_for_each_second(real: Recording) -> None:
    rows = list(csv.DictReader(io.StringIO(render.as_csv(real))))
    assert len(rows) == len(real.ticks)
    assert rows[-1]["ready"] == "4"
    assert sum(int(row["requests"]) for row in rows) == sum(tick.requests for tick in real.ticks.values)


def test_the_nodes_of_a_run_are_in_its_rows_and_its_course(tmp_path: Path, real: Recording) -> None:
    run = unpacked(tmp_path / "nodes")
    began_s, node = real.began_s, next(pod.node for pod in real.pods.values[0])
    rows = [
        {"node": name, "cpu_millicores": used, "allocatable_millicores": 2000, "sampled_at_s": began_s + at_s, "window_s": 60.0}
        for at_s, name, used in ((100, node, 1900), (100, "elsewhere", 2000))
    ]
    event = {"schema": SCHEMA, "wall_s": began_s + 105, "monotonic_s": 0.0, "kind": "node_usage", "nodes": rows, "problem": ""}
    with (run / "events.jsonl").open("a") as file:
        file.write(json.dumps(event) + "\n")
    recording = read_recording(run)
    written = list(csv.DictReader(io.StringIO(render.as_csv(recording))))
    # A node without a pod of the application is nobody's limit; before the first measurement nothing is known.
    assert (written[50]["node_cpu_percent"], written[-1]["node_cpu_percent"]) == ("", "95.0")
    (busy,) = course_of(recording).nodes
    assert (busy.node, busy.most_percent) == (node, 95.0)
    assert "busiest node" in svg(load_figure(recording))
    assert any(line.text.strip().startswith("node cpu") for line in render.graph_lines(recording, course_of(recording)))
    assert course_of(real).nodes == ()
    assert "busiest node" not in svg(load_figure(real))


def test_the_prediction_of_the_same_settings_comes(real: Recording) -> None:
    predicted = simulation(real).results[0]
    slo = parse_threshold("p95 < 300ms")
    found = compare(predicted, course_of(real, slo=slo), predicted_s=241, slo=slo, traffic=TRAFFIC, undo="")
    assert found.agree_share > 0.97
    assert found.near_share == 1.0
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("factor", "said"), [(1.0, ""), (1.15, ""), (0.5, "a request cost 100% more CPU"), (1.5, "a request cost 33% less CPU")]
)
def test_another_price_of_a_request_is_said_beside_a_prediction_that_rests_on_it(real: Recording, factor: float, said: str) -> None:
    course = course_of(real, slo=parse_threshold("p95 < 300ms"))
    assert course.demand is not None
    predicted, cost = simulation(real).results[0], factor * course.demand.cost_millicore_s
    found = compare(predicted, course, predicted_s=241, slo=parse_threshold("p95 < 300ms"), traffic=TRAFFIC, undo="", cost_millicore_s=cost)
    assert [doubt.startswith(said) for doubt in found.doubts] == [True] * bool(said)
    assert found.figures[-1].name == "CPU of a request"


def test_the_figure_has_every_part_and_escapes_what_it_is_given(real: Recording) -> None:
    drawn = svg(load_figure(real, title='<script>alert("x")</script>'))
    assert "<script>" not in drawn
    for words in ("requests/s", "reading", "target", "ready", "desired", "maximum", "2 → 3", "minutes since the load began"):
        assert words in drawn


def test_a_thinned_line_keeps_its_peaks() -> None:
    points = [(float(at), 1000.0 if at == 7777 else float(at % 7)) for at in range(40_000)]
    kept = thinned(points, 1200)
    assert len(kept) <= 1300
    assert max(value for _, value in kept) == 1000.0
    assert kept == sorted(kept)


@pytest.mark.parametrize(("most", "ticks"), [(5, [0, 2, 4, 6]), (0, [0, 1]), (230, [0, 100, 200, 300]), (0.3, [0, 0.1, 0.2, 0.3])])
def test_ticks_are_round_numbers(most: float, ticks: list[float]) -> None:
    assert nice_ticks(most) == pytest.approx(ticks)
