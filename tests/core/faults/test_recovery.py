"""How long a recovery took, told from prepared writes and sightings of pods around a fault at 100 s."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome
from shelterctl.core.faults.recovery import PodsAt, RecoveryTimes, recovery_times
from shelterctl.core.state import Pod
from tests.core.stack_examples import DATABASE, container

pytestmark = pytest.mark.unit

REPORT = KillReport(KillMode.SIGKILL, 99.99, 100.0, 1e6, "minikube", 2079, True)
ACK, ERROR = ClientSaw.ACK, ClientSaw.INDETERMINATE
DOWN = replace(DATABASE, ready=False, containers=(container("terminated", "Error"),))
BACK = replace(DOWN, containers=(replace(DATABASE.containers[0], restarts=1, ready=False),))
READY = replace(BACK, ready=True)
NEW = replace(DATABASE, uid="22222222-bbbb", ready=False, containers=(container("waiting", "ContainerCreating"),))


def write(sent_s: float, ended_s: float, saw: ClientSaw) -> WriteOutcome:
    return WriteOutcome(f"run:p0:{sent_s}", "", sent_s, ended_s, saw, None)


def times(*writes: WriteOutcome, seen: tuple[PodsAt, ...] = ()) -> RecoveryTimes:
    found = recovery_times(writes, seen, REPORT, DATABASE, DATABASE.containers[0].name, 0.05)
    rounded = tuple((name, round(at_s, 3)) for name, at_s in found.milestones)
    first = None if found.first_ack_s is None else round(found.first_ack_s, 3)
    silence = None if found.silence_s is None else (round(found.silence_s[0], 3), round(found.silence_s[1], 3))
    return RecoveryTimes(rounded, first, silence, round(found.resolution_s, 3))


def test_an_outage_and_its_end() -> None:
    writes = (
        write(99.5, 99.6, ACK),
        write(99.95, 100.02, ERROR),
        write(100.05, 100.5, ERROR),
        write(100.1, 104.0, ERROR),
        write(104.05, 104.1, ACK),
        write(104.2, 104.3, ACK),
    )
    assert times(*writes) == RecoveryTimes(
        (("writes stop", 0.0), ("first error", 0.02), ("last error", 4.0), ("first acknowledged write", 4.1), ("writes resume", 4.1)),
        4.1,
        (0.0, 4.1),
        3.95,
    )


def test_a_write_sent_before_the_fault_is_no_sign_of_recovery() -> None:
    assert times(write(99.9, 103.0, ACK)) == RecoveryTimes((), None, None, 0.05)


def test_the_outage_is_the_longest_silence_even_where_the_pod_served_on_for_a_moment() -> None:
    """A pod that is being deleted serves on until it gets its signal: its first acknowledged write is no recovery."""
    writes = (
        write(99.5, 99.6, ACK),
        write(100.01, 100.05, ACK),
        write(102.0, 102.1, ACK),
        write(102.15, 103.0, ERROR),
        write(103.1, 106.0, ERROR),
        write(106.1, 106.2, ACK),
    )
    found = times(*writes)
    assert (found.first_ack_s, found.silence_s) == (0.05, (2.1, 6.2))
    # An acknowledgement from before the outage is no recovery, and is not called one.
    assert ("still acknowledged", 0.05) in found.milestones
    assert not any(name == "first acknowledged write" for name, _ in found.milestones)
    assert found.resolution_s == 3.0


def test_a_stall_after_the_recovery_does_not_take_the_recovery_away() -> None:
    writes = (write(99.5, 99.6, ACK), write(100.0, 100.1, ERROR), write(100.7, 100.8, ACK), write(103.0, 103.1, ACK))
    assert ("first acknowledged write", 0.8) in times(*writes).milestones


def test_without_an_error_the_first_write_after_the_fault_counts() -> None:
    assert times(write(100.01, 100.05, ACK)) == RecoveryTimes((("first acknowledged write", 0.05),), 0.05, None, 0.05)


def test_an_error_before_the_fault_is_none_of_its_own() -> None:
    assert times(write(99.0, 99.5, ERROR), write(100.01, 100.05, ACK)).milestones == (("first acknowledged write", 0.05),)


def test_an_error_between_sending_and_confirming_the_fault_counts_from_zero() -> None:
    assert times(write(99.9, 99.995, ERROR)).milestones == (("first error", 0.0), ("last error", 0.0))


def seen(*moments: tuple[float, tuple[Pod, ...]]) -> tuple[PodsAt, ...]:
    return tuple(PodsAt(at_s, pods) for at_s, pods in moments)


def test_a_process_killed_in_place() -> None:
    moments = seen((99.0, (DATABASE,)), (100.4, (DOWN,)), (101.1, (BACK,)), (104.2, (READY,)), (105.0, (READY,)))
    assert times(seen=moments).milestones == (("pod not ready", 0.4), ("process back", 1.1), ("pod ready", 4.2))


def test_what_is_heard_after_a_silence_may_be_older() -> None:
    moments = seen((99.0, (DATABASE,)), (100.4, (DOWN,)), (120.7, (BACK,)), (130.0, (READY,)))
    found = recovery_times((), moments, REPORT, DATABASE, DATABASE.containers[0].name, 0.05, ((101.0, 120.5),))
    assert [name for name, _ in found.milestones] == ["pod not ready", "process back at the latest", "pod ready"]


def test_a_pod_that_was_replaced() -> None:
    running = replace(NEW, containers=(replace(DATABASE.containers[0], ready=False),))
    moments = seen(
        (100.5, ()),
        (101.0, (replace(NEW, scheduled=False),)),
        (101.2, (NEW,)),
        (103.0, (running,)),
        (105.0, (replace(running, ready=True),)),
    )
    assert times(seen=moments).milestones == (("pod gone", 0.5), ("new pod scheduled", 1.2), ("process back", 3.0), ("pod ready", 5.0))


def test_the_resolution_is_the_widest_gap_between_two_writes_until_the_recovery() -> None:
    writes = [write(100 + 0.05 * n, 100.01 + 0.05 * n, ERROR) for n in range(1, 20)]
    before, late = write(99.9, 99.95, ACK), write(101.5, 101.6, ACK)
    # What is sent after the recovery has no part in it, however late it comes.
    assert times(before, *writes, late, write(102.5, 102.6, ACK)).resolution_s == 0.55
