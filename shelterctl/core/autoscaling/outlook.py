"""What an autoscaler will do if the load stays as it is: the controller's passes one after another, over the same CPU in all pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shelterctl.core.controller import SYNC_S, down_window_s, proposal, stabilizer
from shelterctl.core.hpa.pods import PodGroup, PodSample
from shelterctl.core.hpa.stabilization import History, Recommendation
from shelterctl.core.hpa.sync import sync
from shelterctl.core.state import Autoscaler

#: Longer than the longest window that the API server takes (an hour), and a few policies' periods.
_LONGEST_S = 3600.0 + 2 * 1800.0


@dataclass(frozen=True, slots=True)
class Coming:
    """So many replicas, `after_s` from now at the latest, and what the autoscaler reads when its pods are there."""

    after_s: float
    replicas: int
    percent: int | None


def outlook(scaler: Autoscaler, pods: Sequence[PodSample], current: int) -> tuple[Coming, ...]:
    """Each change of the replicas that is to come; none where it stays.

    The CPU of all counted pods together stays what it is and spreads evenly over the pods of then, each ready at once with a measurement:
    how long a pod takes to start is not in it. The controller's memory is taken to hold nothing but `current`, as far back as its
    window goes: a change that takes pods away comes at the latest so.
    """
    first = proposal(scaler, pods, current)
    if first is None or first.measured is None or current == 0:
        return ()
    counted = {pod.name for pod in first.pods if pod.group is PodGroup.READY}
    model = next(pod for pod in pods if pod.name in counted)
    used = first.measured.usage_millicores
    rules = stabilizer(scaler)
    history = History(recommendations=(Recommendation(current, 0.0),))
    now_s, replicas, found = SYNC_S, current, list[Coming]()
    made = first
    quiet_s = down_window_s(scaler) + scaler.scale_up_window_s + 2 * SYNC_S
    changed_s = 0.0
    while now_s < _LONGEST_S and now_s - changed_s <= quiet_s:
        outcome = sync(rules, history, replicas, [made], now_s)
        history = outcome.history
        if outcome.replicas != replicas:
            replicas, changed_s = outcome.replicas, now_s
            made = proposal(scaler, _spread(model, used, replicas), replicas) or made
            found.append(Coming(now_s, replicas, made.measured.percent if made.measured is not None else None))
        else:
            made = proposal(scaler, _spread(model, used, replicas), replicas) or made
        now_s += SYNC_S
    return tuple(found)


def _spread(model: PodSample, used_millicores: int, replicas: int) -> list[PodSample]:
    each = used_millicores // max(replicas, 1)
    settled = replace(model, ready=True, deleting=False, start_age_s=3600.0, transition_age_s=3600.0, sample_age_s=0.0)
    return [replace(settled, name=f"{model.name}-{number}", usage_millicores=each) for number in range(replicas)]
