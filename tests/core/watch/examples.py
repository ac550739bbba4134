"""What the tests of the watch share: a stack, and the words that its changes become."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shelterctl.core.events import Event
from shelterctl.core.state import Autoscaler, Condition, ContainerState, Pod, PodName, Role, Usage
from shelterctl.core.watch.model import WatchModel, fold

#: 2026-11-21 12:00:00 UTC
NOON = 1_795_262_400.0


def pod(
    name: str, role: Role = Role.APP, *, ready: bool = True, created_s: float = NOON - 600, restarts: int = 0, **changes: object
) -> Pod:
    """A pod that is ready 8 s after its creation; its uid is made of its name."""
    container = ContainerState(
        name="main", ready=ready, restarts=restarts, state="running", reason="", message="", image="i", image_id="", container_id="c"
    )
    example = Pod(
        name=PodName(name),
        namespace="shelter",
        uid=f"uid-{name}",
        role=role,
        phase="Running",
        ready=ready,
        deleting=False,
        node="minikube",
        ip="10.0.0.1",
        revision="1",
        owner_uid="o",
        created_at_s=created_s,
        ready_since_s=created_s + 8 if ready else None,
        containers=(container,),
    )
    return replace(example, **changes)  # type: ignore[arg-type]


def waiting(pod: Pod, reason: str) -> Pod:
    """The pod with its container waiting for that reason."""
    return replace(
        pod, ready=False, ready_since_s=None, containers=(replace(pod.containers[0], ready=False, state="waiting", reason=reason),)
    )


def scaler(desired: int = 2, cpu: int | None = 4, *, current: int | None = None, **changes: object) -> Autoscaler:
    """An autoscaler from 2 to 5 with a target of 70%; it has a metric where `cpu` is one."""
    why = Condition("ScalingActive", cpu is not None, "ValidMetricFound" if cpu is not None else "FailedGetResourceMetric", "no metrics")
    example = Autoscaler("app", 2, 5, current if current is not None else desired, desired, 70, cpu, (why,))
    return replace(example, **changes)  # type: ignore[arg-type]


def usage(at_s: float, **cpu_millicores: int) -> tuple[Usage, ...]:
    """A measurement of pods (`app_1` is app-1), 64 MiB each."""
    return tuple(Usage(PodName(name.replace("_", "-")), cpu, 64 * 2**20, at_s, 60.0) for name, cpu in cpu_millicores.items())


APP_1, APP_2, DB = pod("app-1"), pod("app-2"), pod("mongodb-0", Role.DATABASE)
STACK = (APP_1, APP_2, DB)


def told(events: Iterable[tuple[float, Event]], model: WatchModel | None = None) -> tuple[WatchModel, list[str]]:
    """The model after the events (seconds after noon), and the changes as `seconds subject: text`."""
    model = model or WatchModel("shelter", "minikube", NOON)
    words = []
    for after_s, event in events:
        step = fold(model, event, NOON + after_s)
        model = step.model
        words += [f"{after_s:g} {note.subject}: {note.text}" for note in step.notes]
    return model, words
