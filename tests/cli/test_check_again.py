"""`hpa recommend --check`: the run's load again, and only one that is like it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.adapters.runs.store import RunFolderOnDisk
from shelterctl.cli import checking
from shelterctl.cli.render import loadtest as render_load
from shelterctl.cli.render.autoscaling import hpa as render
from shelterctl.core.autoscaling.check import compare
from shelterctl.core.autoscaling.course import course_of
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.result import LoadResult, conclude
from shelterctl.core.load.shape import Stage, cut
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.state import Place
from shelterctl.core.verdict import Judgement, Reason, Verdict
from shelterctl.errors import Refused, UsageError
from shelterctl.ops.hpa.simulate import Recommendation, objective_of, recommendation
from tests.core.autoscaling.examples import pod, scaler, state, unpacked
from tests.core.load.examples import BEGAN, TRAFFIC, sample

pytestmark = pytest.mark.unit

SLO = "p99 < 10s"


def plan(**changes: Any) -> LoadPlan:
    return replace(LoadPlan("http://old:30300", users=120, spawn_rate=20, duration_s=240, locustfile=__file__), **changes)


def loaded(asked: LoadPlan, seconds: int) -> LoadResult:
    tally = LoadTally(asked)
    for second in range(1, seconds + 1):
        tally.add(sample(float(second)))
    generator = tally.generator(GeneratorEnd.FINISHED, ())
    return conclude(asked, Expectations(), tally, generator, None, ended_wall_s=BEGAN + seconds, interrupted=False)


def kept(folder: Path, asked: LoadPlan, seconds: int = 240) -> Path:
    run = RunFolderOnDisk(folder, "loadtest")
    run.finish("loadtest", 0, loaded(asked, seconds))
    run.close()
    return run.path


def test_a_whole_load_is_run_again_as_it_was(tmp_path: Path) -> None:
    assert checking.repeatable(kept(tmp_path, plan()), 240) == (plan(), "")
    # It ended when its requests were sent: so will the next.
    sent = plan(requests=100, duration_s=3600.0)
    assert checking.repeatable(kept(tmp_path, sent), 240) == (sent, "")


def test_a_load_that_ended_early_is_run_again_for_as_long(tmp_path: Path) -> None:
    again, why = checking.repeatable(kept(tmp_path, plan(duration_s=600.0), 143), 143)
    assert (again.duration_s, again.users) == (143.0, 120)
    assert "ended after 143 s of 600 s: the load was run again for as long" in why
    stages = (Stage(60, 100), Stage(120, 100), Stage(60, 300))
    again, _ = checking.repeatable(kept(tmp_path, plan(stages=stages, users=300, duration_s=240.0), 200), 200)
    assert again.stages == (Stage(60, 100), Stage(120, 100), Stage(20, 167))
    assert (again.duration_s, again.users) == (200.0, 167)
    with pytest.raises(Refused, match="ended after 5 s of 600 s, and a load as short cannot be run again"):
        checking.repeatable(kept(tmp_path, plan(duration_s=600.0), 5), 5)


def test_stages_until_a_time() -> None:
    stages = (Stage(0, 50), Stage(30, 50), Stage(30, 0))
    assert cut(stages, 30) == stages[:2]
    assert cut(stages, 45) == (*stages[:2], Stage(15, 25))
    assert cut(stages, 100) == stages


def test_a_load_from_inside_the_cluster_is_not_run_from_outside(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="ran inside the cluster") as told:
        checking.repeatable(kept(tmp_path, plan(asked=("--in-cluster",), processes=4)), 240)
    assert "loadtest --in-cluster" in told.value.next_command


def test_a_load_that_cannot_be_run_again_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not there any more"):
        checking.repeatable(kept(tmp_path, plan(locustfile=str(tmp_path / "gone.py"))), 240)
    with pytest.raises(UsageError, match="has no load that could run again"):
        checking.repeatable(tmp_path, 240)


class Stack:
    """A target whose pods become ready one by one, at each look."""

    def __init__(self, *ready: int) -> None:
        self.ready = list(ready)

    def state(self, *, with_usage: bool) -> Any:
        count = self.ready.pop(0) if len(self.ready) > 1 else self.ready[0]
        pods = tuple(pod(number) for number in range(count))
        found = state(scaler(5), pods=pods)
        return replace(found, workloads=(replace(found.workloads[0], ready=count),))


class Clock:
    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Session:
    """What `checked` asks of a session. The load itself is not run: `came` is what it recorded, `result` what it gave."""

    def __init__(self, target: Stack, came: Path, result: Any) -> None:
        self.wiring = SimpleNamespace(
            owners=False, target=target, clock=Clock(), generator=lambda: None, processor=lambda: None, place=Place("minikube", "shelter")
        )
        self.settings, self.came, self.result = SimpleNamespace(timeout_s=60.0), came, result
        self.said, self.ran, self.kept = list[str](), list[LoadPlan](), list[int]()
        self.terminal = SimpleNamespace(say=lambda lines: self.said.extend(line.text for line in lines))
        self.folder: Any = None

    def open_folder(self, command: str) -> Any:
        self.folder = SimpleNamespace(run_id="again", path=self.came)
        return self.folder

    def tell_place(self, folder: Any) -> None: ...

    def others(self) -> Any:
        return lambda: ""

    def lock(self, *_: str) -> Any:
        return nullcontext()

    def drive(self, operation: Any, display: Any) -> Any:
        self.ran.append(operation.gi_frame.f_locals["plan"])
        return self.result

    def keep_result(self, folder: Any, command: str, code: int, result: Any, lines: Any) -> None:
        self.kept.append(code)


@pytest.fixture
def result(tmp_path: Path) -> Recommendation:
    return recommendation(read_recording(unpacked(tmp_path)), SLO)


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "service_url", lambda _: "http://new:30300")
    monkeypatch.setattr(render_load, "LoadDisplay", lambda *_, **__: nullcontext())
    monkeypatch.setattr(render_load, "lines", lambda *_: iter(()))


def outcome(verdict: Verdict = Verdict.PASS, *reasons: Reason) -> Any:
    return SimpleNamespace(interrupted=False, judgement=Judgement(verdict, reasons), traffic=TRAFFIC)


@pytest.mark.usefixtures("address")
def test_the_prediction_is_held_against_what_came(result: Recommendation, tmp_path: Path) -> None:
    session: Any = Session(Stack(1, 2), unpacked(tmp_path / "came"), outcome())
    found = checking.checked(session, result, (plan(), ""), "the way back")
    # It waited until as many pods were ready as the prediction begins with, and asked the service where it is now.
    assert session.said == ["  … Waiting for 2 ready pods, with which the prediction begins: 1 are ready"]
    (ran,) = session.ran
    assert (ran.host, ran.run, ran.users) == ("http://new:30300", "again", 120)
    assert (session.kept, session.folder) == ([0], None)
    assert (found.objective, found.percent, found.measured_ms) == (SLO, 99.0, TRAFFIC.p99_ms)
    assert (found.undo, found.doubts) == ("the way back", ())
    assert found.compared_s > 200
    assert any(f"p99 {TRAFFIC.p99_ms:.0f} ms over the whole load" in line.text for line in render.checked_lines(found))


@pytest.mark.usefixtures("address")
def test_what_speaks_against_the_comparison_is_said(result: Recommendation, tmp_path: Path) -> None:
    failed = outcome(Verdict.FAIL, Reason("12% of the requests failed"))
    session: Any = Session(Stack(1), unpacked(tmp_path / "came"), failed)
    found = checking.checked(session, result, (plan(duration_s=143.0), "it ended early"), "")
    assert found.doubts == (
        "it ended early",
        "the prediction begins with 2 ready pods, and the load with 1",
        "the load was no pass: 12% of the requests failed",
    )
    assert session.kept != [0]


def test_only_the_seconds_that_both_have_are_compared(result: Recommendation, tmp_path: Path) -> None:
    course = course_of(read_recording(unpacked(tmp_path)))
    slo = objective_of(SLO)
    whole = compare(result.found.chosen, course, predicted_s=241, slo=slo, traffic=TRAFFIC, undo="")
    short = compare(result.found.chosen, course, predicted_s=100, slo=slo, traffic=TRAFFIC, undo="")
    longer = compare(result.found.chosen, course, predicted_s=600, slo=slo, traffic=TRAFFIC, undo="")
    assert (short.compared_s, whole.compared_s) == (100, 240)
    # Of what came after the prediction's end nothing counts: the fourth pod came at 180 s.
    assert {figure.name: figure.came for figure in short.figures}["pods ready at most"] == 3
    assert {figure.name: figure.came for figure in whole.figures}["pods ready at most"] == 4
    assert short.doubts == whole.doubts == ()
    assert "ended after 240 s of the 600 s that are predicted" in longer.doubts[0]
    assert longer.compared_s == 240


def test_a_load_whose_headers_are_not_kept_is_not_run_again(tmp_path: Path) -> None:
    folder = kept(tmp_path, plan(variables={"STACK_EXCHANGE": '{"headers": {"Authorization": "Bearer t7"}}'}), 240)
    assert not any("Bearer t7" in path.read_text() for path in folder.iterdir() if path.is_file())
    with pytest.raises(Refused, match="had headers whose values are not kept"):
        checking.repeatable(folder, 240)
