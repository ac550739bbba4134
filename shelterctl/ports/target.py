"""The target: what runs a stack, and what `up` asks of it before anything is deployed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shelterctl.core.controller import ScalerSettings
    from shelterctl.core.deploy.room import NodeRoom
    from shelterctl.core.deploy.stack import ApplyReport, ObjectChange, RemovalReport, StackOptions, StackPlan
    from shelterctl.core.events import Event, PeriodsSeen
    from shelterctl.core.load.clocks import ClockReading
    from shelterctl.core.state import Autoscaler, Pod, PodName, StackState, Usage, Workload


class Hints(Protocol):
    """What a person runs to look closer, on this target. Each returns a command line."""

    def logs(self, pod: Pod, container: str, *, previous: bool = False) -> str: ...

    def describe(self, kind: str, namespace: str, name: str = "") -> str:
        """About one object of a kind, or about all of them in a namespace."""

    def replace(self, pod: Pod) -> str:
        """Has the pod's controller make a new one."""

    def restart(self, workload: Workload) -> str:
        """Has every pod of a workload begin anew."""


class Target(Protocol):
    """What runs the stack."""

    @property
    def noun(self) -> str:
        """What people call it in a sentence: `the cluster`."""

    @property
    def scale_up_within_s(self) -> float:
        """How long a metric of a load, the autoscaler's reading of it and a pod that it calls for may take at worst."""

    @property
    def hints(self) -> Hints: ...

    def version(self) -> str:
        """Raises ApiUnreachable, ContextError."""

    def plan(self, options: StackOptions) -> StackPlan:
        """Renders what `options` ask for. Changes nothing."""

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        """Creates what passwords are absent, and before them the namespaces that they live in; never changes one that exists.

        Returns the names of the passwords created, and what became of the namespaces. `force` as for `apply`. Raises ApiRejected.
        """

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:
        """Makes the target equal to the plan and prunes what an earlier plan made, but for what running pods may still need.

        Raises ApiRejected.
        """

    def prune_superseded(self, plan: StackPlan) -> ApplyReport:
        """Prunes what only the pods of earlier revisions needed; called when they have gone."""

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        """The stack now, with the warnings newer than `warnings_since_s` (epoch seconds)."""

    def restart(self, workload: Workload) -> None:
        """Has every pod of a workload replaced, as its rollout's strategy says. Raises ApiRejected."""

    def replace_pod(self, pod: Pod) -> None:
        """Has one pod made anew. Raises ApiRejected."""

    def set_autoscaler(self, scaler: Autoscaler, settings: ScalerSettings) -> str:
        """Writes the settings into the autoscaler. Returns the command that sets it back. Raises ApiRejected, Refused."""

    def clocks(self) -> tuple[ClockReading, ...]:
        """What the machines' own clocks last said, for each that runs pods. Raises ApiRejected where that may not be read."""

    def usage(self) -> tuple[Usage, ...]:
        """The pods' last measured usage. Raises ApiRejected where nothing measures them."""

    def periods(self, pods: Sequence[Pod]) -> PeriodsSeen:
        """The CPU periods of these pods' containers, and those in which they were throttled; with the reason where that cannot be read."""

    def rooms(self) -> tuple[NodeRoom, ...]:
        """What the machines can give to pods and have given; none where there is no such limit. Raises ApiRejected."""

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Pods, autoscaler and events as they change, until `stop()`; the first round tells what is there already."""

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]: ...

    def follow_logs(self, part: str, *, follow: bool, previous: bool, lines: int) -> Iterator[tuple[PodName, str]]: ...

    def cut_off_s(self) -> float:
        """How long this machine's own way to the service was broken since it was opened (a tunnel's, seconds); asks nobody."""

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:
        """Removes what `apply` made: yields what it waits for, and the report last."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A target that can be deployed to: `title` says what was found, `started` whether something had to be started for it.

    `version` is what the target says of itself. `machine_started_s` is the time before the machine under it was started (epoch
    seconds), where that was done: what the target tells of the time before is old.
    """

    title: str
    version: str
    started: bool
    machine_started_s: float | None = None


class Preparation(Protocol):
    """Gets a target ready for `up`. `title` names the step, `left` says what an interruption may leave behind."""

    @property
    def title(self) -> str: ...

    @property
    def left(self) -> str: ...

    def work(self, *, dry_run: bool) -> Generator[str, None, Ready]:
        """Checks, and starts what is not there unless `dry_run`. Yields what it waits for. Raises PrerequisiteErrors, ApiUnreachable."""
