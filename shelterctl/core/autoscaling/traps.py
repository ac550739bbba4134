"""What keeps an autoscaler from scaling, beside what `core.checkup.scaling` judges: a rollout, a target that is not reached."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding
from shelterctl.core.controller import tolerances
from shelterctl.core.duration import format_duration
from shelterctl.core.state import Autoscaler, Role, StackState
from shelterctl.core.watch.notes import pod_trouble

ROLLOUT = Check("rollout", Area.STACK, "rollout")
LOAD = Check("measured-load", Area.SCALING, "the load so far")


@dataclass(frozen=True, slots=True)
class LastLoad:
    """The newest load that was recorded of this stack: its run, how long ago it ended, the highest reading, and the target of then."""

    run: str
    age_s: float
    peak_percent: int
    target_percent: int


def unfinished_rollout(state: StackState) -> Iterator[Finding]:
    """A Deployment whose pods do not come: what the autoscaler asked for is not there."""
    workload = state.workload(Role.APP)
    troubles = [f"{pod.name}: {said}" for pod in state.pods_of(Role.APP) if not pod.ready and (said := pod_trouble(pod))]
    # While a rollout's pods do not come, those of before it are ready still.
    if workload is None or (not workload.failure and workload.ready >= workload.desired and not troubles):
        return
    why = workload.failure or "; ".join(troubles[:2])
    text = f"{workload.ready} of {workload.desired} pods are ready"
    if why:
        yield ROLLOUT.problem(text, why, "shelterctl status")
    else:
        starting = "the others may be starting still: they count as using nothing until they are measured"
        yield ROLLOUT.warning(text, starting, "shelterctl status")


def unreached_target(scaler: Autoscaler, last: LastLoad | None) -> Iterator[Finding]:
    """A target that the measured load never reached, and the one that would have scaled."""
    target = scaler.cpu_target_percent
    if last is None or not target or last.peak_percent > target * (1 + tolerances(scaler).scale_up):
        return
    best = math.ceil(last.peak_percent / (1 + tolerances(scaler).scale_up)) - 1
    would = f"a target of {best}% or less would have called for a pod" if best > 0 else "no target would have called for a pod"
    mend = f"shelterctl up --cpu-target {best}" if best > 0 else "shelterctl loadtest --users 400"
    found = f"the last load ({last.run}, {format_duration(last.age_s)} ago) read {last.peak_percent}% at most, of a target of {target}%"
    yield LOAD.warning(found, would, f"{mend}   (or a larger load)" if best > 0 else mend)
