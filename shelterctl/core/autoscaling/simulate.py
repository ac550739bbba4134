"""What an autoscaler would have done under other settings: the controller's own rules, over the demand of a recorded run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shelterctl.core.autoscaling.demand import Demand
from shelterctl.core.controller import SYNC_S
from shelterctl.core.hpa.algorithm import propose_replicas
from shelterctl.core.hpa.behavior import Behavior, EffectiveBehavior, with_defaults
from shelterctl.core.hpa.pods import PodSample
from shelterctl.core.hpa.stabilization import History, Recommendation, Stabilizer
from shelterctl.core.hpa.sync import sync
from shelterctl.core.hpa.tolerance import Tolerances
from shelterctl.core.load.elasticity import Elasticity, Step, elasticity

#: metrics-server takes a rate from two points: a pod that is younger has none.
_FIRST_SAMPLE_S = 10.0
#: Between a measurement and the pass that can read it: metrics-server's own round.
_SERVED_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Setting:
    """An autoscaler's settings. `behavior` None is an HPA without one, which follows other rules."""

    target_percent: int
    minimum: int
    maximum: int
    behavior: EffectiveBehavior | None = None
    tolerances: Tolerances = field(default_factory=Tolerances)

    @property
    def down_window_s(self) -> float:
        return float(self.behavior.scale_down.stabilization_window_s) if self.behavior is not None else 300.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would have happened.

    `replicas` are those that the autoscaler asked for, `ready` those that were, `demanded` those that the load needed, each from a time on.
    `late_share` is the share of the requests that were sent while too few were ready, `pod_minutes` what the pods cost.
    """

    setting: Setting
    replicas: tuple[Step, ...]
    ready: tuple[Step, ...]
    demanded: tuple[Step, ...]
    elasticity: Elasticity
    late_share: float
    pod_minutes: float

    @property
    def most(self) -> int:
        return max(step.replicas for step in self.replicas)

    @property
    def changes(self) -> int:
        return len(self.replicas) - 1


@dataclass(slots=True)
class _Pod:
    name: str
    created_s: float
    ready_s: float


def simulate(demand: Demand, setting: Setting) -> Simulated:
    """Runs the controller over the demand, from the run's own first replicas on, within the setting's bounds."""
    start = min(max(demand.replicas, setting.minimum), setting.maximum)
    # The first pods are old ones: ready, measured, past the initialization period.
    pods = [_Pod(f"pod-{number}", -3600.0, -3600.0) for number in range(start)]
    used = [0.0]
    history = History(recommendations=(Recommendation(start, 0.0),))
    rules = Stabilizer(setting.minimum, setting.maximum, setting.behavior)
    samples: dict[str, tuple[float, float, float]] = {}
    replicas, ready = [Step(0.0, start)], [Step(0.0, start)]
    next_sync_s, next_round_s, made = demand.sync_phase_s % SYNC_S, demand.metric_phase_s % max(demand.metric_period_s, 1.0), start
    waiting: list[tuple[float, dict[str, tuple[float, float, float]]]] = []
    late, sent, pod_s = 0.0, 0.0, 0.0
    needed = demand.demanded()
    for second, offered in enumerate(demand.offered_per_s):
        now_s = float(second)
        count = sum(pod.ready_s <= now_s for pod in pods)
        if count != ready[-1].replicas:
            ready.append(Step(now_s, count))
        each = demand.idle_millicores + demand.cost_millicore_s * offered / max(count, 1)
        if demand.limit_millicores is not None:
            each = min(each, demand.limit_millicores)
        used.append(used[-1] + each)
        sent += offered
        late += offered if count < needed[second] else 0.0
        pod_s += len(pods)
        if now_s >= next_round_s:
            waiting.append((now_s + _SERVED_AFTER_S, _measure(pods, used, now_s, demand)))
            next_round_s += max(demand.metric_period_s, 1.0)
        while waiting and waiting[0][0] <= now_s:
            samples = waiting.pop(0)[1]
        if now_s >= next_sync_s:
            next_sync_s += SYNC_S
            current = replicas[-1].replicas
            found = [_sample(pod, samples.get(pod.name), demand, now_s) for pod in pods]
            proposal = propose_replicas(current, setting.target_percent, found, tolerance=setting.tolerances)
            outcome = sync(rules, history, current, [proposal], now_s)
            history = outcome.history
            if outcome.replicas != current:
                replicas.append(Step(now_s, outcome.replicas))
                while len(pods) < outcome.replicas:
                    pods.append(_Pod(f"pod-{made}", now_s, now_s + demand.start_s))
                    made += 1
                # A ReplicaSet takes its newest pods away first.
                del pods[outcome.replicas :]
    demanded = _steps(needed)
    end_s = float(max(demand.duration_s, 1))
    return Simulated(
        setting=setting,
        replicas=tuple(replicas),
        ready=tuple(ready),
        demanded=demanded,
        elasticity=elasticity(demanded, ready, start_s=0.0, end_s=end_s),
        late_share=late / sent if sent else 0.0,
        pod_minutes=pod_s / 60,
    )


def _measure(pods: Sequence[_Pod], used: Sequence[float], now_s: float, demand: Demand) -> dict[str, tuple[float, float, float]]:
    """Each pod's mean usage (millicores) over its window, when it was taken, and the window."""
    found = {}
    for pod in pods:
        window_s = min(demand.metric_window_s, now_s - pod.created_s)
        if window_s < _FIRST_SAMPLE_S:
            continue
        begin_s = now_s - window_s
        # It uses what a ready pod uses from its readiness on; before the load all are idle.
        from_s = max(begin_s, pod.ready_s)
        inside = used[int(now_s)] - used[int(max(from_s, 0.0))] if now_s > from_s else 0.0
        before = demand.idle_millicores * max(0.0, min(0.0, now_s) - min(from_s, 0.0))
        found[pod.name] = ((inside + before) / window_s, now_s, window_s)
    return found


def _sample(pod: _Pod, sample: tuple[float, float, float] | None, demand: Demand, now_s: float) -> PodSample:
    is_ready = pod.ready_s <= now_s
    return PodSample(
        name=pod.name,
        phase="Running",
        ready=is_ready,
        start_age_s=now_s - pod.created_s,
        transition_age_s=now_s - pod.ready_s if is_ready else now_s - pod.created_s,
        deleting=False,
        requests_millicores=(demand.request_millicores,),
        usage_millicores=None if sample is None else int(sample[0]),
        sample_age_s=0.0 if sample is None else now_s - sample[1],
        window_s=30.0 if sample is None else sample[2],
    )


def _steps(values: Sequence[int]) -> tuple[Step, ...]:
    found: list[Step] = []
    for second, value in enumerate(values):
        if not found or found[-1].replicas != value:
            found.append(Step(float(second), value))
    return tuple(found) or (Step(0.0, 1),)


def dominated(results: Sequence[Simulated]) -> tuple[bool, ...]:
    """Which of them another one beats: no more late requests and no more pod-minutes, and fewer of one of them."""

    def beats(one: Simulated, other: Simulated) -> bool:
        ours, theirs = (one.late_share, one.pod_minutes), (other.late_share, other.pod_minutes)
        return all(a <= b for a, b in zip(ours, theirs, strict=True)) and ours != theirs

    return tuple(any(beats(other, item) for other in results) for item in results)


def with_down_window(setting: Setting, window_s: int) -> Setting:
    """The same with another stabilization window for scaling down; an HPA without a behavior gets the API's defaults beside it."""
    behavior = setting.behavior or with_defaults(Behavior())
    return replace(setting, behavior=replace(behavior, scale_down=replace(behavior.scale_down, stabilization_window_s=window_s)))
