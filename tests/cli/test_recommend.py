"""What `hpa recommend` tells, before and after its settings were written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.cli.render.autoscaling import hpa as render
from shelterctl.core.autoscaling.simulate import with_down_window
from shelterctl.ops.hpa.simulate import Recommendation, recommendation, simulation
from tests.core.autoscaling.examples import unpacked

pytestmark = pytest.mark.unit


@pytest.fixture
def recommended(tmp_path: Path) -> Recommendation:
    found = recommendation(read_recording(unpacked(tmp_path)), "p95 < 300ms")
    assert found.found.chosen.setting != found.found.as_it_is.setting
    return found


@pytest.fixture
def windowed(recommended: Recommendation) -> Recommendation:
    """The same, with a shorter window for scaling down."""
    found = recommended.found
    return replace(recommended, found=replace(found, best=replace(found.chosen, setting=with_down_window(found.chosen.setting, 60))))


def test_what_is_recommended_is_the_next_command(recommended: Recommendation) -> None:
    setting = recommended.found.chosen.setting
    *_, last = (line.text for line in render.recommend_lines(recommended))
    assert last == f"  Next: shelterctl up --min {setting.minimum} --max {setting.maximum} --cpu-target {setting.target_percent}"


def test_the_next_command_sets_the_window_too_where_it_is_another(windowed: Recommendation) -> None:
    """`up` has no option for it: without it the settings would not be those that were simulated."""
    *_, last = (line.text for line in render.recommend_lines(windowed))
    assert last == f"  Next: shelterctl hpa recommend {windowed.run} --slo 'p95 < 300ms' --apply"
    texts = [line.text for line in render.applied_lines(render.Applied(windowed, "kubectl patch hpa app"))]
    assert texts[-2:] == [
        "  `up` has no option for the down window (1 min here): only the manifests keep it "
        "(behavior.scaleDown.stabilizationWindowSeconds: 60).",
        "  Undo: kubectl patch hpa app",
    ]


def test_what_was_written_is_no_next_command_and_what_keeps_it_is_told(recommended: Recommendation) -> None:
    setting = recommended.found.chosen.setting
    texts = [line.text for line in render.applied_lines(render.Applied(recommended, "kubectl patch hpa app"))]
    assert [text for text in texts if "Next:" in text] == []
    assert texts[-4:] == [
        "  Written, as if by hand.",
        "  The next `up` goes by the manifests again: on this machine at once, on a cluster only with --force-conflicts.",
        "  To keep them, write them into the manifests, or say them at each `up`: "
        f"--min {setting.minimum} --max {setting.maximum} --cpu-target {setting.target_percent}",
        "  Undo: kubectl patch hpa app",
    ]


def test_where_the_settings_are_these_nothing_was_written(recommended: Recommendation) -> None:
    assert [line.text for line in render.applied_lines(render.Applied(recommended, ""))][-1].startswith("  Nothing was written")


def test_one_asked_setting_is_shown_over_time_beside_the_runs_own(tmp_path: Path) -> None:
    result = simulation(read_recording(unpacked(tmp_path)), targets=(30,), slo="p95 < 300ms")
    own, asked = result.results
    assert asked.most > own.most
    texts = [line.text for line in render.simulate_lines(result)]

    def graph(word: str) -> str:
        (line,) = [text for text in texts if text.startswith(f"  {word:<14}") and set(text[16:]) <= set("0123456789")]
        return line[16:]

    assert graph("demand") == "2" * 60
    # The load is 241 s: a column is 4 s of it, and each shows what was ready at its end.
    for word, item in (("as it is", own), ("target 30%", asked)):
        drawn = graph(word)
        assert (len(drawn), drawn[0], drawn[-1]) == (60, "2", str(item.ready[-1].replicas))
        first = item.ready[1].at_s
        assert abs(next(at for at, digit in enumerate(drawn) if digit != "2") * 241 / 60 - first) <= 5
    for item in (own, asked):
        figures = item.elasticity
        told = f"too few {figures.under_timeshare_percent:.0f}% of the time (by {figures.under_accuracy_percent:.0f}%)"
        assert [text for text in texts if told in text and f"too many {figures.over_timeshare_percent:.0f}%" in text]


def test_of_a_grid_only_the_table_is_shown(tmp_path: Path) -> None:
    texts = [line.text for line in render.simulate_lines(simulation(read_recording(unpacked(tmp_path)), targets=(30, 50)))]
    assert not [text for text in texts if "too few" in text]


def test_what_was_asked_for_is_what_there_is(tmp_path: Path) -> None:
    texts = [line.text for line in render.simulate_lines(simulation(read_recording(unpacked(tmp_path))))]
    assert len([text for text in texts if "too few" in text]) == 1
