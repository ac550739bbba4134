"""Examples that the tests of the load share: a plan, seconds of load, pods and autoscalers, each changed by name where it matters."""

from __future__ import annotations

from dataclasses import replace

from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.load.histogram import bin_of
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.load.traffic import GeneratorEnd, GeneratorLoad, Traffic
from shelterctl.core.state import Autoscaler, Condition, ContainerState, Pod, PodName, Role, Usage

BEGAN = 1_000_000.0
PLAN = LoadPlan("http://127.0.0.1:30300", users=200, spawn_rate=20, duration_s=240, locustfile="shelter.py")
TRAFFIC = Traffic(
    requests=10_000,
    failures=0,
    duration_s=240.0,
    requests_per_s=41.7,
    p50_ms=42.0,
    p95_ms=210.0,
    p99_ms=480.0,
    max_ms=900.0,
    silent_s=0.1,
)
GENERATOR = GeneratorLoad(
    users_asked=200,
    users_reached=200,
    seconds=240.0,
    cpu_percent_mean=30.0,
    cpu_percent_peak=45.0,
    busy_ratio=0.0,
    lag_p99_ms=3.0,
    lag_max_ms=20.0,
    end=GeneratorEnd.FINISHED,
)


def sample(at_s: float, **changes: object) -> LoadSample:
    """A second with 10 answers of 20 ms from one pod; `at_s` is its end."""
    example = LoadSample(
        elapsed_s=at_s,
        wall_s=BEGAN + at_s,
        interval_s=1.0,
        users=200,
        requests=10,
        failures=0,
        latency_bins={bin_of(20.0): 10},
        max_ms=20.0,
        cpu_s=0.3,
        lag_bins={bin_of(1.0): 20},
        lag_max_ms=1.0,
        by_pod={"app-1": 10},
        first_by_pod={},
        by_name={"GET /data/[id]": 10},
        failure_kinds={},
        last_answer_s=at_s - 0.1,
    )
    return replace(example, **changes)  # type: ignore[arg-type]


def pod(name: str, *, ready: bool = True, role: Role = Role.APP, scheduling_message: str = "", reason: str = "") -> Pod:
    """A pod that requests 100m of CPU, up to 400m."""
    container = ContainerState(role.value, ready, 0, "running" if ready else "waiting", reason, "", "", "", "")
    return Pod(
        name=PodName(name),
        namespace="shelter",
        uid=f"uid-{name}",
        role=role,
        phase="Running" if ready else "Pending",
        ready=ready,
        deleting=False,
        node="minikube",
        ip="",
        revision="",
        owner_uid="",
        created_at_s=BEGAN - 600,
        ready_since_s=None,
        containers=(container,),
        scheduling_message=scheduling_message,
        cpu_requests_millicores=(100,),
        cpu_limits_millicores=(400,),
    )


def autoscaler(desired: int, cpu_percent: int | None, *, current: int | None = None, maximum: int = 5) -> Autoscaler:
    """An autoscaler from 2 to `maximum` at 70%; without a percentage it has no metric."""
    active = (
        Condition("ScalingActive", True, "ValidMetricFound", "")
        if cpu_percent is not None
        else Condition("ScalingActive", False, "FailedGetResourceMetric", "no metrics returned from resource metrics API")
    )
    return Autoscaler("app", 2, maximum, current or desired, desired, 70, cpu_percent, (active,))


def usage(at_s: float, *millicores: int) -> tuple[Usage, ...]:
    """What app-1, app-2, … used over the 15 s that ended at `at_s` after the load's begin."""
    return tuple(Usage(PodName(f"app-{n}"), cpu, 0, BEGAN + at_s, 15.0) for n, cpu in enumerate(millicores, 1))


def exact_clock(at_s: float, *, ahead_s: float = 0.0, node: str = "minikube") -> tuple[ClockReading, ...]:
    """A node's clock, asked at `at_s` after the load's begin: it had just told its time. Asked twice, shortly one after the other, the
    difference of the clocks is known as well."""
    return (ClockReading(node, BEGAN + at_s + ahead_s, BEGAN + at_s, BEGAN + at_s),)


TWO = [pod("app-1"), pod("app-2")]


def observed(*, cpu_percent: int | None = 3, desired: int = 2, maximum: int = 5) -> Observer:
    """Two ready pods and what the autoscaler reads before the load."""
    seen = Observer()
    seen.clocks(exact_clock(-20))
    seen.clocks(exact_clock(-19.9))
    seen.pods(BEGAN - 2, TWO)
    seen.autoscaler(BEGAN - 2, autoscaler(desired, cpu_percent, maximum=maximum))
    return seen


def under_load(seen: Observer) -> Observer:
    """A measurement that lies wholly under the load, seen at 36 s."""
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    return seen


def end(seen: Observer, seconds: float = 240) -> Timeline:
    return seen.timeline(BEGAN, BEGAN + seconds, {})
