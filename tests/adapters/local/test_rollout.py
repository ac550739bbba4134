"""What a rolling update does next, whatever state its replicas are in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.adapters.local.supervisor import rollout
from shelterctl.adapters.local.supervisor.pods import KeptPod
from tests.adapters.local.examples import SPEC, pod

pytestmark = pytest.mark.unit


def step(*pods: KeptPod, wanted: int = 2, progress: rollout.Progress | None = None) -> tuple[int, list[str]]:
    found = rollout.next_step(pods, "new", wanted, SPEC, progress or rollout.Progress())
    return found.start, [each.name for each in found.end]


def test_the_first_ones_are_started_and_none_is_ended() -> None:
    assert step() == (2, [])
    assert step(pod("a", "new", ready=False), pod("b", "new", ready=False)) == (0, [])


def test_more_and_fewer_are_asked_for() -> None:
    two = (pod("a", "new", ready=True), pod("b", "new", ready=True))
    assert step(*two, wanted=4) == (2, [])
    three = (*two, pod("c", "new", ready=False))
    assert step(*three) == (0, ["c"])


def test_an_old_one_goes_for_each_new_one_that_is_available() -> None:
    old = (pod("a", "old", ready=True), pod("b", "old", ready=True))
    assert step(*old) == (2, [])
    assert step(*old, pod("c", "new", ready=False), pod("d", "new", ready=False)) == (0, [])
    assert len(step(*old, pod("c", "new", ready=True), pod("d", "new", ready=False))[1]) == 1
    assert sorted(step(*old, pod("c", "new", ready=True), pod("d", "new", ready=True))[1]) == ["a", "b"]


def test_one_that_ends_counts_for_nothing() -> None:
    assert step(pod("a", "new", ready=True), pod("b", "new", ready=True, deleting=True)) == (1, [])


PODS = st.lists(st.tuples(st.sampled_from(["old", "new"]), st.booleans(), st.booleans()), max_size=12)


@given(PODS, st.integers(1, 6))
def test_no_step_takes_more_than_can_be_spared(states: list[tuple[str, bool, bool]], wanted: int) -> None:
    pods = [pod(str(n), revision, ready=ready, deleting=deleting) for n, (revision, ready, deleting) in enumerate(states)]
    start, ended = step(*pods, wanted=wanted)
    there = [each for each in pods if not each.deleting]
    serving = [each for each in there if each.ready]
    left = [each for each in serving if each.name not in ended]
    # What serves is never fewer than are wanted, or than served before.
    assert len(left) >= min(wanted, len(serving))
    assert start >= 0
    assert len(there) + start <= max(len(there), wanted + SPEC.max_surge)
    assert not {each.name for each in pods if each.deleting} & set(ended)


def test_a_rollout_that_comes_no_farther_has_failed_and_one_that_does_has_not() -> None:
    progress = rollout.Progress(since_s=time.monotonic() - SPEC.progress_deadline_s - 1)
    stuck = (pod("a", "old", ready=True), pod("b", "new", ready=False))
    progress.done = 0
    step(*stuck, progress=progress)
    assert progress.failed_s is not None
    step(pod("a", "new", ready=True), pod("b", "new", ready=True), progress=progress)
    assert progress.failed_s is None
