"""The newest load of a place, as far as it says something of the stack that stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.runs.loads import last_load
from shelterctl.adapters.runs.store import RunFolderOnDisk
from shelterctl.core.events import AutoscalerSeen, PodsSeen, TargetChosen
from shelterctl.core.load.plan import Expectations
from shelterctl.core.load.result import LoadResult, conclude
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import GeneratorEnd
from tests.core.autoscaling.examples import pod, scaler
from tests.core.load.examples import BEGAN, PLAN, autoscaler, observed, sample, under_load
from tests.core.stack_examples import NOW

pytestmark = pytest.mark.unit


def load(percent: int, *, failures: int = 0, before_percent: int = 3) -> LoadResult:
    """200 users for 100 s; the autoscaler reads `before_percent` of what was before, and `percent` of the load."""
    tally = LoadTally(PLAN)
    for second in range(1, 101):
        tally.add(sample(float(second), failures=failures))
    seen = under_load(observed(cpu_percent=before_percent))
    seen.autoscaler(BEGAN + 50, autoscaler(2, percent))
    generator = tally.generator(GeneratorEnd.FINISHED, ())
    return conclude(PLAN, Expectations(), tally, generator, seen, ended_wall_s=BEGAN + 100, interrupted=False)


def kept(state: Path, result: LoadResult, *, namespace: str = "shelter") -> str:
    folder = RunFolderOnDisk(state, "loadtest")
    folder.record(TargetChosen("minikube", namespace, None))
    folder.record(PodsSeen((pod(0),)))
    folder.record(AutoscalerSeen(scaler(3)))
    folder.finish("loadtest", 0, result)
    folder.close()
    return folder.run_id


def test_what_the_load_read_and_whose_it_was(tmp_path: Path) -> None:
    run = kept(tmp_path, load(26))
    found = last_load(tmp_path, "minikube", "shelter", NOW)
    assert found is not None
    assert (found.run, found.peak_percent, found.target_percent) == (run, 26, 70)
    assert (found.scaler_created_at_s, found.requests_millicores) == (NOW - 7200, (100,))
    assert last_load(tmp_path, "minikube", "other", NOW) is None
    assert last_load(tmp_path, "kind", "shelter", NOW) is None


def test_a_reading_of_before_is_none_of_the_load(tmp_path: Path) -> None:
    kept(tmp_path, load(26, before_percent=180))
    found = last_load(tmp_path, "minikube", "shelter", NOW)
    assert found is not None
    assert found.peak_percent == 26


def test_a_load_that_mostly_failed_measures_nothing(tmp_path: Path) -> None:
    kept(tmp_path, load(4, failures=9))
    assert last_load(tmp_path, "minikube", "shelter", NOW) is None


def test_a_run_of_an_earlier_release_tells_no_autoscaler_apart(tmp_path: Path) -> None:
    run = kept(tmp_path, load(26))
    events = tmp_path / "runs" / run / "events.jsonl"
    rows: list[dict[str, Any]] = [json.loads(line) for line in events.read_text().splitlines()]
    for row in rows:
        row.get("autoscaler", {}).pop("created_at_s", None)
    events.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = last_load(tmp_path, "minikube", "shelter", NOW)
    assert found is not None
    assert found.scaler_created_at_s is None
