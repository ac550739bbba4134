"""`prove`: the whole job, claim by claim, each by the operation that proves it alone; and a load that goes on while the database dies."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from shelterctl.core.claims import Claim, Evidence, judge_claims
from shelterctl.core.events import Event, Notice, PartStarted
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.verdict import Judgement, Verdict
from shelterctl.errors import (
    ApiRejected,
    ApiUnreachable,
    CapabilityMissing,
    ClusterError,
    FaultFailed,
    Interrupted,
    LoadGeneratorFailed,
    NotDeployed,
    PrerequisiteError,
    ShelterError,
    UsageError,
)
from shelterctl.ports.clock import Clock
from shelterctl.ports.load import LoadGenerator

R = TypeVar("R")
#: How long the users of the load under a fault may take to be there.
RAMP_POLL_S = 0.2
#: Longer than any fault is followed: it is ended with it.
LONGEST_FAULT_S = 1800.0
#: Errors that leave a claim open: the tool could not look, which says nothing of the stack.
_OPEN = (PrerequisiteError, ApiUnreachable, FaultFailed, LoadGeneratorFailed, NotDeployed, UsageError)


@dataclass(frozen=True, slots=True)
class Part:
    """One claim's proof. `work` runs it and returns what it found; `title` says what it does."""

    claim: Claim
    title: str
    work: Callable[[], Generator[Event, None, Evidence]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found of every claim, in order."""

    context: str
    namespace: str
    judgement: Judgement
    claims: tuple[Evidence, ...]
    elapsed_s: float
    interrupted: bool = False


def prove(
    parts: Sequence[Part], left_out: Sequence[Evidence], clock: Clock, *, context: str, namespace: str
) -> Generator[Event, None, Proof]:
    """Runs the parts in order and gathers what they found; `left_out` are the claims that nobody asked for.

    An error of one part is its claim's verdict: FAIL where it is the stack's own, UNKNOWN where the tool could not look. What rests on a
    deployment that failed is not tried.
    """
    began_s = clock.monotonic_s()
    found: list[Evidence] = []
    interrupted = False
    for number, part in enumerate(parts, 1):
        deployed = next((each for each in found if each.claim is Claim.DEPLOYS), None)
        if interrupted:
            found.append(Evidence(part.claim, Verdict.UNKNOWN, "interrupted before it was looked at", "shelterctl prove"))
            continue
        if deployed is not None and deployed.verdict is not Verdict.PASS:
            found.append(Evidence(part.claim, Verdict.UNKNOWN, "nothing was deployed to look at", deployed.next_command))
            continue
        yield PartStarted(part.claim.value, part.title, number, len(parts))
        part_s = clock.monotonic_s()
        try:
            evidence = yield from part.work()
        except (Interrupted, KeyboardInterrupt) as error:
            interrupted = True
            text = error.why or error.what if isinstance(error, Interrupted) else "interrupted"
            evidence = Evidence(part.claim, Verdict.UNKNOWN, text, "shelterctl prove")
        except ShelterError as error:
            evidence = of_error(part.claim, error)
            if evidence.verdict is not None:
                yield Notice(f"{error.what}{f': {error.why}' if error.why else ''}", "warning")
        # Whoever breaks a part off wants no database killed after it.
        interrupted = interrupted or evidence.interrupted
        found.append(replace(evidence, elapsed_s=clock.monotonic_s() - part_s))
    claims = tuple(sorted((*found, *left_out), key=lambda each: list(Claim).index(each.claim)))
    return Proof(context, namespace, judge_claims(claims), claims, clock.monotonic_s() - began_s, interrupted)


def of_error(claim: Claim, error: ShelterError) -> Evidence:
    """What an error says of a claim."""
    text = f"{error.what}{f' ({error.why})' if error.why else ''}"
    if isinstance(error, CapabilityMissing):
        return Evidence(claim, None, text, error.next_command)
    # Whoever may not look, or may not deploy, has learned nothing of the stack.
    forbidden = isinstance(error, ApiRejected) and error.status in (401, 403)
    stack_s_own = claim is Claim.DEPLOYS and isinstance(error, ClusterError) and not isinstance(error, _OPEN) and not forbidden
    return Evidence(claim, Verdict.FAIL if stack_s_own else Verdict.UNKNOWN, text, error.next_command)


def under_load(
    generator: LoadGenerator,
    plan: LoadPlan,
    folder: Path,
    clock: Clock,
    operation: Callable[[Callable[[], None]], Generator[Event, None, R]],
) -> Generator[Event, None, R]:
    """Runs an operation while the users of `plan` are at work. It may send them home; however it ends they are, and what became of them is
    told."""
    plan = replace(plan, duration_s=plan.ramp_s + LONGEST_FAULT_S)
    counted = _Counted()
    generator.start(plan, folder)
    try:
        yield from _all_there(generator, plan, clock, counted)
        result = yield from operation(generator.stop)
    finally:
        generator.stop()
    counted.take(generator)
    yield Notice(f"meanwhile {plan.users:,} users sent {counted.requests:,} requests, and {counted.failures:,} failed")
    return result


@dataclass(slots=True)
class _Counted:
    requests: int = 0
    failures: int = 0
    users: int = 0

    def take(self, generator: LoadGenerator) -> None:
        for sample in generator.samples():
            self.requests += sample.requests
            self.failures += sample.failures
            self.users = sample.users


def _all_there(generator: LoadGenerator, plan: LoadPlan, clock: Clock, counted: _Counted) -> Iterator[Event]:
    deadline_s = clock.monotonic_s() + 2 * plan.ramp_s + 10
    while generator.running() and counted.users < plan.users and clock.monotonic_s() < deadline_s:
        counted.take(generator)
        clock.sleep(RAMP_POLL_S)
    if counted.users < plan.users:
        yield Notice(f"{counted.users:,} of {plan.users:,} users are there: the fault goes on with them", "warning")
