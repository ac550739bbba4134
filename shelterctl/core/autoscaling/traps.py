"""What keeps an autoscaler from scaling, beside what `core.checkup.scaling` judges: a rollout, a target that is not reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding
from shelterctl.core.controller import tolerances
from shelterctl.core.duration import format_duration
from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE, highest_target
from shelterctl.core.stack.inspection import Fact
from shelterctl.core.stack.stack import Stack
from shelterctl.core.state import Autoscaler, Pod, Role, StackState
from shelterctl.core.watch.notes import pod_trouble

ROLLOUT = Check("rollout", Area.STACK, "rollout")
#: Times are told in whole seconds by a cluster, and two autoscalers of one name are not made in one.
_SAME_S = 1.0
LOAD = Check("measured-load", Area.SCALING, "the load so far")


@dataclass(frozen=True, slots=True)
class LastLoad:
    """The newest load that was recorded where this stack is: its run, how long ago it ended, the highest reading, and the target of then.

    `scaler_created_at_s` is when the autoscaler of then was made (None in runs of earlier releases), `requests_millicores` what a pod of
    then requested of CPU: a reading is in percent of it.
    """

    run: str
    age_s: float
    peak_percent: int
    target_percent: int
    scaler_created_at_s: float | None = None
    requests_millicores: tuple[int | None, ...] = ()

    def is_of(self, scaler: Autoscaler, requests_millicores: tuple[int | None, ...], now_s: float) -> bool:
        """Whether it says something of this autoscaler over these pods: another `up` may stand between, with other pods."""
        if scaler.created_at_s is None:
            return False
        if self.scaler_created_at_s is not None:
            same = abs(self.scaler_created_at_s - scaler.created_at_s) < _SAME_S
        else:
            same = now_s - self.age_s > scaler.created_at_s
        return same and (not self.requests_millicores or self.requests_millicores == requests_millicores)


def unfinished_rollout(state: StackState) -> Iterator[Finding]:
    """A Deployment whose pods do not come: what the autoscaler asked for is not there."""
    workload = state.workload(Role.APP)
    troubles = [f"{pod.name}: {said}" for pod in state.pods_of(Role.APP) if not pod.ready and (said := _trouble(pod))]
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


def _trouble(pod: Pod) -> str:
    """What keeps it from running, with the image where it is that."""
    said = pod_trouble(pod)
    image = next((container.image for container in pod.every_container if "Image" in said and container.reason == said), "")
    return f"{said} ({image})" if image else said


def unreached_target(state: StackState, scaler: Autoscaler, last: LastLoad | None, now_s: float) -> Iterator[Finding]:
    """A target that the measured load never reached, and the one that would have scaled. A load of an earlier stack says nothing of it."""
    target = scaler.cpu_target_percent
    requests = next((pod.cpu_requests_millicores for pod in state.pods_of(Role.APP) if not pod.deleting), ())
    if last is None or not target or not last.is_of(scaler, requests, now_s):
        return
    if last.peak_percent > target * (1 + tolerances(scaler).scale_up):
        return
    best, would = _would_have(last, tolerances(scaler).scale_up)
    mend = f"shelterctl up --cpu-target {best}" if best > 0 else "shelterctl loadtest --users 400"
    found = f"the last load ({last.run}, {format_duration(last.age_s)} ago) read {last.peak_percent}% at most, of a target of {target}%"
    yield LOAD.warning(found, would, f"{mend}   (or a larger load)" if best > 0 else mend)


def _would_have(last: LastLoad, tolerance: float) -> tuple[int, str]:
    """The highest target that a load would have scaled, 0 where none would, and the sentence."""
    best = highest_target(last.peak_percent, tolerance)
    return best, f"a target of {best}% or less would have called for a pod" if best > 0 else "no target would have called for a pod"


def measured_before(stack: Stack, last: LastLoad | None) -> Iterator[Fact]:
    """What a load of before says of the autoscaler that a stack's files have: that its target was not reached, and which would have been.

    Said only where the pods of then requested what they request now: a reading is in percent of it.
    """
    app, scaler = stack.roles.app, stack.scaler
    if last is None or app is None or scaler is None or scaler.cpu_percent is None:
        return
    requests = tuple(container.cpu_request_millicores for container in app.containers)
    if requests != last.requests_millicores or None in requests:
        return
    if last.peak_percent > scaler.cpu_percent * (1 + DEFAULT_TOLERANCE):
        return
    millicores = sum(request or 0 for request in requests) * last.peak_percent // 100
    _, would = _would_have(last, DEFAULT_TOLERANCE)
    text = f"the last load here ({last.run}) read {last.peak_percent}% at most, {millicores}m a pod: {would}"
    yield Fact("application", text, scaler.origin)
