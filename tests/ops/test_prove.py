"""The order of a proof, what an error means for a claim, and the load under a fault."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shelterctl.core.claims import Claim, Evidence
from shelterctl.core.events import Event, Notice, PartStarted
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.verdict import Verdict
from shelterctl.errors import (
    ApiRejected,
    ApiUnreachable,
    BuildFailed,
    CapabilityMissing,
    DockerUnavailable,
    FaultFailed,
    Interrupted,
    NotDeployed,
    RolloutFailed,
    ShelterError,
    WaitTimeout,
)
from shelterctl.ops.prove import Part, Proof, of_error, prove, under_load
from tests.core.load.examples import PLAN, sample
from tests.fakes import SteppedClock

pytestmark = pytest.mark.unit


def proved(*parts: tuple[Claim, Evidence | BaseException]) -> tuple[Proof, list[Event]]:
    def part(claim: Claim, outcome: Evidence | BaseException) -> Part:
        def work() -> Generator[Event, None, Evidence]:
            yield Notice("at work")
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        return Part(claim, claim.words, work)

    operation = prove([part(*each) for each in parts], (), SteppedClock(0.0), context="c", namespace="n")
    events: list[Event] = []
    while True:
        try:
            events.append(next(operation))
        except StopIteration as stop:
            return stop.value, events


def passed(claim: Claim) -> tuple[Claim, Evidence]:
    return claim, Evidence(claim, Verdict.PASS, "well")


def test_each_claim_is_looked_at_in_order() -> None:
    proof, events = proved(*(passed(claim) for claim in Claim))
    assert [event.part for event in events if isinstance(event, PartStarted)] == ["deploy", "scale", "data", "names"]
    assert proof.judgement.verdict is Verdict.PASS


def test_what_does_not_deploy_is_not_looked_at_further() -> None:
    proof, events = proved((Claim.DEPLOYS, RolloutFailed("app crashes", next_command="shelterctl logs app")), passed(Claim.SCALES))
    assert [claim.verdict for claim in proof.claims] == [Verdict.FAIL, Verdict.UNKNOWN]
    assert proof.claims[1].text == "nothing was deployed to look at"
    assert len([event for event in events if isinstance(event, PartStarted)]) == 1


def test_an_error_in_one_part_leaves_the_others_to_be_looked_at() -> None:
    proof, _ = proved(passed(Claim.DEPLOYS), (Claim.SCALES, ApiUnreachable("no answer")), passed(Claim.KEEPS_DATA))
    assert [claim.verdict for claim in proof.claims] == [Verdict.PASS, Verdict.UNKNOWN, Verdict.PASS]


@pytest.mark.parametrize("how", [KeyboardInterrupt(), Interrupted("interrupted", why="the journal is there")])
def test_after_an_interruption_nothing_more_is_begun(how: BaseException) -> None:
    proof, events = proved(passed(Claim.DEPLOYS), (Claim.SCALES, how), passed(Claim.KEEPS_DATA))
    assert proof.interrupted
    assert [claim.verdict for claim in proof.claims] == [Verdict.PASS, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert len([event for event in events if isinstance(event, PartStarted)]) == 2


def test_a_part_that_was_broken_off_and_told_what_it_saw_ends_the_proof_too() -> None:
    broken = Evidence(Claim.SCALES, Verdict.UNKNOWN, "so far", interrupted=True)
    proof, _ = proved(passed(Claim.DEPLOYS), (Claim.SCALES, broken), passed(Claim.KEEPS_DATA))
    assert proof.interrupted
    assert proof.claims[2].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("claim", "error", "verdict"),
    [
        (Claim.DEPLOYS, RolloutFailed("crashes"), Verdict.FAIL),
        (Claim.DEPLOYS, BuildFailed("no such module"), Verdict.FAIL),
        (Claim.DEPLOYS, ApiRejected("invalid", status=422), Verdict.FAIL),
        (Claim.DEPLOYS, ApiRejected("forbidden", status=403), Verdict.UNKNOWN),
        (Claim.DEPLOYS, DockerUnavailable("no answer"), Verdict.UNKNOWN),
        (Claim.DEPLOYS, ApiUnreachable("no answer"), Verdict.UNKNOWN),
        (Claim.DEPLOYS, WaitTimeout("not yet"), Verdict.UNKNOWN),
        (Claim.KEEPS_DATA, FaultFailed("nothing was killed"), Verdict.UNKNOWN),
        (Claim.SCALES, NotDeployed("no pod"), Verdict.UNKNOWN),
        (Claim.RESOLVES_NAMES, CapabilityMissing("names exist on a cluster only"), None),
    ],
)
def test_what_an_error_says_of_a_claim(claim: Claim, error: ShelterError, verdict: Verdict | None) -> None:
    assert of_error(claim, error).verdict is verdict


@dataclass
class Swarm:
    """A generator that has all of its users at once, and sends ten requests between two looks."""

    users: int = 200
    stopped: int = 0
    plans: list[LoadPlan] = field(default_factory=list)

    def start(self, plan: LoadPlan, folder: Path) -> None:
        self.plans.append(plan)

    def samples(self) -> Sequence[LoadSample]:
        return [sample(1.0, users=self.users, failures=1)]

    def running(self) -> bool:
        return self.stopped == 0

    def stop(self) -> None:
        self.stopped += 1

    def last_lines(self) -> tuple[str, ...]:
        return ()


def run(swarm: Swarm, work: Generator[Event, None, str]) -> tuple[str, list[Event]]:
    operation = under_load(swarm, PLAN, Path(), SteppedClock(0.0), lambda _: work)
    events: list[Event] = []
    while True:
        try:
            events.append(next(operation))
        except StopIteration as stop:
            return stop.value, events


def works() -> Generator[Event, None, str]:
    yield Notice("killing")
    return "account"


def fails() -> Generator[Event, None, str]:
    yield Notice("killing")
    raise FaultFailed("nothing was killed")


def told(events: Sequence[Event]) -> Iterator[str]:
    return (event.text for event in events if isinstance(event, Notice))


def test_the_users_are_there_before_the_fault_and_gone_after_it() -> None:
    swarm = Swarm()
    value, events = run(swarm, works())
    assert (value, swarm.stopped) == ("account", 1)
    assert list(told(events)) == ["killing", "meanwhile 200 users sent 20 requests, and 2 failed"]
    assert swarm.plans[0].duration_s > PLAN.ramp_s + 600


def test_a_fault_that_fails_leaves_no_users_behind() -> None:
    swarm = Swarm()
    with pytest.raises(FaultFailed):
        run(swarm, fails())
    assert swarm.stopped == 1


def test_users_that_do_not_come_are_told() -> None:
    swarm = Swarm(users=3)
    _, events = run(swarm, works())
    assert next(told(events)) == "3 of 200 users are there: the fault goes on with them"
