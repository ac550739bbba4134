"""What `hpa recommend` tells, before and after its settings were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.cli.render.autoscaling import hpa as render
from shelterctl.ops.hpa.simulate import Recommendation, recommendation
from tests.core.autoscaling.examples import unpacked

pytestmark = pytest.mark.unit


@pytest.fixture
def recommended(tmp_path: Path) -> Recommendation:
    found = recommendation(read_recording(unpacked(tmp_path)), "p95 < 300ms")
    assert found.found.chosen.setting != found.found.as_it_is.setting
    return found


def test_what_is_recommended_is_the_next_command(recommended: Recommendation) -> None:
    setting = recommended.found.chosen.setting
    *_, last = (line.text for line in render.recommend_lines(recommended))
    assert last == f"  Next: shelterctl up --min {setting.minimum} --max {setting.maximum} --cpu-target {setting.target_percent}"


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
