"""A recorded run through the controller's model: each of its passes beside what the controller did, and why they differ where they do.

The controller keeps the replicas that it recommended in its memory, reads the metrics a moment before its status tells it, and says
nothing of a pass that changed nothing. What a recording cannot show is named where it decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import atan2, cos, pi, sin

from shelterctl.core.autoscaling.memory import remembered
from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.controller import SYNC_S, proposal, samples, stabilizer, tolerances
from shelterctl.core.hpa.algorithm import ReplicaProposal, desired_from_utilization
from shelterctl.core.hpa.stabilization import History, Recommendation
from shelterctl.core.hpa.sync import SyncOutcome, sync
from shelterctl.core.state import Autoscaler

#: When a status came is known to so much: the pass was a moment before it.
BORDER_S = 1.0
#: The status is written after the pass has read its metrics, and comes here over a watch.
STATUS_LATE_S = 0.8


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of the controller, `at_s` since the load's begin.

    `read_percent` is what its status told afterwards, `model_percent` what the measurements that were seen give; `before` and `after` are
    the replicas as recorded, `model_after` what the model decides from `before`. `why` tells how the model came to it, `differs` what
    explains that it came to something else: empty where they agree.
    """

    at_s: float
    before: int
    after: int
    model_after: int
    read_percent: int | None
    model_percent: int | None
    why: str
    differs: str = ""

    @property
    def agrees(self) -> bool:
        return self.after == self.model_after

    @property
    def decided(self) -> bool:
        """Whether the controller or the model changed the replicas."""
        return self.before != self.after or self.before != self.model_after


@dataclass(frozen=True, slots=True)
class Replay:
    """All passes of a run. `readings_agree` counts those whose reading the measurements give, of `readings` that had one."""

    run: str
    period_s: float
    passes: tuple[Pass, ...]
    readings: int
    readings_agree: int
    notes: tuple[str, ...]

    @property
    def decisions(self) -> tuple[Pass, ...]:
        return tuple(item for item in self.passes if item.decided)

    @property
    def unexplained(self) -> tuple[Pass, ...]:
        return tuple(item for item in self.passes if not item.agrees and not item.differs)


def replay(recording: Recording, *, period_s: float = SYNC_S) -> Replay:
    """Raises ValueError, with the reason, for a recording that tells nothing of an autoscaler."""
    if not any(scaler is not None for scaler in recording.scalers.values):
        raise ValueError("it recorded no autoscaler")
    if not len(recording.usage):
        raise ValueError("it recorded no measurement of the pods: there is nothing to decide from")
    passes: list[Pass] = []
    history = History()
    first_s, first = recording.scalers.times_s[0], 0
    settings: tuple[object, ...] = ()
    readings: Counter[bool] = Counter()
    for at_s in pass_times(recording, period_s):
        before, after = recording.scalers.at(at_s - STATUS_LATE_S - 0.2), recording.scalers.at(at_s + STATUS_LATE_S)
        if before is None or after is None:
            continue
        if not history.recommendations:
            first = before.desired
            history = History(recommendations=(Recommendation(first, first_s),))
        changed = bool(settings) and settings != after.settings
        settings = after.settings
        reading, made = _read(recording, after, before.desired, at_s)
        border, memory = False, ""
        if reading is not None:
            readings[reading] += 1
        outcome = sync(stabilizer(after), history, before.desired, [made], at_s) if made is not None else None
        if outcome is not None and made is not None:
            border = _at_a_border(after, history, before.desired, after.desired, made, at_s)
            if outcome.replicas != after.desired:
                rules = stabilizer(after)
                memory = remembered(rules, history, before.desired, after.desired, made, at_s=at_s, first_s=first_s, first=first)
            # What the controller remembers of a rescale is what it did, not what the model would have done.
            history = outcome.normalized.history if outcome.normalized is not None else outcome.history
            if after.desired != before.desired:
                history = stabilizer(after).remember_rescale(history, before.desired, after.desired, at_s)
        passes.append(_pass(recording, at_s, before, after, made, outcome, changed=changed, border=border, memory=memory))
    notes = [*recording.blind]
    if not passes:
        notes.append("the autoscaler's status never changed while it was watched: when the controller looked is not known")
    if recording.damaged:
        notes.append(f"{recording.damaged} lines of the recording could not be read")
    return Replay(recording.run, period_s, tuple(passes), sum(readings.values()), readings[True], tuple(notes))


def pass_times(recording: Recording, period_s: float) -> Iterator[float]:
    """When the controller looked: its status changes tell its phase, and it looks at every period whether or not anything changes.

    A change of the status is a pass itself: where the phase moves (the controller restarted), the times follow it.
    """
    told = [
        at_s
        for (_, before), (at_s, after) in pairwise(zip(recording.scalers.times_s, recording.scalers.values, strict=True))
        if before is not None and after is not None and before != after
    ]
    if not told:
        return
    angles = [2 * pi * (at_s % period_s) / period_s for at_s in told]
    phase_s = (atan2(sum(map(sin, angles)), sum(map(cos, angles))) / (2 * pi) % 1.0) * period_s
    begin_s, end_s = recording.scalers.times_s[0], recording.ended_s
    at_s = begin_s - begin_s % period_s + phase_s
    grid = []
    while at_s <= end_s:
        near = [one for one in told if abs(one - at_s) < period_s / 2]
        if near:
            grid += near
        elif at_s > begin_s + STATUS_LATE_S:
            grid.append(at_s)
        at_s += period_s
    yield from sorted(set(grid))


def _read(recording: Recording, scaler: Autoscaler, replicas: int, at_s: float) -> tuple[bool | None, ReplicaProposal | None]:
    """Whether the measurements give the controller's reading (None where it has none), and the proposal of the round that does."""
    rounds = recording.rounds_for(at_s)
    pods = recording.pods.at(at_s - STATUS_LATE_S) or recording.pods.at(at_s) or ()
    made = [found for usage in rounds if (found := proposal(scaler, samples(pods, usage, at_s - STATUS_LATE_S / 2), replicas)) is not None]
    if not scaler.has_metric:
        failed = next((found for found in made if found.replicas is None), None)
        return None, failed or (replace(made[0], replicas=None, error="the controller had no metric") if made else None)
    fits = next((found for found in made if found.utilization_percent == scaler.cpu_percent), None)
    return fits is not None, fits if fits is not None else (made[0] if made else None)


def _pass(
    recording: Recording,
    at_s: float,
    before: Autoscaler,
    after: Autoscaler,
    made: ReplicaProposal | None,
    outcome: SyncOutcome | None,
    *,
    changed: bool,
    border: bool,
    memory: str,
) -> Pass:
    model_after = outcome.replicas if outcome is not None else before.desired
    found = Pass(
        at_s=at_s - recording.began_s,
        before=before.desired,
        after=after.desired,
        model_after=model_after,
        read_percent=after.cpu_percent if after.has_metric else None,
        model_percent=made.utilization_percent if made is not None else None,
        why=_why(made, outcome, before.desired),
    )
    if found.agrees:
        return found
    return replace(found, differs=_difference(found, before, after, changed=changed, border=border, memory=memory))


def _why(made: ReplicaProposal | None, outcome: SyncOutcome | None, current: int) -> str:
    if made is None:
        return "no measurement was seen"
    if made.replicas is None:
        return str(made.error)
    reading = f"{made.rule.value}, {made.replicas}" if not made.held else made.rule.value
    if outcome is None or outcome.normalized is None:
        return reading
    normalized = outcome.normalized
    if normalized.replicas != made.replicas and made.replicas != current:
        reason = normalized.scaling_limited.reason if normalized.scaling_limited.status else normalized.able_to_scale.reason
        return f"{reading}; {reason.value}: {normalized.replicas}"
    return reading


def _at_a_border(scaler: Autoscaler, history: History, current: int, after: int, made: ReplicaProposal, at_s: float) -> bool:
    """Whether the same pass a moment earlier or later decides what the controller did: a window or a policy's period ended just then."""
    moments = (at_s - BORDER_S, at_s + BORDER_S)
    return any(sync(stabilizer(scaler), history, current, [made], moment).replicas == after for moment in moments)


def _difference(found: Pass, before: Autoscaler, after: Autoscaler, *, changed: bool, border: bool, memory: str) -> str:
    """What a recording cannot show and explains the difference; empty where nothing does."""
    if changed:
        return "somebody changed the autoscaler's settings here: which of them this pass went by is not seen"
    wrote = after.last_scale_at_s is not None and after.last_scale_at_s != before.last_scale_at_s
    if found.before != found.after and not wrote:
        return "the replicas were set by somebody else: the autoscaler's last scale time did not move"
    if found.read_percent is not None and found.model_percent != found.read_percent:
        given = _from_reading(found, after)
        own = "" if found.model_percent is None else f", and those seen here give {found.model_percent}%"
        told = f"the controller read {found.read_percent}% from measurements that were not seen here{own}"
        return f"{told}; from its own reading the model decides the same" if given == found.after else told
    if border:
        return "a window or a policy's period ended within a second of this pass: on which side of it the controller was is not seen"
    return memory


def _from_reading(found: Pass, scaler: Autoscaler) -> int:
    """What the reading of the status asks for, within the bounds, where every pod counts."""
    if found.read_percent is None or not scaler.cpu_target_percent:
        return found.before
    wanted = desired_from_utilization(found.before, found.read_percent, scaler.cpu_target_percent, tolerances(scaler))
    return max(scaler.minimum, min(scaler.maximum, wanted))
