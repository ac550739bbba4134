"""An operation while a load is at work, and whether its users noticed it: a change of code that is rolled out under load."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from shelterctl.core.events import Event, LoadTick, Notice
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.load.verdict import CheckName
from shelterctl.core.verdict import Judgement, Reason, Verdict, judge
from shelterctl.errors import ShelterError
from shelterctl.ops.up.up import UpResult

#: The users are all there, and have been for a moment.
SETTLED_S = 5.0
#: A request that the old pods took may fail so long after the rollout's end: a connection's timeout.
AFTER_S = 12.0
_JOIN_S = 5.0


@dataclass(frozen=True, slots=True)
class RolledOut:
    """A load with a rollout in it. Times are seconds since the load's begin.

    `deployed` is None where the rollout failed, which `error` explains, and where it was broken off because the load was over
    (`cut_off`). `requests` and `failures` are those from its begin to AFTER_S after its end.
    """

    load: LoadResult
    deployed: UpResult | None
    error: str
    from_s: float | None
    until_s: float | None
    requests: int
    failures: int
    judgement: Judgement
    cut_off: bool = False


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    failures: int = 0
    elapsed_s: float = 0.0


class _Aside:
    """An operation in a thread of its own; what it yields is taken by the one that draws."""

    def __init__(self, work: Generator[Event, None, UpResult]) -> None:
        self._work = work
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.result: UpResult | None = None
        self.error = ""
        self._thread.start()

    @property
    def runs(self) -> bool:
        return self._thread.is_alive()

    @property
    def cut_off(self) -> bool:
        """Whether it was broken off before it had a result."""
        return self._stop.is_set() and self.result is None

    def taken(self) -> Iterator[Event]:
        while True:
            try:
                yield self._events.get_nowait()
            except queue.Empty:
                return

    def interrupt(self) -> None:
        """Has it end at its next event, as a Ctrl-C would; what it leaves it says itself."""
        self._stop.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            event = next(self._work)
            while True:
                self._events.put(event)
                event = self._work.throw(KeyboardInterrupt()) if self._stop.is_set() else next(self._work)
        except StopIteration as stop:
            self.result = stop.value
        except ShelterError as error:
            self.error = f"{error.what}: {error.why}" if error.why else error.what
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the rollout's end and no reason to lose the load
            self.error = f"{type(error).__name__}: {error}".rstrip(": ")


def rolled_out(
    load: Generator[Event, None, LoadResult], plan: LoadPlan, work: Callable[[], Generator[Event, None, UpResult]]
) -> Generator[Event, None, RolledOut]:
    """Runs the load, and once its users are there the rollout. Raises what the load raises; the rollout's errors are in the result."""
    counts, before, after = _Counts(), _Counts(), _Counts()
    aside: _Aside | None = None
    settled_s: float | None = None
    from_s: float | None = None
    until_s: float | None = None
    pending: BaseException | None = None
    try:
        while True:
            try:
                event = load.throw(pending) if pending is not None else next(load)
                pending = None
            except StopIteration as stop:
                result: LoadResult = stop.value
                break
            try:
                yield event
            except KeyboardInterrupt as error:
                pending = error
            if not isinstance(event, LoadTick):
                continue
            counts = _Counts(counts.requests + event.requests, counts.failures + event.failures, event.elapsed_s)
            if settled_s is None and event.users >= plan.users:
                settled_s = event.elapsed_s
            if aside is None and settled_s is not None and event.elapsed_s >= settled_s + SETTLED_S:
                before, from_s = counts, event.elapsed_s
                yield Notice("the users are there: the rollout begins")
                aside = _Aside(work())
            if aside is not None:
                yield from aside.taken()
                if until_s is None and not aside.runs:
                    until_s = event.elapsed_s
            if until_s is None or event.elapsed_s <= until_s + AFTER_S:
                after = counts
    finally:
        if aside is not None and aside.runs:
            aside.interrupt()
    if aside is not None:
        yield from aside.taken()
    found = RolledOut(
        load=result,
        deployed=aside.result if aside is not None else None,
        error=aside.error if aside is not None else "the load ended before its users were all there",
        from_s=from_s,
        until_s=until_s,
        requests=after.requests - before.requests if from_s is not None else 0,
        failures=after.failures - before.failures if from_s is not None else 0,
        judgement=Judgement(Verdict.UNKNOWN),
        cut_off=aside is not None and aside.cut_off,
    )
    return replace(found, judgement=judge_rollout(found, plan))


def judge_rollout(found: RolledOut, plan: LoadPlan) -> Judgement:
    """PASS where something was rolled out, and every request from its begin to a while after its end was answered."""
    failures, doubts = [], []
    longer = plan.command(duration_s=2 * plan.duration_s, watched=True)
    if found.load.interrupted:
        doubts.append(Reason("the run was interrupted"))
    if found.from_s is None:
        doubts.append(Reason(found.error, longer))
    elif found.deployed is None and found.error and not found.cut_off:
        failures.append(Reason(f"the rollout failed: {found.error}", "shelterctl up"))
    elif found.deployed is None or found.until_s is None:
        doubts.append(Reason("the load ended before the rollout did: what its users would have seen is not known", longer))
    elif not found.deployed.changed:
        doubts.append(Reason("nothing was rolled out: what runs is what the sources are", "change the application, and run it again"))
    elif found.load.traffic.duration_s < found.until_s + AFTER_S:
        doubts.append(Reason(f"the load ended {found.load.traffic.duration_s - found.until_s:.0f} s after the rollout: too soon", longer))
    if found.failures:
        kinds = ", ".join(f"{count:,} × {kind}" for kind, count in list(found.load.traffic.failure_kinds.items())[:3])
        failures.append(
            Reason(f"{found.failures:,} of {found.requests:,} requests failed while it was rolled out ({kinds})", "shelterctl logs app")
        )
    if found.from_s is not None and not found.requests:
        doubts.append(Reason("no request was answered while it was rolled out: what its users saw is not known", "shelterctl status"))
    # Users who wait, and counts that are missing, look like users who noticed nothing.
    doubts += [Reason(text, longer) for text in found.load.generator.lost]
    if found.load.generator.end in (GeneratorEnd.DIED, GeneratorEnd.STUCK):
        doubts.append(Reason("the generator did not end as it should: what was asked last is not counted", longer))
    for check in found.load.checks:
        if check.name in (CheckName.GENERATOR, CheckName.SERVING) and check.judgement.verdict is Verdict.UNKNOWN:
            doubts += check.judgement.reasons
    return judge(failures, doubts)
