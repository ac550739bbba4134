"""States, autoscalers and recordings that the tests of the autoscaler share."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

from shelterctl.core.state import Autoscaler, Condition, Pod, PodName, StackState, Usage, Workload
from tests.core.stack_examples import DEPLOYMENT, NOW, POD

DATA = Path(__file__).with_name("data")
#: A real run on minikube: 120 users for 240 s, an HPA from 2 to 5 at 70%, a measurement a minute.
REAL = "up-from-2-to-4"

WELL = (
    Condition("AbleToScale", True, "ReadyForNewScale", ""),
    Condition("ScalingActive", True, "ValidMetricFound", ""),
    Condition("ScalingLimited", False, "DesiredWithinRange", ""),
)


def scaler(percent: int | None, **changes: object) -> Autoscaler:
    """An HPA from 2 to 5 at 70%, whose controller read `percent`."""
    conditions = WELL if percent is not None else (Condition("ScalingActive", False, "FailedGetResourceMetric", "no metrics"),)
    example = Autoscaler("app", 2, 5, 2, 2, 70, percent, conditions, last_scale_at_s=NOW - 600, created_at_s=NOW - 7200)
    return replace(example, **changes)  # type: ignore[arg-type]


def pod(number: int, **changes: object) -> Pod:
    """A pod with 100m requested and 500m allowed, ready for long."""
    example = replace(
        POD,
        name=PodName(f"app-{number}"),
        uid=f"uid-{number}",
        created_at_s=NOW - 3600,
        start_time_s=NOW - 3600,
        ready_since_s=NOW - 3590,
        cpu_requests_millicores=(100,),
        cpu_limits_millicores=(500,),
    )
    return replace(example, **changes)  # type: ignore[arg-type]


def used(*millicores: int | None) -> tuple[Usage, ...]:
    """What app-0, app-1, … used; None for a pod without a measurement."""
    return tuple(Usage(PodName(f"app-{number}"), cpu, 0, NOW - 10, 60.0) for number, cpu in enumerate(millicores) if cpu is not None)


def state(autoscaler: Autoscaler | None, *millicores: int | None, pods: tuple[Pod, ...] | None = None, **changes: object) -> StackState:
    """A Deployment of as many pods as there are measurements."""
    all_pods = pods if pods is not None else tuple(pod(number) for number in range(len(millicores)))
    ready = sum(item.ready for item in all_pods)
    workload: Workload = replace(DEPLOYMENT, desired=len(all_pods), ready=ready, total=len(all_pods))
    example = StackState(NOW, "shelter", (workload,), all_pods, autoscaler, (), None, usage=used(*millicores))
    return replace(example, **changes)  # type: ignore[arg-type]


def unpacked(folder: Path, name: str = REAL) -> Path:
    """A run's folder with a recording of the data."""
    run = folder / f"20261130-032812-loadtest-{name}"
    run.mkdir(parents=True, exist_ok=True)
    (run / "events.jsonl").write_bytes(gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()))
    return run
