"""`doctor`: every prerequisite and every known trap, each with what was found and what mends it.

`--fix` runs the mends that lose nothing, and looks again until they show.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from shelterctl.core.checkup.check import CheckState, Checkup, Finding, Mended, Repair, count_states, wanted_repairs
from shelterctl.core.events import Event, Outcome
from shelterctl.core.state import Place
from shelterctl.errors import ShelterError
from shelterctl.ops.steps import Done, run_step
from shelterctl.ports.checkup import CheckupRepairs, Examiner
from shelterctl.ports.clock import Clock

#: Between two examinations while a repair takes effect.
RECHECK_S = 5.0


@dataclass(frozen=True, slots=True)
class DoctorPorts:
    """What the operation works with."""

    examiner: Examiner
    repairs: CheckupRepairs
    clock: Clock


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """Where to look, whether to mend, and the longest that a mend is waited for."""

    place: Place
    fix: bool
    timeout_s: float


def doctor(ports: DoctorPorts, request: DoctorRequest) -> Generator[Event, None, Checkup]:
    """Looks, and with `fix` mends and looks again. Raises Interrupted; whatever else goes wrong is a finding."""
    began_s = ports.clock.monotonic_s()
    findings = yield from run_step(ports.clock, "look", ports.examiner.title, _looked(ports.examiner))
    mended: list[Mended] = []
    while request.fix:
        tried = {item.repair for item in mended}
        todo = [finding for finding in wanted_repairs(findings) if finding.repair not in tried]
        if not todo:
            break
        repair = todo[0].repair
        assert repair is not None
        title = repair.value[0].upper() + repair.value[1:]
        awaited = {item.check for item in findings if item.repair is repair} | set(ports.examiner.proof_of(repair))
        work = _mend(ports, todo[0], repair, awaited, request.timeout_s)
        done, findings = yield from run_step(ports.clock, repair.name.lower(), title, work, left="run `shelterctl doctor` again")
        mended.append(done)
    place, elapsed_s = request.place, ports.clock.monotonic_s() - began_s
    return Checkup(place.context, place.namespace, findings, tuple(mended), elapsed_s, count_states(findings))


def _looked(examiner: Examiner) -> Generator[str, None, Done[tuple[Finding, ...]]]:
    findings = yield from examiner.examine()
    return Done(f"{len(findings)} checks", findings, Outcome.UNCHANGED)


def _mend(
    ports: DoctorPorts, finding: Finding, repair: Repair, awaited: set[str], timeout_s: float
) -> Generator[str, None, Done[tuple[Mended, tuple[Finding, ...]]]]:
    """Runs one repair and looks again until every check in `awaited` is well, or the time is over."""
    clock = ports.clock
    began_s = clock.monotonic_s()
    failed = ""
    try:
        yield from ports.repairs.repair(finding)
    except ShelterError as error:
        failed = f"{error.what}: {error.why}" if error.why else error.what
    while True:
        findings = yield from ports.examiner.examine()
        remaining = [item for item in findings if item.check in awaited and item.state not in (CheckState.OK, CheckState.SKIPPED)]
        elapsed_s = clock.monotonic_s() - began_s
        if not remaining:
            return Done(f"Done: {repair.value}", (Mended(repair, True, elapsed_s), findings))
        if failed or elapsed_s > timeout_s:
            remains = failed or f"{remaining[0].title}: {remaining[0].found}"
            title = f"Failed: {repair.value}" if failed else f"After {elapsed_s:.0f} s not well yet: {repair.value}"
            return Done(title, (Mended(repair, False, elapsed_s, remains), findings), Outcome.FAILED)
        yield f"{remaining[0].title}: {remaining[0].found}"
        clock.sleep(RECHECK_S)
