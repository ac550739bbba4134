"""The autoscaler: metrics of the pods as metrics-server gives them, and the controller's pass over them, from `core/hpa`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from shelterctl.adapters.local.spec import ScalerSpec
from shelterctl.adapters.local.supervisor.cpu import Meter, memory_bytes
from shelterctl.adapters.local.supervisor.pods import KeptPod
from shelterctl.core.hpa.algorithm import propose_replicas
from shelterctl.core.hpa.behavior import parse_behavior, tolerances_of, with_defaults
from shelterctl.core.hpa.pods import PodSample
from shelterctl.core.hpa.stabilization import History, Stabilizer
from shelterctl.core.hpa.sync import sync
from shelterctl.core.state import Autoscaler, Condition, Usage

#: Each measurement covers so long. A cluster's covers 15 to 60 s; here nothing has to be collected from elsewhere first.
METRIC_PERIOD_S = 5.0
#: How long the first metric may take without a word about it: a start, and two measurements.
FIRST_METRIC_S = 20.0
NAME = "app"


@dataclass(slots=True)
class _Reading:
    cpu_s: float
    at_s: float


@dataclass(slots=True)
class Metrics:
    """The last measurement of each pod, each over one period that the pod was there for from its beginning to its end."""

    usage: tuple[Usage, ...] = ()
    taken_at: float = 0.0
    due_s: float = 0.0
    _meters: dict[str, Meter] = field(default_factory=dict)
    _readings: dict[str, _Reading] = field(default_factory=dict)

    def step(self, pods: Sequence[KeptPod], now_s: float) -> bool:
        """Measures where it is time. `now_s` is monotonic. True where there is a new measurement."""
        if now_s < self.due_s:
            return False
        self.due_s = max(self.due_s + METRIC_PERIOD_S, now_s + METRIC_PERIOD_S / 2) if self.due_s else now_s + METRIC_PERIOD_S
        found = []
        here: dict[str, _Reading] = {}
        for pod in pods:
            if pod.running is None:
                continue
            meter = self._meters.setdefault(pod.container_id, Meter())
            reading = _Reading(meter.read(pod.running.pid, now_s), time.monotonic())
            before = self._readings.get(pod.container_id)
            here[pod.container_id] = reading
            if before is None or pod.deleting:
                continue
            window_s = reading.at_s - before.at_s
            millicores = round(1000 * (reading.cpu_s - before.cpu_s) / window_s)
            found.append(Usage(pod.name, millicores, memory_bytes(meter.pids), time.time(), window_s))
        self._meters = {key: meter for key, meter in self._meters.items() if key in here}
        self._readings = here
        self.usage, self.taken_at = tuple(found), time.monotonic()
        return True


@dataclass(slots=True)
class Scaler:
    """One HorizontalPodAutoscaler and what its controller remembers."""

    spec: ScalerSpec
    replicas: int
    sync_period_s: float
    history: History = field(default_factory=History)
    conditions: dict[str, Condition] = field(default_factory=dict)
    cpu_percent: int | None = None
    last_scale_s: float | None = None
    due_s: float = 0.0
    began_s: float = field(default_factory=time.monotonic)
    created_at_s: float = field(default_factory=time.time)

    def change(self, spec: ScalerSpec) -> None:
        """Other settings; what it remembers stays, as in the controller."""
        self.spec = spec

    def step(self, pods: Sequence[KeptPod], usage: Sequence[Usage], now_s: float, age_s: float = 0.0) -> tuple[tuple[str, str], ...]:
        """One pass where it is time (`now_s` is monotonic, `age_s` the measurements' age). Returns its events, as reason and message."""
        if now_s < self.due_s:
            return ()
        wall_s = time.time()
        measured = {each.pod: each for each in usage}
        behavior = parse_behavior(self.spec.behavior)
        samples = [_sample(pod, measured.get(pod.name), time.monotonic(), age_s) for pod in pods]
        proposal = propose_replicas(
            self.replicas, self.spec.cpu_target_percent, samples, tolerance=tolerances_of(behavior, configurable=True)
        )
        # Until it has had a metric it is not made to wait a whole period for the next look.
        self.due_s = now_s + (self.sync_period_s if proposal.error is None else min(METRIC_PERIOD_S, self.sync_period_s))
        if proposal.error is not None and self.cpu_percent is None and now_s - self.began_s < FIRST_METRIC_S:
            # Nothing is wrong yet: no pod can have been measured while it was ready.
            return ()
        stabilizer = Stabilizer(self.spec.minimum, self.spec.maximum, None if behavior is None else with_defaults(behavior))
        outcome = sync(stabilizer, self.history, self.replicas, [proposal], now_s)
        self.history, self.replicas = outcome.history, outcome.replicas
        if proposal.error is None or outcome.combined is not None:
            self.cpu_percent = proposal.utilization_percent
        if outcome.rescaled:
            self.last_scale_s = wall_s
        self.conditions |= {c.type.value: Condition(c.type.value, c.status, c.reason.value, c.message) for c in outcome.conditions}
        return tuple((event.reason.value, event.message) for event in outcome.events)

    def record(self, current: int) -> Autoscaler:
        behavior = parse_behavior(self.spec.behavior)
        window_s = float(with_defaults(behavior).scale_up.stabilization_window_s) if behavior is not None else 0.0
        return Autoscaler(
            NAME,
            self.spec.minimum,
            self.spec.maximum,
            current,
            self.replicas,
            self.spec.cpu_target_percent,
            self.cpu_percent,
            tuple(self.conditions.values()),
            self.last_scale_s,
            window_s,
            self.spec.behavior,
            self.created_at_s,
        )


def _sample(pod: KeptPod, usage: Usage | None, now_s: float, age_s: float) -> PodSample:
    return PodSample(
        name=pod.name,
        phase="Running" if pod.running is not None or pod.restarts else "Pending",
        ready=pod.ready,
        start_age_s=now_s - pod.created_at,
        transition_age_s=now_s - pod.ready_changed_at,
        deleting=pod.deleting,
        requests_millicores=(pod.template.cpu_request_millicores or None,),
        usage_millicores=None if usage is None else usage.cpu_millicores,
        sample_age_s=0.0 if usage is None else age_s,
        window_s=METRIC_PERIOD_S if usage is None else usage.window_s,
        container_names=(pod.template.container,),
    )
