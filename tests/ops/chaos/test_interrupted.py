"""Ctrl-C at each step of a kill, and the story that its events tell."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from shelterctl.core.events import Event, Milestone, Notice, StepStarted, WritesSoFar
from shelterctl.core.verdict import Verdict
from shelterctl.errors import Interrupted
from shelterctl.ops.chaos.kill_db import kill_db
from tests.fakes import FolderInMemory
from tests.ops.chaos.runs import ports, request
from tests.ops.chaos.scene import Scene

pytestmark = pytest.mark.local


def interrupt_in(stage: Scene, folder: FolderInMemory, step: str) -> Interrupted:
    operation = kill_db(ports(stage, folder), request())
    event: Event = next(operation)
    while not (isinstance(event, StepStarted) and event.step == step):
        event = next(operation)
    next(operation)
    with pytest.raises(Interrupted) as caught:
        operation.throw(KeyboardInterrupt())
    return caught.value


@pytest.mark.parametrize(
    ("step", "killed", "words"),
    [
        ("guards", False, "interrupted: Checking what the fault would strike"),
        ("warm-up", False, "interrupted: no fault was injected"),
        ("recovery", True, "interrupted: the database was killed, and the cluster starts it again by itself"),
        ("settle", True, "interrupted: Waiting until nothing can be under way"),
        ("read-back", True, "interrupted: Reading every document back, by two ways"),
        ("proof", True, "interrupted: Looking for the proof of the kill"),
    ],
)
def test_an_interruption_stops_the_writers_and_says_what_was_done(
    stage: Scene, folder: FolderInMemory, step: str, killed: bool, words: str
) -> None:
    error = interrupt_in(stage, folder, step)
    assert (error.what, stage.killed, stage.closed) == (words, killed, 1)
    # Whatever it was at, it says whether the database was killed and where the writes are.
    said = f"{error.what}; {error.why}"
    if step != "guards":
        assert ("the database was killed, and the cluster starts it again by itself" in said) == killed
        assert ("no fault was injected" in said) == (not killed)
        assert "the writes so far are in runs/writes.jsonl" in said
    wrote = len(folder.journals.get("writes.jsonl", []))
    time.sleep(0.2)
    assert len(folder.journals.get("writes.jsonl", [])) == wrote


def test_an_interruption_while_the_kill_is_confirmed_breaks_nothing_off(stage: Scene, folder: FolderInMemory) -> None:
    """The fault is on record before it is sent, and once it is sent the account of it is made."""

    def interrupted_meanwhile() -> None:
        assert json.loads(folder.journals["fault.jsonl"][0])["kind"] == "intent"
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)

    stage.on_kill = interrupted_meanwhile
    events = []
    operation = kill_db(ports(stage, folder), request())
    while True:
        try:
            events.append(next(operation))
        except StopIteration as stop:
            result = stop.value
            break
    assert result.judgement.verdict is Verdict.PASS
    assert any(isinstance(event, Notice) and "the account is still made" in event.text for event in events)
    assert json.loads(folder.journals["fault.jsonl"][1]) == {"kind": "outcome", "killed": True, "process_gone": True}


def test_the_events_tell_the_story_in_order(stage: Scene, folder: FolderInMemory) -> None:
    operation = kill_db(ports(stage, folder), request())
    events = list(operation)
    assert [event.step for event in events if isinstance(event, StepStarted)] == [
        "guards",
        "warm-up",
        "recovery",
        "settle",
        "read-back",
        "proof",
    ]
    milestones = [event for event in events if isinstance(event, Milestone)]
    assert milestones[0] == Milestone("fault", 0.0, "sigkill")
    times = [event.at_s for event in milestones[1:]]
    assert times == sorted(times)
    (count,) = [event for event in events if isinstance(event, WritesSoFar)]
    assert count.attempts == count.acknowledged + count.rejected + count.indeterminate
