"""`down`: removes what `up` made; the data stay unless they are to go too."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from shelterctl.core.deploy.stack import RemovalReport
from shelterctl.core.events import Event, Notice, Outcome
from shelterctl.ops.steps import Done, run_step
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target


@dataclass(frozen=True, slots=True)
class DownResult:
    """What was removed and what was kept."""

    namespace: str
    delete_data: bool
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    elapsed_s: float


def down(target: Target, clock: Clock, *, namespace: str, delete_data: bool) -> Generator[Event, None, DownResult]:
    """Takes the stack down. Doing it again removes nothing and is no error. Raises ApiUnreachable, ApiRejected, Interrupted."""
    began_s = clock.monotonic_s()

    def work() -> Generator[str, None, Done[RemovalReport]]:
        report = RemovalReport((), ())
        for item in target.remove(delete_data=delete_data):
            if isinstance(item, RemovalReport):
                report = item
            else:
                yield item
        if not report.removed:
            return Done("Nothing of shelterctl's is there", report, Outcome.UNCHANGED)
        return Done(f"Removed {len(report.removed)} objects", report)

    report = yield from run_step(
        clock,
        "remove",
        f"Removing the stack from {namespace}",
        work(),
        left="some objects are gone already: `shelterctl down` removes the rest",
    )
    if report.kept:
        yield Notice(f"Kept: {', '.join(report.kept)}")
    return DownResult(namespace, delete_data, report.removed, report.kept, clock.monotonic_s() - began_s)
