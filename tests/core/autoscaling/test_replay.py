"""Recorded runs through the model: real ones, and ones that were changed so that the difference must be named."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.cli.render.autoscaling import hpa as render
from shelterctl.core.autoscaling.memory import remembered
from shelterctl.core.autoscaling.recording import Recording, series
from shelterctl.core.autoscaling.replay import pass_times, replay
from shelterctl.core.controller import stabilizer
from shelterctl.core.hpa.algorithm import ReplicaProposal, desired_from_utilization
from shelterctl.core.hpa.stabilization import History, Recommendation
from shelterctl.core.hpa.sync import sync
from shelterctl.core.state import Autoscaler
from shelterctl.errors import UsageError
from tests.core.autoscaling.examples import unpacked

pytestmark = pytest.mark.unit


@pytest.fixture
def real(tmp_path: Path) -> Recording:
    return read_recording(unpacked(tmp_path))


def with_scalers(recording: Recording, change: object) -> Recording:
    """The recording with each status of the autoscaler changed."""
    assert callable(change)
    times = recording.scalers.times_s
    return replace(
        recording, scalers=series([(at_s, change(at_s, value)) for at_s, value in zip(times, recording.scalers.values, strict=True)])
    )


def test_every_pass_of_a_real_run_is_the_models(real: Recording) -> None:
    result = replay(real)
    assert [(item.before, item.after, item.read_percent) for item in result.decisions] == [(2, 3, 84), (3, 4, 82)]
    assert all(item.agrees for item in result.passes)
    assert result.readings == result.readings_agree >= 14
    # The third pod was measured from before it was ready: it held the scale-up back, as the controller has it.
    (held,) = [item for item in result.passes if item.read_percent == 91][:1]
    assert "points the other way: hold" in held.why


@pytest.mark.parametrize(
    ("name", "decisions", "same"),
    [
        # A policy of one pod a minute, up and down again: the first rests on what the controller remembered, the last is at a period's end.
        ("one-pod-a-minute", ["5 → 4", "4 → 3", "3 → 4", "4 → 5", "5 → 4", "4 → 3", "3 → 2"], 5),
        # metrics-server was off for a minute in the middle: no reading, no decision.
        ("metrics-off", ["2 → 3", "3 → 4"], 2),
    ],
)
def test_every_decision_is_the_models_or_says_why_not(name: str, decisions: list[str], same: int, tmp_path: Path) -> None:
    result = replay(read_recording(unpacked(tmp_path, name)))
    assert [f"{item.before} → {item.after}" for item in result.decisions] == decisions
    assert sum(item.agrees for item in result.decisions) == same
    assert result.unexplained == ()
    assert result.readings == result.readings_agree
    held = [item for item in result.passes if not item.decided]
    assert all(item.agrees for item in held)
    if name == "metrics-off":
        assert any(item.read_percent is None for item in held)


def test_the_passes_follow_the_phase_of_the_status(real: Recording) -> None:
    times = [*pass_times(real, 15.0)]
    assert all(abs((later - earlier) - 15.0) < 1.0 for earlier, later in pairwise(times))


def test_replicas_that_somebody_else_set(real: Recording) -> None:
    def scaled_by_hand(at_s: float, value: Autoscaler | None) -> Autoscaler | None:
        assert value is not None
        return replace(value, desired=5, current=5) if at_s > real.began_s + 185 else value

    (odd, *_) = [item for item in replay(with_scalers(real, scaled_by_hand)).passes if not item.agrees]
    assert "set by somebody else" in odd.differs


def test_a_reading_from_measurements_that_were_not_seen(real: Recording) -> None:
    def other(at_s: float, value: Autoscaler | None) -> Autoscaler | None:
        assert value is not None
        if value.cpu_percent == 84:
            return replace(value, cpu_percent=150, desired=5, last_scale_at_s=at_s)
        return value

    (odd, *_) = [item for item in replay(with_scalers(real, other)).passes if not item.agrees]
    assert "the controller read 150% from measurements that were not seen here, and those seen here give" in odd.differs
    assert odd.differs.endswith("from its own reading the model decides the same")


def test_settings_that_changed_in_the_run(real: Recording) -> None:
    def edited(at_s: float, value: Autoscaler | None) -> Autoscaler | None:
        assert value is not None
        return replace(value, maximum=2, desired=2, last_scale_at_s=None) if at_s > real.began_s + 110 else value

    result = replay(with_scalers(real, edited))
    assert all(item.agrees or item.differs for item in result.passes)


def decided(recording: Recording, seconds: float, replicas: int, *, reading: int | None = None) -> Recording:
    """The controller asks for `replicas` from a time of the load on, and says that it scaled then."""
    from_s = recording.began_s + seconds

    def change(at_s: float, value: Autoscaler | None) -> Autoscaler | None:
        assert value is not None
        if at_s < from_s:
            return value
        return replace(value, desired=replicas, cpu_percent=value.cpu_percent if reading is None else reading, last_scale_at_s=from_s)

    return with_scalers(recording, change)


def test_no_memory_explains_a_scale_up_that_the_reading_does_not(real: Recording) -> None:
    """2 → 4 at a reading of 84%, of which the model makes 3: what is remembered holds pods back, and brings none."""
    invented = replay(decided(real, 50.0, 4))
    (odd, *_) = invented.decisions
    assert (odd.before, odd.after, odd.model_after, odd.read_percent) == (2, 4, 3, 84)
    assert odd in invented.unexplained


def test_a_scale_down_that_a_remembered_recommendation_holds_is_explained(tmp_path: Path) -> None:
    """At the first pass the model of one that remembers nothing takes a pod away, the controller none: it knows of a higher one."""
    recorded = read_recording(unpacked(tmp_path, "one-pod-a-minute"))
    first_s = recorded.scalers.times_s[0]
    made = proposal_of(18)
    rules = stabilizer(recorded_scaler(recorded))
    empty = History((Recommendation(2, first_s + 5),))
    assert sync(rules, empty, 5, [made], first_s + 20).replicas == 4
    assert "remembered a higher" in remembered(rules, empty, 5, 5, made, at_s=first_s + 20, first_s=first_s, first=5)
    # Beyond its window of 60 s it has forgotten that.
    assert remembered(rules, empty, 5, 5, made, at_s=first_s + 70, first_s=first_s, first=5) == ""


def test_policies_explain_a_smaller_step_and_a_larger_one_as_long_as_they_last(tmp_path: Path) -> None:
    """One pod a minute: one that came just before puts the next off; one that went lets two come."""
    rules = stabilizer(recorded_scaler(read_recording(unpacked(tmp_path, "one-pod-a-minute"))))
    made, empty = proposal_of(200), History((Recommendation(3, 5.0),))
    assert sync(rules, empty, 3, [made], 20.0).replicas == 4
    for after, told in ((3, "by which its policies"), (5, "by which its policies"), (2, "")):
        assert told in remembered(rules, empty, 3, after, made, at_s=20.0, first_s=0.0, first=3)
        assert bool(told) == bool(remembered(rules, empty, 3, after, made, at_s=20.0, first_s=0.0, first=3))
        assert remembered(rules, empty, 3, after, made, at_s=70.0, first_s=0.0, first=3) == ""


def test_no_more_pods_came_before_the_recording_than_there_were(real: Recording) -> None:
    """Two pods or twice as many a minute, and two there are: one can have come, and leaves room for another. Two from none cannot."""
    rules = stabilizer(recorded_scaler(real))
    made = ReplicaProposal(3, 84)
    held = remembered(rules, History((Recommendation(2, 5.0),)), 2, 2, made, at_s=20.0, first_s=0.0, first=2)
    assert held == ""


def recorded_scaler(recording: Recording) -> Autoscaler:
    found = recording.scalers.values[0]
    assert found is not None
    return found


def proposal_of(percent: int) -> ReplicaProposal:
    """What five pods at a reading ask for, with a target of 70%."""
    return ReplicaProposal(desired_from_utilization(5, percent, 70), percent)


def test_an_autoscaler_that_never_moved_compares_nothing(real: Recording) -> None:
    still = replace(real, scalers=series([(real.scalers.times_s[0], real.scalers.values[0])]))
    result = replay(still)
    assert (result.passes, result.decisions) == ((), ())
    first, *rest = render.replay_lines(result, every=False)
    assert "nothing was decided, so nothing was compared" in first.text
    assert first.style == "plain"
    assert "the model's" not in first.text
    assert any("when the controller looked is not known" in line.text for line in rest)


@pytest.mark.parametrize(("emptied", "why"), [("scalers", "no autoscaler"), ("usage", "no measurement")])
def test_nothing_to_replay(real: Recording, emptied: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replay(replace(real, **{emptied: series([])}))  # type: ignore[arg-type]


def test_a_recording_that_was_cut_off_and_one_of_another_version(tmp_path: Path) -> None:
    folder = unpacked(tmp_path)
    whole = (folder / "events.jsonl").read_bytes()
    (folder / "events.jsonl").write_bytes(whole[: len(whole) // 2])
    half = read_recording(folder)
    assert half.damaged == 1
    assert replay(half).decisions
    (folder / "events.jsonl").write_bytes(whole.replace(b"shelterctl/1", b"shelterctl/9"))
    with pytest.raises(UsageError, match="not one line of") as told:
        read_recording(folder)
    assert "schema shelterctl/9" in told.value.why
    (folder / "events.jsonl").unlink()
    with pytest.raises(UsageError, match=r"has no events\.jsonl"):
        read_recording(folder)
